"""The control group of each guest, `pileus-PREFIX/UUID`. Its limits hold for whatever its QEMU is turned into."""

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

MADE_BY_LIBVIRT = re.compile(r"machine-qemu\\x2d.*\.scope|.*\.libvirt-qemu")
"""Groups that libvirt makes for a guest if it is configured so. Then the guest stays in its group."""
TRIES = 3


class GuestCgroups:
    """On a machine that doesn't allow groups, guests run without limits. The log says so, once for each cause."""

    def __init__(self, prefix: str, found: list[Hierarchy] | None = None) -> None:
        self.name = f"pileus-{prefix}"
        self.hierarchies = hierarchies() if found is None else found
        self.limited: set[str] = set()
        """The controllers that can limit guests here."""
        self._logged: set[str] = set()
        self._in_libvirts_groups: set[tuple[str, int]] = set()
        """(guest, process) whose group libvirt made, and whose limits we have set."""
        self._lock = threading.Lock()
        self._parents = {place for h in self.hierarchies for place in h.mount.glob(f"**/{self.name}")}
        self._find_out_limits()

    def hold(self, guest_id: str, pid: int, limits: Limits) -> None:
        """Put a guest's process into the guest's group, and give the group these limits."""
        for hierarchy in self.hierarchies:
            try:
                self._hold(hierarchy, guest_id, pid, limits)
            except OSError as err:
                if err.errno != errno.ESRCH and user_of(pid) is not None:  # otherwise it has ended meanwhile
                    self._log_once(hierarchy.controllers, err)

    def holds(self, guest_id: str, pid: int) -> bool:
        """Whether a process is in its guest's group, as far as this machine has groups."""
        with suppress(OSError):
            return (guest_id, pid) in self._in_libvirts_groups or all(
                self._is_ours(h.group(pid), guest_id) for h in self.hierarchies if h.controllers & self.limited
            )
        return True  # it has ended

    def release(self, guest_id: str) -> None:
        """Remove a guest's groups. A group in which a process is still ending is left for `sweep`."""
        with self._lock:
            for place in self._parents:
                _remove(place / guest_id)
            self._parents = {place for place in self._parents if not _remove(place)}
            self._in_libvirts_groups = {one for one in self._in_libvirts_groups if one[0] != guest_id}

    def sweep(self, running: Collection[str]) -> None:
        """Remove the groups of guests that aren't running: they ended by themselves, or while no agent ran."""
        there = {
            group.name for place in list(self._parents) if place.exists() for group in place.iterdir() if group.is_dir()
        }
        for guest_id in there.difference(running):
            self.release(guest_id)

    def facts(self) -> str:
        """The controllers that can limit guests here, for the host's inventory."""
        return " ".join(sorted(self.limited)) or "none"

    def _hold(self, hierarchy: Hierarchy, guest_id: str, pid: int, limits: Limits) -> None:
        with self._lock:
            now = hierarchy.group(pid)
            given = next((place for place in (now, *now.parents) if MADE_BY_LIBVIRT.fullmatch(place.name)), None)
            if given or self._is_ours(now, guest_id):
                self._in_libvirts_groups |= {(guest_id, pid)} if given else set()
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
            self._log_once(lacking, OSError(f"{group} has no such limits"))

    def _is_ours(self, group: Path, guest_id: str) -> bool:
        return group.name == guest_id and group.parent.name == self.name

    def _parent(self, hierarchy: Hierarchy, current: Path) -> tuple[Path, set[str]]:
        """The group in which the groups of guests are whose processes are in `current`, and the controllers of
        these."""
        place = hierarchy.parent(current) / self.name
        available = hierarchy.prepare(place)
        self._parents.add(place)
        return place, available

    def _find_out_limits(self) -> None:
        """Find out what can be limited here before the first guest needs it."""
        for hierarchy in self.hierarchies:
            try:
                with self._lock:
                    place, available = self._parent(hierarchy, hierarchy.group(os.getpid()))
                    if _remove(place):
                        self._parents.discard(place)
                self.limited |= available
            except OSError as err:
                self._log_once(hierarchy.controllers, err)
        missing = {"memory", "pids", "cpu"} - self.limited
        if missing:
            log.warning(
                "guests have no limits of %s: this machine lets us make no such control groups",
                ", ".join(sorted(missing)),
            )

    def _log_once(self, controllers: Collection[str], err: OSError) -> None:
        what = f"{', '.join(sorted(controllers))}: {err}"
        if what not in self._logged:
            self._logged.add(what)
            log.warning("control groups: %s", what)


def _remove(place: Path) -> bool:
    """Remove a group. False if something is in it."""
    try:
        place.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
