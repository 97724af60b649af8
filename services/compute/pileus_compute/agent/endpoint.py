"""The RPC endpoint of a host: what `HostAgent` promises, done with the smaller calls of the host's driver."""

# mypy: disable-error-code="type-abstract"

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pileus_compute.agent.guest_locks import GuestLocks
from pileus_compute.agent.snapshot_uploads import upload_file
from pileus_compute.drivers.base import (
    Cache,
    Confine,
    Console,
    Diagnosis,
    Extend,
    Hypervisor,
    KeptDisks,
    MovableDisks,
    Password,
    Rescue,
    Snapshot,
    Suspend,
    VolumeSnapshots,
)
from pileus_compute.errors import GuestAbsent
from pileus_compute.rpc import (
    Attached,
    Booted,
    Diagnostics,
    Endpoint,
    Guest,
    GuestState,
    HostAgent,
    Image,
    Inventory,
    Nic,
    Plugged,
    Power,
    Upload,
    Uploaded,
    Volume,
)
from pileus_kit.errors import Unimplemented
from pileus_kit.file_modes import make_traversable
from pileus_kit.inspection import Inspection
from pileus_kit.tls import NO_CERTIFICATES, Certificates

log = logging.getLogger(__name__)

PRESS_AGAIN_S = 5
"""A guest that is still booting ignores the power button, so it is pressed again."""
POLL_S = 0.1
CLEAN_STOP_S = 60
"""How long a guest may take to shut down before it is rescued."""
MAX_CONSOLE_BYTES = 100 * 1024
C = TypeVar("C")


class Incapable(Unimplemented):
    text = "The {driver} hypervisor has no {capability}."


class HostEndpoint(HostAgent):
    """Calls of one guest run one after another, those of different guests at the same time."""

    def __init__(
        self,
        hypervisor: Hypervisor,
        scratch: Path,
        certificates: Certificates = NO_CERTIFICATES,
        inspection: Callable[[], Inspection] | None = None,
    ) -> None:
        """`scratch`: a directory for snapshots that are being uploaded. `inspection` looks at the machine."""
        self.hypervisor, self.scratch, self.locks = hypervisor, scratch, GuestLocks()
        self._certificates, self._inspection = certificates, inspection
        self.poked = lambda: None
        self.waiting: set[str] = set()
        """Guests that a power cut stopped and that are still to be started again."""

    def recover(self) -> None:
        """End what an earlier agent that was killed had begun: no call will finish it."""
        if isinstance(self.hypervisor, Snapshot):
            for guest in self.hypervisor.guests():
                with self.locks.of(guest.id):
                    self.hypervisor.abandon_snapshot(guest.id)
        for path in self.scratch.glob("*"):
            with self.locks.of(path.stem):
                path.unlink(missing_ok=True)

    def confine(self) -> None:
        """Confine the running guests, if the driver can."""
        if isinstance(self.hypervisor, Confine):
            self.hypervisor.confine()

    def prepare(self, guest: Guest) -> None:
        with self.locks.of(guest.id):
            self.hypervisor.prepare(guest)

    def boot(self, guest: Guest) -> Booted:
        with self.locks.of(guest.id):
            return self.hypervisor.boot(guest)

    def define(self, guest: Guest) -> None:
        with self.locks.of(guest.id):
            self.hypervisor.define(guest)

    def power_off(self, guest_id: str, timeout_s: int = 60) -> None:
        with self.locks.of(guest_id):
            self.waiting.discard(guest_id)
            self._power_off(guest_id, timeout_s)

    def reboot(self, guest: Guest, hard: bool, timeout_s: int = 60) -> Booted:
        with self.locks.of(guest.id):
            self._power_off(guest.id, 0 if hard else timeout_s)
            return self.hypervisor.boot(guest)

    def pause(self, guest_id: str) -> None:
        with self.locks.of(guest_id):
            self.hypervisor.pause(guest_id)

    def unpause(self, guest_id: str) -> None:
        with self.locks.of(guest_id):
            self.hypervisor.unpause(guest_id)

    def suspend(self, guest_id: str) -> None:
        with self.locks.of(guest_id):
            self._able(Suspend).suspend(guest_id)

    def resume(self, guest: Guest) -> Booted:
        return self.boot(guest)

    def rescue(self, guest: Guest) -> Booted:
        self._able(Rescue)
        with self.locks.of(guest.id):
            self._power_off(guest.id, CLEAN_STOP_S)
            self.hypervisor.prepare(guest)
            return self.hypervisor.boot(guest)

    def unrescue(self, guest: Guest) -> Booted:
        with self.locks.of(guest.id):
            self.hypervisor.cut_power(guest.id)
            self._able(Rescue).drop_rescue(guest.id)
            return self.hypervisor.boot(guest)

    def destroy(self, guest_id: str) -> None:
        with self.locks.of(guest_id):
            self.waiting.discard(guest_id)
            self.hypervisor.destroy(guest_id)

    def keep_disks(self, guest_id: str, copy: bool) -> None:
        with self.locks.of(guest_id):
            self._able(KeptDisks).keep_disks(guest_id, copy)

    def restore_disks(self, guest_id: str) -> None:
        with self.locks.of(guest_id):
            self._able(KeptDisks).restore_disks(guest_id)

    def drop_kept_disks(self, guest_id: str) -> None:
        with self.locks.of(guest_id):
            self._able(KeptDisks).drop_kept_disks(guest_id)

    def attach_volume(self, guest_id: str, volume: Volume) -> Attached:
        with self.locks.of(guest_id):
            return self.hypervisor.attach_volume(guest_id, volume)

    def detach_volume(self, guest_id: str, volume_id: str) -> None:
        with self.locks.of(guest_id):
            self.hypervisor.detach_volume(guest_id, volume_id)

    def extend_volume(self, guest_id: str, volume_id: str, size: int) -> None:
        with self.locks.of(guest_id):
            self._able(Extend).extend_volume(guest_id, volume_id, size)

    def snapshot_volume(self, guest_id: str, volume_id: str, name: str) -> None:
        with self.locks.of(guest_id):
            self._able(VolumeSnapshots).snapshot_volume(guest_id, volume_id, name)

    def drop_volume_snapshot(self, guest_id: str, volume_id: str, name: str) -> None:
        with self.locks.of(guest_id):
            self._able(VolumeSnapshots).drop_volume_snapshot(guest_id, volume_id, name)

    def attach_nic(self, guest_id: str, nic: Nic) -> Plugged:
        with self.locks.of(guest_id):
            return self.hypervisor.attach_nic(guest_id, nic)

    def detach_nic(self, guest_id: str, port_id: str) -> None:
        with self.locks.of(guest_id):
            self.hypervisor.detach_nic(guest_id, port_id)

    def set_password(self, guest_id: str, user: str, password: str) -> None:
        with self.locks.of(guest_id):
            self._able(Password).set_password(guest_id, user, password)

    def snapshot(self, guest_id: str, upload: Upload) -> Uploaded:
        take = self._able(Snapshot).snapshot
        return self._upload(guest_id, upload, lambda path: take(guest_id, path, upload.format))

    def upload_disk(self, guest_id: str, number: int, upload: Upload) -> Uploaded:
        copy = self._able(MovableDisks).copy_disk
        return self._upload(guest_id, upload, lambda path: copy(guest_id, number, path, upload.format))

    def _upload(self, guest_id: str, upload: Upload, write: Callable[[Path], None]) -> Uploaded:
        """Upload what `write` writes to a file that doesn't exist yet."""
        make_traversable(self.scratch)  # QEMU writes into it as the guest's user
        path = self.scratch / f"{guest_id}.snapshot"
        with self.locks.of(guest_id):
            try:
                path.unlink(missing_ok=True)
                write(path)
                return upload_file(path, upload, self._certificates)
            finally:
                path.unlink(missing_ok=True)

    def console_log(self, guest_id: str, lines: int | None = None) -> str:
        if lines == 0:
            return ""
        text = self._able(Console).console_log(guest_id, MAX_CONSOLE_BYTES).decode(errors="replace")
        return text if lines is None or lines < 0 else "".join(text.splitlines(keepends=True)[-lines:])

    def console(self, guest_id: str, kind: str = "vnc") -> Endpoint:
        return self._able(Console).console(guest_id, kind)

    def diagnostics(self, guest_id: str) -> Diagnostics:
        return self._able(Diagnosis).diagnostics(guest_id)

    def inject_nmi(self, guest_id: str) -> None:
        self._able(Diagnosis).inject_nmi(guest_id)

    def cache_image(self, image: Image) -> None:
        self._able(Cache).cache_image(image)

    def state(self, guest_id: str) -> GuestState:
        return self.hypervisor.state(guest_id)

    def guests(self) -> list[GuestState]:
        return self.hypervisor.guests()

    def inventory(self) -> Inventory:
        return self.hypervisor.inventory()

    def inspect(self) -> Inspection:
        if self._inspection is None:
            raise Incapable(driver=type(self.hypervisor).__name__, capability="inspection")
        return self._inspection()

    def poke(self) -> None:
        self.poked()

    def _power_off(self, guest_id: str, timeout_s: int) -> None:
        """Press the power button again and again, and cut the power in the end. A paused guest can't react, so its
        power is cut at once."""
        asked, deadline = 0.0, time.monotonic() + timeout_s
        while self._runs(guest_id) and time.monotonic() < deadline:
            if time.monotonic() - asked > PRESS_AGAIN_S:
                asked = time.monotonic()
                self.hypervisor.press_power_button(guest_id)
            else:
                time.sleep(POLL_S)
        self.hypervisor.cut_power(guest_id)

    def _runs(self, guest_id: str) -> bool:
        try:
            return self.hypervisor.state(guest_id).power is Power.RUNNING
        except GuestAbsent:
            return False

    def _able(self, capability: type[C]) -> C:
        if not isinstance(self.hypervisor, capability):
            raise Incapable(driver=type(self.hypervisor).__name__, capability=capability.__name__)
        return self.hypervisor
