"""The agent over the bus: what flows rely on, with the fake driver and with real guests."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pileus_compute.agent.endpoint import HostEndpoint
from pileus_compute.agent.heartbeat import AgentHeartbeat
from pileus_compute.drivers.qemu import taps as taps_module
from pileus_compute.errors import GuestNotRunning, HypervisorDown, HypervisorFailed, TapMissing
from pileus_compute.rpc import ControlPlane, GuestState, HostAgent, Inventory, Power, Upload, Wanted
from pileus_deploy import libvirtd
from pileus_kit.rpc import Bus, Refused


class RecordingControlPlane(ControlPlane):
    """A control plane that records what hosts report."""

    def __init__(self) -> None:
        self.hellos: list[list[GuestState]] = []
        self.desired: list[Wanted] = []
        self.reported = threading.Event()

    def hello(self, host: str, inventory: Inventory, guests: list[GuestState]) -> None:
        self.hellos.append(guests)
        self.reported.set()

    def wanted(self, host: str) -> list[Wanted]:
        return self.desired


@pytest.fixture
def agent(bench) -> Iterator[HostAgent]:
    bus = Bus("fake://")
    server = bus.serve(HostEndpoint(bench.hypervisor, bench.volumes / "snapshots"), "h")
    yield bus.client(HostAgent, "h")
    server.stop()
    bus.close()


def power(agent, guest):
    return agent.state(guest.id).power


def test_a_guests_life_over_the_bus(agent, bench):
    guest = bench.guest(config_drive={"openstack/latest/meta_data.json": b'{"hostname": "drive"}'})
    agent.prepare(guest)
    assert agent.boot(guest).root_device == "/dev/vda"
    agent.power_off(guest.id, 0)
    agent.power_off(guest.id, 0)
    assert power(agent, guest) is Power.STOPPED
    assert agent.reboot(guest, hard=True).power is Power.RUNNING
    agent.pause(guest.id)
    agent.unpause(guest.id)
    assert GuestState(guest.id, Power.RUNNING) in agent.guests()
    agent.destroy(guest.id)
    agent.destroy(guest.id)
    assert guest.id not in {g.id for g in agent.guests()}


def test_refusals_say_what_and_why(agent, bench):
    guest = bench.guest()
    with pytest.raises(Refused) as refused:
        agent.pause(guest.id)
    assert (refused.value.kind, refused.value.status) == ("GuestAbsent", 404)
    agent.prepare(guest)
    agent.boot(guest)
    agent.power_off(guest.id, 0)
    with pytest.raises(Refused) as refused:
        agent.console(guest.id, "vnc")
    assert refused.value.kind == GuestNotRunning.__name__


def test_the_power_of_a_guest_that_ignores_the_button_is_cut(agent, bench):
    guest = bench.guest()
    agent.prepare(guest)
    agent.boot(guest)
    if not bench.real:
        bench.hypervisor.ignores_power_button = True
    agent.power_off(guest.id, 1)  # a real one is still in its boot loader
    assert power(agent, guest) is Power.STOPPED


def test_rescue_and_back(agent, bench):
    guest = bench.guest()
    agent.prepare(guest)
    agent.boot(guest)
    agent.power_off(guest.id, 0)
    rescued = replace(guest, rescue=bench.image)
    assert agent.rescue(rescued).power is Power.RUNNING
    assert agent.unrescue(guest).power is Power.RUNNING


def test_a_snapshot_reaches_the_image_service(agent, bench, image_server):
    guest = bench.guest()
    agent.prepare(guest)
    agent.boot(guest)
    sent = agent.snapshot(guest.id, Upload("snap", image_server.url("snap"), "good"))
    assert sent.size == len(image_server.images["/snap"]) > 0
    assert not list((bench.volumes / "snapshots").iterdir())
    if bench.real:
        assert image_server.images["/snap"].startswith(b"QFI\xfb")


def test_what_a_killed_agent_left_of_a_snapshot_is_ended(bench):
    if not bench.real:
        pytest.skip("the fake's snapshots take no time")
    host, guest = HostEndpoint(bench.hypervisor, bench.volumes / "snapshots"), bench.guest()
    host.prepare(guest)
    host.boot(guest)
    host.scratch.mkdir(exist_ok=True)
    mirror, domain = host.scratch / f"{guest.id}.mirror", bench.hypervisor.connection.get().lookupByUUIDString(guest.id)
    domain.blockCopy("vda", f"<disk type='file'><source file='{mirror}'/><driver type='qcow2'/></disk>", {}, 4)
    assert domain.blockJobInfo("vda", 0)
    host.recover()
    assert not domain.blockJobInfo("vda", 0) and not mirror.exists()


def test_the_console_log_is_bounded_by_lines(agent, bench):
    guest = bench.guest()
    agent.prepare(guest)
    agent.boot(guest)
    deadline = time.monotonic() + 300
    while not (text := agent.console_log(guest.id)).strip():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert agent.console_log(guest.id, 1).count("\n") <= 1
    assert agent.console_log(guest.id, 0) == ""
    assert len(text) <= 100 * 1024


def test_an_unwired_tap_is_waited_for_and_then_refused(bench, taps, monkeypatch):
    if not bench.real:
        pytest.skip("the fake has no taps")
    monkeypatch.setattr("pileus_compute.drivers.qemu.taps.PATIENCE_S", 0.2)
    guest = bench.guest(nics=(taps.nic(),))
    bench.hypervisor.prepare(guest)
    with pytest.raises(TapMissing):
        bench.hypervisor.boot(guest)
    with pytest.raises(TapMissing), taps_module.needed([taps.wire(guest.nics[0]).tap]):
        taps.clear()  # the network's agent makes it anew just now
        raise HypervisorFailed(what="start", why="no such device")


def test_a_guest_that_stops_by_itself_is_reported(bench):
    control, host = RecordingControlPlane(), HostEndpoint(bench.hypervisor, bench.volumes / "snapshots")
    heartbeat = AgentHeartbeat(host, control, "h")
    heartbeat.start()
    guest = bench.guest()
    host.prepare(guest)
    host.boot(guest)
    if bench.real:
        bench.hypervisor.cut_power(guest.id)
    else:
        bench.hypervisor.crash(guest.id, Power.STOPPED)
    deadline = time.monotonic() + 60
    while GuestState(guest.id, Power.STOPPED) not in (control.hellos or [[]])[-1]:
        assert time.monotonic() < deadline
        control.reported.wait(1)
        control.reported.clear()
    heartbeat.stop()


def test_a_cloud_that_was_shut_down_starts_what_ran(bench, request):
    if not bench.real:
        pytest.skip("the fake has no daemon to shut down")
    daemon, guest, host = (
        request.getfixturevalue("libvirtd"),
        bench.guest(),
        HostEndpoint(bench.hypervisor, bench.volumes),
    )
    host.prepare(guest)
    host.boot(guest)
    assert libvirtd.stop_guests(daemon.uri, "plt", bench.volumes, patience_s=1).count(f"plt-{guest.name}") == 1
    control = RecordingControlPlane()
    control.desired = [Wanted(guest.id, Power.RUNNING)]
    heartbeat = AgentHeartbeat(host, control, "h")
    assert heartbeat.restarts.find_lost() == {guest.id}
    heartbeat.restarts.restart_lost()
    assert host.state(guest.id).power is Power.RUNNING
    host.power_off(guest.id, 0)
    assert heartbeat.restarts.find_lost() == set()


def test_the_agent_finds_a_restarted_libvirtd_again(bench, request):
    if not bench.real:
        pytest.skip("the fake has no daemon")
    daemon, guest, changes = request.getfixturevalue("libvirtd"), bench.guest(), []
    bench.hypervisor.watch(changes.append)
    bench.hypervisor.prepare(guest)
    bench.hypervisor.boot(guest)
    libvirtd.stop(daemon.state)
    with pytest.raises(HypervisorDown):
        bench.hypervisor.state(guest.id)
    libvirtd.start(daemon.state)
    assert bench.hypervisor.state(guest.id).power is Power.RUNNING
    deadline = time.monotonic() + 60
    while GuestState(guest.id, Power.PAUSED) not in changes:  # libvirtd tells nothing of its very first moments
        assert time.monotonic() < deadline
        bench.hypervisor.pause(guest.id)
        bench.hypervisor.unpause(guest.id)


def test_after_a_power_cut_what_ran_runs_again_and_what_was_off_stays_off(bench, request):
    control, host = RecordingControlPlane(), HostEndpoint(bench.hypervisor, bench.volumes / "snapshots")
    lost, stopped, unwanted = (bench.guest() for _ in range(3))
    for guest in (lost, stopped, unwanted):
        host.prepare(guest)
        host.boot(guest)
    host.power_off(stopped.id, 0)
    if bench.real:
        request.getfixturevalue("libvirtd").power_cut()
    else:
        bench.hypervisor.power_cut()
    again = HostEndpoint(bench.new(), bench.volumes / "snapshots")
    control.desired = [Wanted(lost.id, Power.RUNNING), Wanted(stopped.id, Power.STOPPED)]
    heartbeat = AgentHeartbeat(again, control, "h")
    assert heartbeat.restarts.find_lost() == {lost.id}
    heartbeat.report()
    reported = {g.id for g in control.hellos[-1]}
    assert {stopped.id, unwanted.id} <= reported and lost.id not in reported  # it was not switched off
    heartbeat.restarts.restart_lost()
    heartbeat.report()
    assert GuestState(lost.id, Power.RUNNING) in control.hellos[-1]
    assert [again.state(g.id).power for g in (lost, stopped, unwanted)] == [Power.RUNNING, Power.STOPPED, Power.STOPPED]
    again.hypervisor.close()
