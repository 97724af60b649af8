"""What every hypervisor driver promises. `fake` and `libvirt` (real QEMU guests) both have to pass."""

import json
import subprocess
import threading
import time

import pytest

from pileus_compute.drivers.base import Console, Extend, KeptDisks, Restart, Snapshot, Suspend, VolumeSnapshots
from pileus_compute.errors import GuestAbsent, GuestNotRunning, GuestUnsupported
from pileus_compute.rpc import GuestState, Power, Volume
from pileus_kit.formats import inspect

NOBODY = "00000000-0000-4000-8000-000000000000"
MIB = 1 << 20
META_DATA = "openstack/latest/meta_data.json"


def wait_for(condition, patience_s=300):
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def booted(bench, guest, times=1):
    """Wait until the guest's console says that its system is up."""
    assert isinstance(bench.hypervisor, Console)
    wait_for(lambda: bench.hypervisor.console_log(guest.id, 65536).count(b"boot finished") >= times)


def running(bench, **changes):
    guest = bench.guest(**changes)
    bench.hypervisor.prepare(guest)
    assert bench.hypervisor.boot(guest).power is Power.RUNNING
    return guest


@pytest.fixture
def live(bench, lasting):
    """A guest whose system is up; the tests share it, because an emulated one takes its time to boot."""
    guest = lasting.setdefault(bench.real, bench.guest(config_drive={META_DATA: b'{"uuid": "1"}'}))
    bench.hypervisor.prepare(guest)
    up = guest.id in [g.id for g in bench.hypervisor.guests() if g.power is Power.RUNNING]
    before = boots(bench, guest)
    bench.hypervisor.boot(guest)
    if not up:
        booted(bench, guest, before + 1)
    return guest


def boots(bench, guest):
    return bench.hypervisor.console_log(guest.id, 65536).count(b"boot finished")


def volume_file(bench, name, size_mib=64):
    path = bench.volumes / f"{name}.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), f"{size_mib}M"], check=True)
    return Volume(name, {"driver_volume_type": "file", "data": {"path": str(path), "format": "qcow2"}})


def test_preparing_and_booting_twice_is_once(bench):
    guest = running(bench)
    bench.hypervisor.prepare(guest)
    assert bench.hypervisor.boot(guest).power is Power.RUNNING
    assert [g for g in bench.hypervisor.guests() if g.id == guest.id] == [GuestState(guest.id, Power.RUNNING)]


def test_nothing_is_left_of_a_destroyed_guest_and_destroying_nothing_is_fine(bench):
    guest = running(bench)
    bench.hypervisor.destroy(guest.id)
    bench.hypervisor.destroy(guest.id)
    bench.hypervisor.destroy(NOBODY)
    assert guest.id not in [g.id for g in bench.hypervisor.guests()]
    with pytest.raises(GuestAbsent):
        bench.hypervisor.state(guest.id)


def test_an_absent_guest_is_off_and_has_nothing_attached(bench):
    bench.hypervisor.press_power_button(NOBODY)
    bench.hypervisor.cut_power(NOBODY)
    bench.hypervisor.detach_volume(NOBODY, "v")
    bench.hypervisor.detach_nic(NOBODY, "p")
    for needs_a_guest in (bench.hypervisor.pause, bench.hypervisor.unpause, bench.hypervisor.state):
        with pytest.raises(GuestAbsent):
            needs_a_guest(NOBODY)


def test_guests_on_one_image_run_as_different_users(bench):
    if not bench.real:
        pytest.skip("the fake has no processes")
    guests = [running(bench), running(bench)]
    bench.hypervisor.cut_power(guests[0].id)
    bench.hypervisor.boot(guests[0])
    users = [bench.hypervisor.disks.files(guest.id).root.stat().st_uid for guest in guests]
    assert len({0, *users}) == 3
    base = bench.hypervisor.disks.files(guests[0].id).shared()[0].stat()
    assert (base.st_uid, base.st_mode & 0o777) == (0, 0o640)
    bench.hypervisor.snapshot(guests[1].id, bench.volumes / "owned.qcow2", "qcow2")
    bench.hypervisor.cut_power(guests[1].id)
    assert bench.hypervisor.disks.files(guests[1].id).root.stat().st_uid == 0


def test_pause_and_unpause(bench):
    guest = running(bench)
    for _ in range(2):
        bench.hypervisor.pause(guest.id)
        assert bench.hypervisor.state(guest.id).power is Power.PAUSED
    for _ in range(2):
        bench.hypervisor.unpause(guest.id)
        assert bench.hypervisor.state(guest.id).power is Power.RUNNING
    bench.hypervisor.cut_power(guest.id)
    bench.hypervisor.cut_power(guest.id)
    assert bench.hypervisor.state(guest.id).power is Power.STOPPED
    with pytest.raises(GuestNotRunning):
        bench.hypervisor.pause(guest.id)


def test_a_guest_obeys_the_power_button_and_starts_again(bench, live):
    changes, guest, before = [], live, boots(bench, live)
    bench.hypervisor.watch(changes.append)
    bench.hypervisor.press_power_button(guest.id)
    wait_for(lambda: bench.hypervisor.state(guest.id).power is Power.STOPPED)
    bench.hypervisor.press_power_button(guest.id)
    if bench.real:
        wait_for(lambda: GuestState(guest.id, Power.STOPPED) in changes)
    assert bench.hypervisor.boot(guest).power is Power.RUNNING
    booted(bench, guest, times=before + 1)


def test_a_restarted_agent_finds_its_guests(bench):
    guest = running(bench)
    other = bench.new()
    assert other.state(guest.id).power is Power.RUNNING
    other.close()


def test_a_volume_comes_and_goes_while_the_guest_runs(bench, live):
    guest = live
    volume = volume_file(bench, "vol-1")
    device = bench.hypervisor.attach_volume(guest.id, volume).device
    assert device == "/dev/vdb"
    assert bench.hypervisor.attach_volume(guest.id, volume).device == device
    assert bench.hypervisor.boot(guest).devices == {"vol-1": device}
    if isinstance(bench.hypervisor, Extend):
        bench.hypervisor.extend_volume(guest.id, "vol-1", 128 * MIB)
    for _ in range(2):
        bench.hypervisor.detach_volume(guest.id, "vol-1")
    assert bench.hypervisor.boot(guest).devices == {}


def test_a_snapshot_inside_an_attached_volume(bench):
    assert isinstance(bench.hypervisor, VolumeSnapshots)
    guest, volume = running(bench), volume_file(bench, "vol-3")
    bench.hypervisor.attach_volume(guest.id, volume)
    for _ in range(2):
        bench.hypervisor.snapshot_volume(guest.id, "vol-3", "snap-1")
    if bench.real:
        assert snapshots(volume) == ["snap-1"]
        with pytest.raises(GuestUnsupported):
            bench.hypervisor.snapshot_volume(guest.id, "vol-4", "snap-1")
    for _ in range(2):
        bench.hypervisor.drop_volume_snapshot(guest.id, "vol-3", "snap-1")
    assert snapshots(volume) == []


def snapshots(volume):
    path = volume.connection_info["data"]["path"]
    told = subprocess.run(["qemu-img", "info", "-U", "--output=json", path], check=True, capture_output=True).stdout
    return [s["name"] for s in json.loads(told).get("snapshots", [])]


def test_an_interface_comes_and_goes_while_the_guest_runs(bench, live, taps):
    guest, late = live, taps.nic()
    wiring = threading.Timer(0.3, taps.wire, [late])
    wiring.start()
    for _ in range(2):
        bench.hypervisor.attach_nic(guest.id, late)
    wiring.join()
    for _ in range(2):
        bench.hypervisor.detach_nic(guest.id, late.port_id)


def test_devices_of_a_stopped_guest(bench, taps):
    guest = running(bench)
    bench.hypervisor.cut_power(guest.id)
    bench.hypervisor.attach_volume(guest.id, volume_file(bench, "vol-2"))
    bench.hypervisor.attach_nic(guest.id, taps.wire(taps.nic()))
    for _ in range(2):
        bench.hypervisor.detach_volume(guest.id, "vol-2")


def test_suspend_keeps_the_memory(bench, live):
    assert isinstance(bench.hypervisor, Suspend)
    guest, before = live, boots(bench, live)
    for _ in range(2):
        bench.hypervisor.suspend(guest.id)
        assert bench.hypervisor.state(guest.id).power is Power.SUSPENDED
    assert bench.hypervisor.boot(guest).power is Power.RUNNING
    if bench.real:
        assert boots(bench, guest) == before
    bench.hypervisor.suspend(guest.id)
    bench.hypervisor.cut_power(guest.id)
    assert bench.hypervisor.state(guest.id).power is Power.STOPPED  # that was a power cut for its memory, too


def test_a_snapshot_of_a_running_and_of_a_stopped_guest(bench, live):
    assert isinstance(bench.hypervisor, Snapshot)
    guest = live
    copies = [bench.volumes / "running.qcow2", bench.volumes / "stopped.qcow2"]
    bench.hypervisor.snapshot(guest.id, copies[0], "qcow2")
    assert bench.hypervisor.state(guest.id).power is Power.RUNNING
    stopped = running(bench)
    bench.hypervisor.cut_power(stopped.id)
    bench.hypervisor.snapshot(stopped.id, copies[1], "qcow2")
    for path in copies:
        with path.open("rb") as file:
            found = inspect(file)
        assert (found.format, found.virtual_size, found.unsafe) == ("qcow2", (1 << 30) if bench.real else MIB, "")
        subprocess.run(["qemu-img", "check", "-q", str(path)], check=True)


@pytest.mark.parametrize("copy", [False, True], ids=["moved", "copied"])
def test_kept_disks_come_back(bench, copy):
    assert isinstance(bench.hypervisor, KeptDisks)
    guest = bench.guest()
    bench.hypervisor.prepare(guest)
    for _ in range(2):
        bench.hypervisor.keep_disks(guest.id, copy)
    bench.hypervisor.prepare(guest)
    bench.hypervisor.keep_disks(guest.id, copy)
    for _ in range(2):
        bench.hypervisor.restore_disks(guest.id)
    assert bench.hypervisor.boot(guest).power is Power.RUNNING
    bench.hypervisor.drop_kept_disks(guest.id)


def test_a_guest_that_was_stopped_is_not_lost_with_its_host(bench):
    assert isinstance(bench.hypervisor, Restart)
    guest = running(bench)
    bench.hypervisor.cut_power(guest.id)
    assert not bench.hypervisor.lost(guest.id)
    bench.hypervisor.restart(guest.id)
    bench.hypervisor.restart(guest.id)
    assert bench.hypervisor.state(guest.id).power is Power.RUNNING


def test_the_inventory_is_plausible(bench):
    inventory = bench.hypervisor.inventory()
    assert inventory.vcpus > 0 and inventory.memory_mib > 0 and inventory.disk_gib >= inventory.disk_free_gib
    assert inventory.hypervisor_version > 1000
