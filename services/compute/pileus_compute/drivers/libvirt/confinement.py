"""What holds a QEMU that was broken out of: a user of its own, limits, and the bases that it may read.

All of it is made again when the agent starts, also for guests that run already.
"""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from xml.etree.ElementTree import Element

import libvirt

from pileus_compute.drivers.libvirt import guest_users, hotplug, power_states
from pileus_compute.drivers.libvirt.connection import Connection
from pileus_compute.drivers.qemu import cgroups
from pileus_compute.drivers.qemu.disks import GuestDisks
from pileus_compute.drivers.qemu.guest_cgroups import GuestCgroups
from pileus_compute.drivers.qemu.image_acls import ImageAcls
from pileus_compute.errors import HypervisorFailed

EMULATOR_BYTES, EMULATION_BYTES, VCPU_BYTES, TABLES = 1 << 30, 1 << 30, 16 << 20, 64
"""What QEMU may need beside a guest's memory: its own, that of emulation, that of a vCPU, and a 64th for page tables.
Too much costs little. With too little an honest guest is killed: one of 128 MiB uses 250 under emulation."""
TASKS = 256
"""QEMU reads and writes disks with up to 64 threads."""


class Confinement:
    def __init__(self, connection: Connection, disks: GuestDisks, prefix: str) -> None:
        self.connection, self.disks = connection, disks
        self.groups = GuestCgroups(prefix)
        self._lock = threading.Lock()
        self._owners: guest_users.GuestUsers | None = None
        self._readers: ImageAcls | None = None
        self._restored = False

    def owner(self, guest_id: str) -> str | None:
        """Whom the guest's QEMU runs as, in libvirt's words."""
        return self._known().label(guest_id)

    def admit(self, guest_id: str) -> None:
        """Let a guest that is about to start read the bases that its disks stand on."""
        user = self._known().user(guest_id)
        if user is not None and self._readers is not None:
            try:
                self._readers.admit(user, self.disks.files(guest_id).shared())
            except OSError as err:
                raise HypervisorFailed(what="let the guest read its image", why=str(err)) from err

    def hold(self, domains: Iterable[libvirt.virDomain]) -> None:
        """Give these running guests their limits; nothing happens to those that have them."""
        running = {domain.UUIDString(): domain for domain in domains}
        for guest_id, pid in self._processes(running):
            if not self.groups.holds(guest_id, pid):
                try:
                    description = hotplug.description(running[guest_id])
                except libvirt.libvirtError as err:
                    if err.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:  # it was removed meanwhile
                        raise
                else:
                    self.groups.hold(guest_id, pid, limits(description))

    def release(self, guest_id: str, for_good: bool = False) -> None:
        """The guest doesn't run any more; `for_good`: it won't again."""
        self.groups.release(guest_id)
        user = self._known().user(guest_id)
        if for_good and user is not None and self._readers is not None:
            self._readers.admit(user, ())

    def renew(self, domains: Callable[[], list[libvirt.virDomain]]) -> None:
        """Whatever guests lack, they get; whatever an earlier agent left for guests that are gone, goes."""
        found = domains()
        running = [domain for domain in found if power_states.active(domain)]
        self.hold(running)
        self.groups.sweep({domain.UUIDString() for domain in running})
        self._known()
        if self._readers is not None and not self._restored:
            self._readers.restore(lambda: self._wanted([domain.UUIDString() for domain in domains()]))
            self._restored = True

    def _wanted(self, guest_ids: list[str]) -> dict[Path, set[int]]:
        wanted: dict[Path, set[int]] = {}
        for guest_id in guest_ids:
            user = self._known().user(guest_id)
            if user is None:
                continue
            try:
                shared = self.disks.files(guest_id).shared()
            except (HypervisorFailed, OSError, ValueError):  # its header is nonsense: it can't start either
                continue
            for path in shared:
                wanted.setdefault(path, set()).add(user)
        return wanted

    def _processes(self, guest_ids: Iterable[str]) -> list[tuple[str, int]]:
        """(guest, process number) of what runs for these guests."""
        ids = list(guest_ids)
        users = {user: guest_id for guest_id in ids if (user := self._known().user(guest_id)) is not None}
        if not users:  # all are one user's: their command lines tell them apart
            return cgroups.named(ids)
        return [(users[user], pid) for user, pids in cgroups.owned_by(users).items() for pid in pids]

    def _known(self) -> guest_users.GuestUsers:
        with self._lock:
            if self._owners is None:
                with self.connection.doing("learn who may own guests"):
                    self._owners = guest_users.find(self.connection.get())
                if self._owners.group is not None:
                    self._readers = ImageAcls(self.disks.images.directory, self._owners.group)
            return self._owners


def limits(description: Element) -> cgroups.Limits:
    """For a domain as libvirt describes it. libvirt counts memory in KiB."""
    memory, vcpus = int(description.findtext("memory", "0")) << 10, int(description.findtext("vcpu", "1"))
    room = EMULATOR_BYTES + vcpus * VCPU_BYTES + memory // TABLES
    if description.get("type") != "kvm":
        room += EMULATION_BYTES
    return cgroups.Limits(memory + room, TASKS + 2 * vcpus, vcpus)
