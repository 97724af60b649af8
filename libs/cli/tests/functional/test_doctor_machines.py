"""`pileus doctor` looks into machines other than its own, and doesn't obey what they say."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pileus_cli.people import machine
from pileus_cli.people.doctor import printable
from pileus_cli.people.findings import Finding
from pileus_cli.people.machine import Machine, Records
from pileus_compute.db.models import Host

EVIL = "x; halt #\x1b[2J"


@pytest.fixture
def second(cloud: Any) -> Iterator[Any]:
    """A second host of compute."""
    yield cloud.compute.add_host("host2")
    with cloud.compute.sessions.begin() as session:
        session.delete(session.get_one(Host, "host2"))


def test_another_machine_is_inspected_and_named_when_it_is_silent(
    world: None, pileus: Any, second: Any, tmp_path: Path
) -> None:
    def looked() -> tuple[list[str], list[dict[str, str]]]:
        told = json.loads(pileus(f"doctor --json --state {tmp_path}", "admin").out)
        return told["checked"], [one for one in told["findings"] if one["check"] != "disk space"]

    checked, found = looked()
    assert {"machines", "guests of host1", "processes of host2"} <= set(checked) and not found
    second.down = True
    checked, found = looked()
    assert [(one["check"], one["machine"]) for one in found] == [("silent machines", "host2")]
    assert "processes of host2" not in checked and "processes of host1" in checked
    assert "silent machines on host2: host2: none of its agents answers" in pileus("doctor", "admin").out


def facts(**parts: Any) -> Machine:
    process = {
        "name": "compute-agent",
        "pid": 0,
        "is_running": False,
        "failures": 0,
        "age_s": 0.0,
        "memory_mib": 0.0,
        "port": None,
        "port_error": "",
    }
    about = {
        "version": "1",
        "state": "/s",
        "supervisor_pid": 7,
        "is_supervised": True,
        "processes": [process],
        "disk_bytes": 100,
        "disk_free_bytes": 1,
        "empty_key_directories": [],
        "exposed": [{"path": f"/s/{EVIL}", "how": "mode 666"}],
        "certificate_end": 1.0,
    }
    guests = {"uri": "u", "unreachable": "", "domains": {EVIL: EVIL}, "disks": [f"disk {EVIL}"], "unlimited": 0}
    network = {
        "prefix": "pl",
        "unreadable": "",
        "interfaces": [],
        "namespaces": [f"pl-dhcp-{EVIL}"],
        "tables": [],
        "dead_dhcp": [{"namespace": "pl-dhcp-1", "pid": 9}],
    }
    volumes = {"directory": "/s/volumes", "volumes": [EVIL]}
    found = {"machine": about, "guests": guests, "network": network, "volumes": volumes, "devices": []}
    port = {
        "id": "12345678-0000",
        "binding:host_id": "m2",
        "admin_state_up": True,
        "device_owner": "compute:nova",
        "device_id": "s1",
        "network_id": "n1",
    }
    server = {"name": "s", "status": "ACTIVE", "OS-EXT-STS:task_state": None, "OS-EXT-SRV-ATTR:host": "m2"}
    volume = {"name": "v", "status": "available", "os-vol-host-attr:host": "m2@file#file"}
    elsewhere = volume | {"os-vol-host-attr:host": "m3@file#file"}
    records = SimpleNamespace(
        servers={"s1": server}, volumes={"v1": volume, "v2": elsewhere}, ports=[port], routers=frozenset()
    )
    return Machine("m2", found | parts, cast(Records, records))


def findings(looked_at: Machine) -> list[Finding]:
    return [finding for check in machine.CHECKS.values() for finding in check(looked_at)]


def test_each_damage_of_another_machine_is_found() -> None:
    assert [one.check for one in findings(facts())] == [
        "processes",
        "disk space",
        "secrets",
        "machine certificates",
        "guest without record",
        "record without guest",
        "orphaned disks",
        "missing disks",
        "orphaned volume files",
        "missing volume files",
        "missing interface",
        "namespace without record",
        "DHCP server",
        "security groups",
        "security groups",
    ]


def test_what_a_machine_says_is_neither_run_nor_obeyed_by_a_terminal() -> None:
    for one in findings(facts()):
        for command in one.mend.split("; virsh"):
            assert "halt" not in shlex.split(command, comments=True), one.mend
        assert "\x1b" not in printable(f"{one.thing} {one.mend}")


def test_parts_that_a_machine_does_not_have_or_cannot_tell() -> None:
    bare = facts(guests=None, network=None, volumes=None)
    assert {one.check for one in findings(bare)} == {"processes", "disk space", "secrets", "machine certificates"}
    broken = facts(guests={"uri": "u", "unreachable": "no socket", "unlimited": 0}, network={"unreadable": "no nft"})
    assert {"libvirt", "network of a machine"} <= {one.check for one in findings(broken)}


@pytest.mark.parametrize(
    ("status", "task", "known"), [("VERIFY_RESIZE", None, 1), ("ACTIVE", "resize_prep", 1), ("ACTIVE", None, 0)]
)
def test_a_host_that_a_server_leaves_has_its_guest_until_the_move_is_confirmed(
    status: str, task: str | None, known: int
) -> None:
    looked_at = facts(guests={"uri": "u", "unreachable": "", "domains": {"s2": "web"}, "disks": [], "unlimited": 0})
    moved = {"name": "web", "status": status, "OS-EXT-STS:task_state": task, "OS-EXT-SRV-ATTR:host": "m3"}
    looked_at.records.servers["s2"] = moved
    found = [one.thing for one in machine.guests(looked_at) if one.check == "guest without record"]
    assert found == ([] if known else ["web"])
