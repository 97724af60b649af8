"""Finds guests on this machine that no control group limits: no damage, but worth knowing before a guest misbehaves."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pileus_cli.people.findings import Finding
from pileus_cli.people.machine import Machine

CONTROLLERS = frozenset({"memory", "pids", "cpu"})


def limits(machine: Machine, proc: Path = Path("/proc")) -> Iterable[Finding]:
    if machine.option("compute", "hypervisor") != "libvirt":
        return
    lacking = [
        missing
        for process in proc.iterdir()
        if process.name.isdigit()
        and _is_guest(process, machine.prefix)
        and (missing := CONTROLLERS - _limited(process, machine.prefix))
    ]
    if lacking:
        yield Finding(
            "limits of guests",
            "info",
            f"{len(lacking)} guests",
            f"nothing limits their use of {', '.join(sorted(frozenset().union(*lacking)))}",
            "where a machine gives no control groups, the log of compute-agent says why",
        )


def _is_guest(process: Path, prefix: str) -> bool:
    with suppress(OSError):
        words = (process / "cmdline").read_bytes().split(b"\0")
        return b"qemu" in words[0] and any(word.startswith(f"guest={prefix}-".encode()) for word in words)
    return False


def _limited(process: Path, prefix: str) -> frozenset[str]:
    """Return the controllers that have a group of the guest's own, made by the agent or by libvirt."""
    found: set[str] = set()
    with suppress(OSError):
        for line in (process / "cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            if f"/pileus-{prefix}/" in path or "/machine-qemu" in path or ".libvirt-qemu" in path:
                found |= set(names.split(",")) if names else CONTROLLERS
        return frozenset(found)
    return CONTROLLERS  # the process has ended
