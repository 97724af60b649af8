"""The control group of each guest, `pileus-PREFIX/UUID`: its limits hold for whatever its QEMU becomes."""

import errno
import logging
import os
import re
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from pileus_compute.drivers.qemu.cgroups import Hierarchy, Limits, hierarchies, user_of, write

log = logging.getLogger(__name__)

OF_LIBVIRT = re.compile(r"machine-qemu\\x2d.*\.scope|.*\.libvirt-qemu")
"""Groups that libvirt makes for a guest, where it is told to: then the guest stays there."""
TRIES = 3


class GuestCgroups:
    """Where a machine lets nobody make groups, guests run without: that is said in the log, once for each cause."""

    def __init__(self, prefix: str, found: list[Hierarchy] | None = None) -> None:
        self.name = f"pileus-{prefix}"
        self.hierarchies = hierarchies() if found is None else found
        self.limited: set[str] = set()
        """Controllers that have limited a guest, or would."""
        self._said: set[str] = set()
        self._given: set[tuple[str, int]] = set()
        """(guest, process) that libvirt gave a group, to which we gave limits."""
        self._lock = threading.Lock()
        self._places = {place for h in self.hierarchies for place in h.mount.glob(f"**/{self.name}")}
        self._try_out()

    def hold(self, guest_id: str, pid: int, limits: Limits) -> None:
        """Put a guest's process into its group, whose limits are these; nothing changes if they are so already."""
        for hierarchy in self.hierarchies:
            try:
                self._hold(hierarchy, guest_id, pid, limits)
            except OSError as err:
                if err.errno != errno.ESRCH and user_of(pid) is not None:  # else it ended meanwhile
                    self._say(hierarchy.controllers, err)

    def holds(self, guest_id: str, pid: int) -> bool:
        """Whether a process is where `hold` would put it, as far as this machine has groups."""
        with suppress(OSError):
            return (guest_id, pid) in self._given or all(
                self._is_ours(h.group(pid), guest_id) for h in self.hierarchies if h.controllers & self.limited
            )
        return True  # it has ended

    def release(self, guest_id: str) -> None:
        """Remove a guest's groups. One in which a process is still ending is left to `sweep`."""
        with self._lock:
            for place in self._places:
                _remove(place / guest_id)
            self._places = {place for place in self._places if not _remove(place)}
            self._given = {one for one in self._given if one[0] != guest_id}

    def sweep(self, running: Collection[str]) -> None:
        """Remove the groups of guests that have ended by themselves, or while no agent ran."""
        there = {
            group.name for place in list(self._places) if place.exists() for group in place.iterdir() if group.is_dir()
        }
        for guest_id in there.difference(running):
            self.release(guest_id)

    def facts(self) -> str:
        return " ".join(sorted(self.limited)) or "none"

    def _hold(self, hierarchy: Hierarchy, guest_id: str, pid: int, limits: Limits) -> None:
        with self._lock:
            now = hierarchy.group(pid)
            given = next((place for place in (now, *now.parents) if OF_LIBVIRT.fullmatch(place.name)), None)
            if given or self._is_ours(now, guest_id):
                self._given |= {(guest_id, pid)} if given else set()
                return self._limit(hierarchy, given or now, limits)
            for tries_left in reversed(range(TRIES)):
                try:
                    group = self._parent(hierarchy, now)[0] / guest_id
                    group.mkdir(exist_ok=True)
                    self._limit(hierarchy, group, limits)
                    return write(group / "cgroup.procs", pid)
                except FileNotFoundError:  # another agent on this machine has removed the group that was empty
                    if not tries_left:
                        raise

    def _limit(self, hierarchy: Hierarchy, group: Path, limits: Limits) -> None:
        lacking = hierarchy.limit(group, limits)
        if lacking:
            self._say(lacking, OSError(f"{group} has no such limits"))

    def _is_ours(self, group: Path, guest_id: str) -> bool:
        return group.name == guest_id and group.parent.name == self.name

    def _parent(self, hierarchy: Hierarchy, now: Path) -> tuple[Path, set[str]]:
        """Where guests of processes in `now` have their groups, and which controllers these get."""
        place = hierarchy.parent(now) / self.name
        had = hierarchy.prepare(place)
        self._places.add(place)
        return place, had

    def _try_out(self) -> None:
        """Learn what can be limited here before the first guest needs it."""
        for hierarchy in self.hierarchies:
            try:
                with self._lock:
                    place, had = self._parent(hierarchy, hierarchy.group(os.getpid()))
                    if _remove(place):
                        self._places.discard(place)
                self.limited |= had
            except OSError as err:
                self._say(hierarchy.controllers, err)
        missing = {"memory", "pids", "cpu"} - self.limited
        if missing:
            log.warning(
                "guests have no limits of %s: this machine lets us make no such control groups",
                ", ".join(sorted(missing)),
            )

    def _say(self, controllers: Collection[str], err: OSError) -> None:
        what = f"{', '.join(sorted(controllers))}: {err}"
        if what not in self._said:
            self._said.add(what)
            log.warning("control groups of %s", what)


def _remove(place: Path) -> bool:
    """False if something is still in it."""
    try:
        place.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
