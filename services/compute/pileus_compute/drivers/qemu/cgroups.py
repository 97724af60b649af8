"""Control groups as a machine has them: version 1 with a hierarchy for each controller, or version 2 with one for all.

A guest's group lies below the one that its processes are in already, so every limit that holds for this cloud as a
whole (a container's, a systemd unit's) still holds.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

USED_CONTROLLERS = ("memory", "pids", "cpu", "blkio", "io")
"""A group without a setting of blkio or io shares the time of its disks equally with other groups."""
PROC = Path("/proc")
MOVE_CHARGES, MEMORY_AND_SWAP = "memory.move_charge_at_immigrate", "memory.memsw.limit_in_bytes"
OPTIONAL = (MOVE_CHARGES, MEMORY_AND_SWAP, "memory.swap.max")
"""Settings that a kernel may lack."""


@dataclass(frozen=True)
class Limits:
    """What a guest may use of its host."""

    memory_bytes: int
    tasks: int
    """Processes and threads."""
    vcpus: int
    """Guests that compete for the machine's CPUs get them in this proportion."""


@dataclass(frozen=True)
class Hierarchy:
    """A tree of groups, with the controllers that limit them."""

    version: int
    mount: Path
    root: str
    """The group that is mounted: a container may see only what is below its own group."""
    controllers: frozenset[str]

    def group(self, pid: int) -> Path:
        """The directory of the group that a process is in. Raises OSError if there is no such process."""
        for line in (PROC / str(pid) / "cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            if not names if self.version == 2 else not self.controllers.isdisjoint(names.split(",")):
                inside = os.path.relpath(path, self.root)
                return self.mount if inside.startswith("..") else self.mount / inside
        return self.mount

    def parent(self, current: Path) -> Path:
        """The nearest group from `current` up whose children can have limits. In version 2 the children of a group that
        has processes itself can't. Raises OSError."""
        if self.version == 1:
            return current
        for place in (current, *current.parents):
            with suppress(OSError):
                self.delegate(place)
                return place
            if place == self.mount:
                break
        raise OSError(f"no group from {current} up may delegate controllers")

    def delegate(self, place: Path) -> None:
        """Let a group's children have limits. Raises OSError if that isn't allowed, or if the group has none itself."""
        if self.version == 2:
            offered = set((place / "cgroup.controllers").read_text().split())
            if not offered >= self.controllers - {"io"}:
                raise OSError(f"{place} controls {', '.join(sorted(offered)) or 'nothing'}")
            write(place / "cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(self.controllers & offered)))

    def prepare(self, place: Path) -> set[str]:
        """Make a group without processes, in which guests get their groups. Returns the controllers that those have.

        Compared with the rest of the machine, all guests together weigh as much as a busy process on each CPU.
        """
        place.mkdir(exist_ok=True)
        self.delegate(place)
        available = set(self.controllers)
        if self.version == 2:
            available &= set((place / "cgroup.controllers").read_text().split())
        if "cpu" in available:
            self.limit(place, Limits(0, 0, os.cpu_count() or 1), ("cpu",))
        return available

    def limit(self, place: Path, limits: Limits, only: Collection[str] = USED_CONTROLLERS) -> set[str]:
        """Set a group's limits. Returns the controllers that this group lacks."""
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
        both = (
            MEMORY_AND_SWAP,
            2 * limits.memory_bytes,
        )  # the larger limit must be set first when both grow, last when both shrink
        return [
            both,
            ("memory.limit_in_bytes", limits.memory_bytes),
            both,
            (MOVE_CHARGES, 3),
            ("pids.max", limits.tasks),
            ("cpu.shares", min(1 << 18, 1024 * limits.vcpus)),
        ]


def hierarchies(mounts: Path = PROC / "self/mountinfo") -> list[Hierarchy]:
    """The hierarchies that limit something that a guest uses. Each controller is in one of them only."""
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
        useful = frozenset(names) & set(USED_CONTROLLERS)
        if useful:
            found.setdefault(useful, Hierarchy(1 if kind == "cgroup" else 2, Path(mount), root, useful))
    return list(found.values())


def write(path: Path, value: int | str) -> None:
    """Set a group's setting. Raises OSError; a setting that doesn't exist isn't made."""
    descriptor = os.open(path, os.O_WRONLY)
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
    """All processes."""
    return (int(entry.name) for entry in os.scandir(PROC) if entry.name.isdigit())


def user_of(pid: int) -> int | None:
    """The user that a process runs as; None if it has ended. The owner of its entry in /proc can be hidden, this
    can't."""
    with suppress(OSError):
        status = (PROC / str(pid) / "status").read_text()
        return int(status.partition("\nUid:")[2].split(maxsplit=2)[1])
    return None


def named_after(guest_ids: Iterable[str]) -> list[tuple[str, int]]:
    """(guest, process) of each QEMU whose command line names one of these guests."""
    wanted = {guest_id.encode(): guest_id for guest_id in guest_ids}
    found = []
    for pid in pids():
        with suppress(OSError):
            words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
            if b"-uuid" in words and (word := words[words.index(b"-uuid") + 1]) in wanted:
                found.append((wanted[word], pid))
    return found
