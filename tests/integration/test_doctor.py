"""`pileus doctor` on a real cloud: nothing on a healthy one; each damage, made on purpose, by its name; then mended."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clients import Cloud, wait_until

PILEUS = Path(sys.executable).parent / "pileus"
SOMEBODY = str(uuid.UUID(int=7))


class Doctor:
    """One cloud, seen by its administrator; `finds()` gives the checks that found something."""

    def __init__(self, state: Path, admin: Cloud, user: Cloud, cache: Path) -> None:
        self.state, self.admin, self.user = state, admin.sdk(), user.sdk()
        self.environment = {
            **os.environ,
            "OS_CLIENT_CONFIG_FILE": str(state / "clouds.yaml"),
            "OS_CLOUD": "pileus-admin",
            "XDG_CACHE_HOME": str(cache),
            "PATH": f"{PILEUS.parent}:{os.environ['PATH']}",
        }
        self.known = json.loads((state / "run" / "supervisor.json").read_text())

    def findings(self) -> list[dict[str, Any]]:
        done = subprocess.run(
            [PILEUS, "doctor", "--json", "--state", self.state],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1, 2), done.stderr
        found = json.loads(done.stdout)
        assert len(found["checked"]) >= 17 or found["findings"]
        damage = [one for one in found["findings"] if one["severity"] != "info"]  # e.g. no control groups here
        assert (done.returncode == 0) == (damage == [])
        return damage

    def known_host(self) -> str:
        return str(next(iter(self.admin.compute.hypervisors())).name)

    def finds(self) -> set[str]:
        return {one["check"] for one in self.findings()}

    def finds_only(self, check: str) -> bool:
        return self.finds() == {check}

    def mend(self, check: str) -> None:
        """Do what the finding says."""
        for one in self.findings():
            if one["check"] == check and one["mend"]:
                command = one["mend"].replace("pileus ", f"{PILEUS} ")
                subprocess.run(command, shell=True, env=self.environment, check=True, capture_output=True)

    def sql(self, service: str, statement: str, *values: Any) -> None:
        with sqlite3.connect(self.state / "databases" / f"{service}.sqlite", timeout=20) as database:
            database.execute(statement, values)

    @contextmanager
    def stopped(self, *names: str) -> Iterator[None]:
        """Processes that don't repair, or start again, what is broken meanwhile."""
        known = json.loads((self.state / "run" / "supervisor.json").read_text())
        pids = [known["pid"] if name == "supervisor" else known["processes"][name]["pid"] for name in names]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def restart(self, name: str) -> None:
        """Its supervisor starts it again, and it looks at everything at once."""
        known = json.loads((self.state / "run" / "supervisor.json").read_text())
        os.killpg(known["processes"][name]["pid"], signal.SIGKILL)


@pytest.fixture
def doctor(state: Path, admin: Cloud, cloud: Cloud, tmp_path: Path) -> Doctor:
    found = Doctor(state, admin, cloud, tmp_path)
    assert found.findings() == [], "a healthy cloud"
    return found


@pytest.fixture
def server(doctor: Doctor) -> Iterator[Any]:
    """One that runs, with a port on the demo network and a volume beside it."""
    compute = doctor.user.compute
    made = compute.create_server(
        name="patient",
        image_id=doctor.user.image.find_image("pileus-test").id,
        flavor_id=compute.find_flavor("m1.nano").id,
        networks=[{"uuid": doctor.user.network.find_network("private").id}],
    )
    yield compute.wait_for_server(made, wait=120)
    compute.delete_server(made)
    compute.wait_for_delete(made, wait=120)
    wait_until("a healthy cloud", lambda: doctor.findings() == [], 60)


def domain(state: Path, *arguments: str, text: str | None = None) -> str:
    uri = f"qemu+unix:///system?socket={state}/libvirt/sock/libvirt-sock"
    done = subprocess.run(["virsh", "-c", uri, *arguments], input=text, capture_output=True, text=True, check=True)
    return done.stdout


@contextmanager
def moved(state: Path, path: Path) -> Iterator[None]:
    aside = state / "cache" / "aside"
    path.rename(aside)
    try:
        yield
    finally:
        if path.exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        aside.rename(path)


def test_guests_disks_and_records(doctor: Doctor, server: Any, state: Path) -> None:
    xml = domain(state, "dumpxml", server.id)
    stranger = xml.replace(server.id, SOMEBODY).replace(f"instance-{server.id[:8]}", "instance-stranger")
    stranger = stranger[: stranger.index("<devices>")].replace("type='qemu' id=", "type='qemu' was=") + "</domain>"
    domain(state, "define", "/dev/stdin", text=stranger.replace(" was=", " id="))
    assert doctor.finds() == {"guest without record"}
    domain(state, "undefine", SOMEBODY)

    (state / "instances" / SOMEBODY).mkdir()
    assert doctor.finds() == {"orphaned disks"}
    doctor.mend("orphaned disks")

    with doctor.stopped("compute-agent"), moved(state, state / "instances" / server.id):
        assert doctor.finds() == {"missing disks"}

    with doctor.stopped("compute-agent", "compute-worker"):
        domain(state, "destroy", server.id)
        domain(state, "undefine", server.id)
        assert doctor.finds() == {"record without guest"}
    doctor.mend("record without guest")
    doctor.user.compute.wait_for_server(doctor.user.compute.get_server(server.id), wait=120)
    assert doctor.findings() == []


def test_volumes_and_their_files(doctor: Doctor, state: Path) -> None:
    stray = state / "volumes" / f"volume-{SOMEBODY}"
    stray.touch(mode=0o600)
    assert doctor.finds() == {"orphaned volume files"}
    doctor.mend("orphaned volume files")

    storage, operator = doctor.user.block_storage, doctor.admin.block_storage
    volume = storage.create_volume(name="patient", size=1)
    storage.wait_for_status(volume, "available", interval=0.5, wait=60)
    with moved(state, state / "volumes" / f"volume-{volume.id}"):
        assert doctor.finds() == {"missing volume files"}
    operator.reset_volume_status(volume, "error", None, None)
    assert doctor.finds() == {"volumes in error"}
    operator.reset_volume_status(volume, "creating", None, None)
    assert doctor.finds() == {"volumes at no work"}
    operator.reset_volume_status(volume, "available", None, None)
    connector = {"host": doctor.known_host(), "multipath": False, "platform": "x86_64", "os_type": "linux"}
    held = operator.create_attachment(volume.id, instance=SOMEBODY, connector=connector)
    operator.complete_attachment(held)
    assert "orphaned attachments" in doctor.finds()
    operator.delete_attachment(held)
    storage.delete_volume(volume)
    storage.wait_for_delete(volume, wait=60)
    assert doctor.findings() == []


def test_wires(doctor: Doctor, server: Any, state: Path) -> None:
    network = doctor.admin.network
    port = network.create_port(
        network_id=network.find_network("private").id, device_owner="compute:nova", device_id=SOMEBODY, name="stray"
    )
    assert doctor.finds() == {"orphaned ports"}
    doctor.mend("orphaned ports")
    assert network.find_port(port.id) is None

    prefix = next(
        line.split(" = ")[1]
        for line in (state / "etc" / "network.conf").read_text().splitlines()
        if line.startswith("prefix")
    )
    (mine,) = network.ports(device_id=server.id)
    namespace = f"{prefix}-dhcp-{mine.network_id}"
    damages: dict[str, list[str]] = {
        "missing interface": ["ip", "link", "del", f"tap{mine.id[:11]}"],
        "namespace without record": ["ip", "netns", "add", f"{prefix}-dhcp-{SOMEBODY}"],
        "DHCP server": ["sh", "-c", f"kill -9 $(cat /run/pileus-{prefix}/dhcp/{mine.network_id}/pid)"],
        "security groups": ["nft", "delete", "table", "inet", f"pileus_{prefix}"],
    }
    for check, damage in damages.items():
        with doctor.stopped("network-agent"):
            subprocess.run(damage, check=True)
            wait_until(f"{check} is found", partial(doctor.finds_only, check), 60)
            doctor.restart("network-agent")
        wait_until(f"{check} is repaired", lambda: doctor.findings() == [], 120)
    with doctor.stopped("network-agent"):
        subprocess.run(["ip", "netns", "delete", namespace], check=True)
        assert "missing namespace" in doctor.finds()
        doctor.restart("network-agent")
    wait_until("the namespace is back", lambda: doctor.findings() == [], 120)


def test_hosts_jobs_and_counts(doctor: Doctor) -> None:
    compute = doctor.admin.compute
    (service,) = [one for one in compute.services() if one.binary == "nova-compute"]
    compute.update_service_forced_down(service, forced=True)
    assert doctor.finds() == {"compute hosts"}
    compute.update_service_forced_down(service, forced=False)
    compute.disable_service(service, disabled_reason="the test")
    assert doctor.finds() == {"compute hosts"}
    doctor.mend("compute hosts")
    assert doctor.findings() == []

    before = next(iter(compute.hypervisors(details=True)))
    doctor.sql("compute", "UPDATE hosts SET vcpus_used = vcpus_used + 5")
    assert doctor.finds() == {"usage"}, before
    doctor.sql("compute", "UPDATE hosts SET vcpus_used = vcpus_used - 5")

    def job(state: str, run_at: float) -> None:
        long_ago = "2026-01-01 00:00:00"
        doctor.sql(
            "volume",
            "INSERT INTO jobs (id, flow, subject, state, step, data, lease_until, run_at, tries,"
            " attempt, cancelled, request_id, created_at, updated_at, error) VALUES (?, 'volume.delete', ?, ?,"
            " 'erase', '{}', 0, ?, 0, 0, 0, 'req-x', ?, ?, 'the test')",
            SOMEBODY,
            SOMEBODY,
            state,
            run_at,
            long_ago,
            long_ago,
        )

    with doctor.stopped("volume-worker"):
        for kind, run_at, check in (("stuck", time.time() + 3600, "stuck jobs"), ("running", 1.0, "overdue jobs")):
            job(kind, run_at)
            assert doctor.finds() == {check}
            doctor.sql("volume", "DELETE FROM jobs WHERE id = ?", SOMEBODY)

    large = doctor.user.compute.create_server(
        name="too large",
        image_id=doctor.user.image.find_image("pileus-test").id,
        networks="none",
        flavor_id=compute.find_flavor("m1.large").id,
    )
    wait_until("it failed", lambda: doctor.user.compute.get_server(large.id).status == "ERROR", 60)
    assert doctor.finds() == {"servers in error"}
    doctor.user.compute.delete_server(large)
    doctor.user.compute.wait_for_delete(large, wait=60)
    assert doctor.findings() == []


def test_processes_keys_and_rings(doctor: Doctor, state: Path) -> None:
    (state / "secrets.json").chmod(0o644)
    assert doctor.finds() == {"secrets"}
    doctor.mend("secrets")
    with moved(state, state / "objectstore" / "rings" / "object.ring"):
        assert doctor.finds() == {"rings"}
    with moved(state, state / "credential-keys"):
        (state / "credential-keys").mkdir(mode=0o700)
        assert doctor.finds() == {"keys"}

    def kill(name: str) -> None:
        os.killpg(doctor.known["processes"][name]["pid"], signal.SIGKILL)

    with doctor.stopped("supervisor"):
        kill("objectstore-worker")
        # its parent is stopped, so it is a zombie: not gone, and not running
        wait_until("a process is missed", lambda: "processes" in doctor.finds(), 60)
        kill("objectstore-api")
        wait_until("a listener is missed", lambda: "listening" in doctor.finds(), 60)
    wait_until("all run again", lambda: not doctor.findings(), 90)


def test_devices_of_the_object_store(doctor: Doctor, state: Path) -> None:
    """A disk that is gone, or a new one in its place, is told; its marker is all that it takes to be used again."""
    device = state / "objectstore" / "d1"
    with moved(state, device):
        assert doctor.finds() == {"object devices"}
        device.mkdir()
        shutil.chown(device, device.parent.owner(), device.parent.group())
        assert doctor.finds() == {"object devices"}
        doctor.mend("object devices")
        assert "object devices" not in doctor.finds()
    wait_until("the device is used again", lambda: not doctor.findings(), 90)
