"""Control groups of version 2, and of a libvirt that makes its own, as files: few machines have all kinds."""

import os

import pytest

from pileus_compute.drivers.qemu import cgroups
from pileus_compute.drivers.qemu.cgroups import Limits
from pileus_compute.drivers.qemu.guest_cgroups import GuestCgroups

PID, GUEST = 4242, "12345678-0000-4000-8000-000000000001"
FILES = ("memory.max", "memory.swap.max", "pids.max", "cpu.weight", "cgroup.procs")
LIMITS = Limits(1 << 30, 300, 3)


def group(place, controllers="cpu io memory pids", down=True):
    place.mkdir(exist_ok=True)
    (place / "cgroup.controllers").write_text(controllers)
    if down:  # the kernel refuses it in a group with processes
        (place / "cgroup.subtree_control").touch()
    for name in FILES:
        (place / name).touch()
    return place


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A process in /unit, which has processes itself."""
    monkeypatch.setattr(cgroups, "PROC", tmp_path / "proc")
    for pid in (str(PID), str(os.getpid())):
        (tmp_path / "proc" / pid).mkdir(parents=True)
        (tmp_path / "proc" / pid / "status").write_text("Name:\tqemu\nUid:\t7\t7\t7\t7\n")
        (tmp_path / "proc" / pid / "cgroup").write_text("1:name=systemd:/x\n0::/unit\n")
    mount = group(tmp_path / "fs")
    group(mount / "unit", down=False)
    group(mount / "pileus-x")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"25 1 0:22 / /proc rw - proc proc rw\n30 1 0:26 / {mount} rw shared:4 - cgroup2 cgroup2 rw\n")
    return mount, cgroups.hierarchies(mounts)


def test_version_2_gives_limits_below_the_nearest_group_that_may(machine):
    mount, (hierarchy,) = machine
    assert hierarchy.parent(hierarchy.group(PID)) == mount
    own = group(mount / "pileus-x" / GUEST)
    groups = GuestCgroups("x", [hierarchy])
    assert not groups.holds(GUEST, PID)
    groups.hold(GUEST, PID, LIMITS)
    assert (mount / "cgroup.subtree_control").read_text() == "+cpu +io +memory +pids"
    assert [(own / name).read_text() for name in FILES] == [str(1 << 30), str(1 << 30), "300", "300", str(PID)]


def test_a_guest_stays_in_the_group_that_libvirt_made_for_it(machine):
    mount, (hierarchy,) = machine
    scope = group(group(mount / "machine.slice") / "machine-qemu\\x2d1\\x2dpl\\x2dinstance.scope")
    (cgroups.PROC / str(PID) / "cgroup").write_text(f"0::/machine.slice/{scope.name}/libvirt/emulator\n")
    groups = GuestCgroups("x", [hierarchy])
    assert not groups.holds(GUEST, PID)
    groups.hold(GUEST, PID, LIMITS)
    assert groups.holds(GUEST, PID)
    assert (scope / "memory.max").read_text() == str(1 << 30) and (scope / "cgroup.procs").read_text() == ""


def test_a_machine_without_limits_is_logged_once(machine, caplog):
    mount, (hierarchy,) = machine
    (mount / "cgroup.controllers").write_text("cpu")
    groups = GuestCgroups("x", [hierarchy])
    assert groups.facts() == "none" and "no limits of cpu, memory, pids" in caplog.text
    caplog.clear()
    for _ in range(2):
        groups.hold(GUEST, PID, LIMITS)
    assert not caplog.text
    assert GuestCgroups("x", []).facts() == "none" and "no limits of cpu, memory, pids" in caplog.text


def test_a_container_sees_its_part_of_a_hierarchy(tmp_path, monkeypatch):
    monkeypatch.setattr(cgroups, "PROC", tmp_path)
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "cgroup").write_text("4:memory:/docker/abc/inner\n8:pids:/elsewhere\n")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "".join(
            f"3{n} 1 0:2{n} /docker/abc /sys/fs/cgroup/{n} rw - cgroup cgroup rw,{n}\n"
            for n in ("memory", "pids", "devices")
        )
    )
    memory, pids = cgroups.hierarchies(mounts)
    assert (str(memory.group(1)), str(pids.group(1))) == ("/sys/fs/cgroup/memory/inner", "/sys/fs/cgroup/pids")
