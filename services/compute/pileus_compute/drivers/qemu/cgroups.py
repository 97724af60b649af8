"""Control groups as a machine has them: version 1, a hierarchy for each controller, or version 2, one for all.

A guest's group lies below the one that its processes are in already, so no limit that holds for this cloud as a whole
(a container's, a systemd unit's) is left behind.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

WANTED = ("memory", "pids", "cpu", "blkio", "io")
"""A group without a setting of blkio or io still shares its disks' time equally with other groups."""
PROC = Path("/proc")
MOVE_CHARGES, MEMORY_AND_SWAP = "memory.move_charge_at_immigrate", "memory.memsw.limit_in_bytes"
OPTIONAL = (MOVE_CHARGES, MEMORY_AND_SWAP, "memory.swap.max")
"""Kernels have these or not."""


@dataclass(frozen=True)
class Limits:
    memory_bytes: int
    tasks: int
    """Processes and threads."""
    vcpus: int
    """Guests that compete for the machine's CPUs share them in this proportion."""


@dataclass(frozen=True)
class Hierarchy:
    version: int
    mount: Path
    root: str
    """The group that is mounted: a container may see only what is below its own."""
    controllers: frozenset[str]

    def group(self, pid: int) -> Path:
        """The directory of the group that a process is in. Raises OSError if there is no such process."""
        for line in (PROC / str(pid) / "cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            if not names if self.version == 2 else not self.controllers.isdisjoint(names.split(",")):
                inside = os.path.relpath(path, self.root)
                return self.mount if inside.startswith("..") else self.mount / inside
        return self.mount

    def parent(self, now: Path) -> Path:
        """The nearest group from `now` up whose children can have limits. Version 2 gives none to the children of a
        group that has processes itself. Raises OSError."""
        if self.version == 1:
            return now
        for place in (now, *now.parents):
            with suppress(OSError):
                self.hand_down(place)
                return place
            if place == self.mount:
                break
        raise OSError(f"no group from {now} up may hand limits down")

    def hand_down(self, place: Path) -> None:
        """Let a group's children have limits, too. Raises OSError if it may not, or has none itself."""
        if self.version == 2:
            offered = set((place / "cgroup.controllers").read_text().split())
            if not offered >= self.controllers - {"io"}:
                raise OSError(f"{place} controls {', '.join(sorted(offered)) or 'nothing'}")
            write(place / "cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(self.controllers & offered)))

    def prepare(self, place: Path) -> set[str]:
        """Make a group that has no processes, for guests to have theirs in. Returns the controllers that those get.

        Against the rest of the machine, guests together count as much as a busy process on each CPU.
        """
        place.mkdir(exist_ok=True)
        self.hand_down(place)
        had = set(self.controllers)
        if self.version == 2:
            had &= set((place / "cgroup.controllers").read_text().split())
        if "cpu" in had:
            self.limit(place, Limits(0, 0, os.cpu_count() or 1), ("cpu",))
        return had

    def limit(self, place: Path, limits: Limits, only: Collection[str] = WANTED) -> set[str]:
        """Set a group's limits. Returns the controllers of which this group has none."""
        lacking = set()
        for name, value in self._settings(limits):
            controller = name.partition(".")[0]
            try:
                if controller in self.controllers and controller in only:
                    write(place / name, value)
            except OSError:
                if name not in OPTIONAL:
                    lacking.add(controller)
        return lacking

    def _settings(self, limits: Limits) -> list[tuple[str, int]]:
        if self.version == 2:
            return [
                ("memory.max", limits.memory_bytes),
                ("memory.swap.max", limits.memory_bytes),
                ("pids.max", limits.tasks),
                ("cpu.weight", min(10_000, 100 * limits.vcpus)),
            ]
        both = (MEMORY_AND_SWAP, 2 * limits.memory_bytes)  # the larger one: set first when both grow, last otherwise
        return [
            both,
            ("memory.limit_in_bytes", limits.memory_bytes),
            both,
            (MOVE_CHARGES, 3),
            ("pids.max", limits.tasks),
            ("cpu.shares", min(1 << 18, 1024 * limits.vcpus)),
        ]


def hierarchies(mounts: Path = PROC / "self/mountinfo") -> list[Hierarchy]:
    """Those that control something that a guest uses; each controller is in one only."""
    found: dict[frozenset[str], Hierarchy] = {}
    for line in mounts.read_text().splitlines():
        before, _, after = line.partition(" - ")
        (_, _, _, root, mount, *_), (kind, _, options) = before.split(" "), after.split(" ", 2)
        if kind == "cgroup":
            names = options.split(",")
        elif kind == "cgroup2":
            names = (Path(mount) / "cgroup.controllers").read_text().split()
        else:
            continue
        useful = frozenset(names) & set(WANTED)
        if useful:
            found.setdefault(useful, Hierarchy(1 if kind == "cgroup" else 2, Path(mount), root, useful))
    return list(found.values())


def write(path: Path, value: int | str) -> None:
    descriptor = os.open(path, os.O_WRONLY)  # what isn't there must not be made
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)


def owned_by(users: Iterable[int]) -> dict[int, list[int]]:
    """The processes of each of these users."""
    found: dict[int, list[int]] = {user: [] for user in users}
    for pid in pids():
        if (user := user_of(pid)) in found:
            found[user].append(pid)
    return found


def pids() -> Iterator[int]:
    return (int(entry.name) for entry in os.scandir(PROC) if entry.name.isdigit())


def user_of(pid: int) -> int | None:
    """Whom a process runs as, which it can't hide as it can its entry's owner. None: it has ended."""
    with suppress(OSError):
        status = (PROC / str(pid) / "status").read_text()
        return int(status.partition("\nUid:")[2].split(maxsplit=2)[1])
    return None


def named(guest_ids: Iterable[str]) -> list[tuple[str, int]]:
    """(guest, process) of the QEMUs whose command line names one of these guests."""
    wanted = {guest_id.encode(): guest_id for guest_id in guest_ids}
    found = []
    for pid in pids():
        with suppress(OSError):
            words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
            if b"-uuid" in words and (word := words[words.index(b"-uuid") + 1]) in wanted:
                found.append((wanted[word], pid))
    return found
