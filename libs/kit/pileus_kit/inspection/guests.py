"""Inspects the guests of a machine: libvirt's domains, the directories of their disks, and their limits."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pileus_kit.inspection.commands import output
from pileus_kit.inspection.facts import GuestFacts

CONTROLLERS = frozenset({"memory", "pids", "cpu"})


def inspect_guests(state: Path, uri: str, prefix: str) -> GuestFacts:
    """Return the guests whose names begin with the cloud's prefix. Raises OSError if their disks can't be listed."""
    lacking, place = list(without_limits(prefix)), state / "instances"
    facts = GuestFacts(
        uri=uri,
        disks=tuple(sorted(one.name for one in place.iterdir())) if place.is_dir() else (),
        unlimited=len(lacking),
        unlimited_by=tuple(sorted(frozenset().union(*lacking))),
    )
    try:
        return replace(facts, domains=_domains(uri, prefix))
    except OSError as err:
        return replace(facts, unreachable=str(err))


def _domains(uri: str, prefix: str) -> dict[str, str]:
    """Return each domain's name by its id. Raises OSError if libvirt doesn't answer."""
    found = output("virsh", "-c", uri, "list", "--all", "--uuid", "--name")
    rows = [line.split(maxsplit=1) for line in found.splitlines() if line.strip()]
    return {row[0]: row[1].strip() for row in rows if len(row) == 2 and row[1].startswith(f"{prefix}-")}


def without_limits(prefix: str, proc: Path = Path("/proc")) -> Iterator[frozenset[str]]:
    """Yield for each guest that lacks limits the controllers that have no group of its own."""
    for process in proc.iterdir():
        if process.name.isdigit() and _is_guest(process, prefix):
            missing = CONTROLLERS - _limited(process, prefix)
            if missing:
                yield missing


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
