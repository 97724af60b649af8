"""Which guests no control group limits, in each of the ways in which a machine may have groups."""

from pathlib import Path

import pytest

from pileus_kit.inspection.guests import without_limits

QEMU = b"/usr/bin/qemu-system-x86_64\0-name\0guest=pl-instance-1,debug-threads=on\0"
OWN = "pileus-pl/12345678-0000-4000-8000-000000000001"
CASES = {
    "version 1": (f"8:pids:/{OWN}\n4:memory:/docker/{OWN}\n1:cpu,cpuacct:/{OWN}\n0::/\n", set()),
    "version 2": (f"0::/{OWN}\n", set()),
    "libvirt's": ("0::/machine.slice/machine-qemu\\x2d1.scope/libvirt/emulator\n", set()),
    "some": (f"8:pids:/\n4:memory:/{OWN}\n1:cpu:/\n", {"cpu", "pids"}),
    "none": ("0::/\n", {"cpu", "memory", "pids"}),
}


@pytest.mark.parametrize(("groups", "missing"), CASES.values(), ids=CASES)
def test_guests_without_limits_are_found(tmp_path: Path, groups: str, missing: set[str]) -> None:
    for pid, command in (("10", QEMU), ("11", QEMU.replace(b"=pl-", b"=other-")), ("12", b"python\0"), ("self", QEMU)):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_bytes(command)
        (tmp_path / pid / "cgroup").write_text(groups if pid == "10" else "0::/\n")
    assert list(without_limits("pl", tmp_path)) == ([missing] if missing else [])
