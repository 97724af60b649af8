"""What confines a QEMU whose guest has broken out of it: a user of its own, limits, and the base images that it may
read.

All of it is set up again when the agent starts, also for guests that run already.
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
"""What QEMU may need beside the guest's memory: for itself, for emulation, for each vCPU, and a 64th for page tables.
Too high a limit costs little. With too low a one an honest guest is killed: one of 128 MiB uses 250 under emulation."""
TASKS = 256
"""QEMU reads and writes disks with up to 64 threads."""


class Confinement:
    """Confines the guests of a host."""

    def __init__(self, connection: Connection, disks: GuestDisks, prefix: str) -> None:
        self.connection, self.disks = connection, disks
        self.groups = GuestCgroups(prefix)
        self._lock = threading.Lock()
        self._users: guest_users.GuestUsers | None = None
        self._readers: ImageAcls | None = None
        self._restored = False

    def owner(self, guest_id: str) -> str | None:
        """The user and group that the guest's QEMU runs as, as a DAC label of libvirt; None: libvirt's choice."""
        return self._guest_users().label(guest_id)

    def admit(self, guest_id: str) -> None:
        """Let a guest that is about to start read the base images of its disks."""
        user = self._guest_users().user(guest_id)
        if user is not None and self._readers is not None:
            try:
                self._readers.admit(user, self.disks.files(guest_id).shared())
            except OSError as err:
                raise HypervisorFailed(what="let the guest read its image", why=str(err)) from err

    def hold(self, domains: Iterable[libvirt.virDomain]) -> None:
        """Give these running guests their limits, unless they have them."""
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
        """Take back what a guest got that doesn't run any more. `for_good`: it won't run again."""
        self.groups.release(guest_id)
        user = self._guest_users().user(guest_id)
        if for_good and user is not None and self._readers is not None:
            self._readers.admit(user, ())

    def renew(self, domains: Callable[[], list[libvirt.virDomain]]) -> None:
        """Give running guests what they lack, and remove what an earlier agent left for guests that are gone."""
        found = domains()
        running = [domain for domain in found if power_states.active(domain)]
        self.hold(running)
        self.groups.sweep({domain.UUIDString() for domain in running})
        self._guest_users()
        if self._readers is not None and not self._restored:
            self._readers.restore(lambda: self._wanted([domain.UUIDString() for domain in domains()]))
            self._restored = True

    def _wanted(self, guest_ids: list[str]) -> dict[Path, set[int]]:
        wanted: dict[Path, set[int]] = {}
        for guest_id in guest_ids:
            user = self._guest_users().user(guest_id)
            if user is None:
                continue
            try:
                shared = self.disks.files(guest_id).shared()
            except (
                HypervisorFailed,
                OSError,
                ValueError,
            ):  # an invalid header: the guest can't start either
                continue
            for path in shared:
                wanted.setdefault(path, set()).add(user)
        return wanted

    def _processes(self, guest_ids: Iterable[str]) -> list[tuple[str, int]]:
        """(guest, process) of the processes that run for these guests."""
        ids = list(guest_ids)
        users = {user: guest_id for guest_id in ids if (user := self._guest_users().user(guest_id)) is not None}
        if not users:  # all guests run as one user: their command lines tell them apart
            return cgroups.named_after(ids)
        return [(users[user], pid) for user, pids in cgroups.owned_by(users).items() for pid in pids]

    def _guest_users(self) -> guest_users.GuestUsers:
        with self._lock:
            if self._users is None:
                with self.connection.doing("find out which users guests may run as"):
                    self._users = guest_users.find(self.connection.get())
                if self._users.group is not None:
                    self._readers = ImageAcls(self.disks.images.directory, self._users.group)
            return self._users


def limits(description: Element) -> cgroups.Limits:
    """The limits of a domain that libvirt describes so. libvirt counts memory in KiB."""
    memory, vcpus = int(description.findtext("memory", "0")) << 10, int(description.findtext("vcpu", "1"))
    room = EMULATOR_BYTES + vcpus * VCPU_BYTES + memory // TABLES
    if description.get("type") != "kvm":
        room += EMULATION_BYTES
    return cgroups.Limits(memory + room, TASKS + 2 * vcpus, vcpus)
