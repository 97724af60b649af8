"""`pileus doctor` says which guests have no limits, and doesn't call it damage."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pileus_cli.people.limits import limits
from pileus_cli.people.machine import Machine

QEMU = b"/usr/bin/qemu-system-x86_64\0-name\0guest=pl-instance-1,debug-threads=on\0"
OWN = "pileus-pl/12345678-0000-4000-8000-000000000001"
CASES = {
    "version 1": (f"8:pids:/{OWN}\n4:memory:/docker/{OWN}\n1:cpu,cpuacct:/{OWN}\n0::/\n", ""),
    "version 2": (f"0::/{OWN}\n", ""),
    "libvirt's": ("0::/machine.slice/machine-qemu\\x2d1.scope/libvirt/emulator\n", ""),
    "some": (f"8:pids:/\n4:memory:/{OWN}\n1:cpu:/\n", "cpu, pids"),
    "none": ("0::/\n", "cpu, memory, pids"),
}


def found(proc: Path, hypervisor: str = "libvirt") -> list[Any]:
    machine = SimpleNamespace(prefix="pl", option=lambda service, name: hypervisor)
    return list(limits(cast(Machine, machine), proc))


@pytest.mark.parametrize(("groups", "missing"), CASES.values(), ids=CASES)
def test_guests_without_limits_are_told(tmp_path: Path, groups: str, missing: str) -> None:
    for pid, command in (("10", QEMU), ("11", QEMU.replace(b"=pl-", b"=other-")), ("12", b"python\0"), ("self", QEMU)):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_bytes(command)
        (tmp_path / pid / "cgroup").write_text(groups if pid == "10" else "0::/\n")
    told = found(tmp_path)
    assert [(one.severity, one.thing) for one in told] == ([("info", "1 guests")] if missing else [])
    assert not missing or told[0].cause.endswith(missing)
    assert not found(tmp_path, "fake")
