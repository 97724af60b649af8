"""A driver without a hypervisor, for tests and for clouds of a thousand hosts on one machine."""

import struct
from pathlib import Path

from pileus_compute.config import Config
from pileus_compute.drivers.base import (
    Cache,
    Changed,
    Console,
    Diagnosis,
    Extend,
    Hypervisor,
    KeptDisks,
    MovableDisks,
    OrphanedDisks,
    Password,
    Rescue,
    Restart,
    Snapshot,
    Suspend,
    VolumeSnapshots,
)
from pileus_compute.drivers.fake_host import FakeGuest, FakeHost, addresses_of
from pileus_compute.errors import GuestAbsent, GuestRuns, GuestUnsupported
from pileus_compute.rpc import (
    Attached,
    Booted,
    Diagnostics,
    Endpoint,
    Guest,
    GuestState,
    Image,
    Inventory,
    Nic,
    Plugged,
    Power,
    Volume,
)

SNAPSHOT_SIZE = 1 << 20
EMPTY_QCOW2 = {
    0: struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, SNAPSHOT_SIZE, 0, 1, 0x30000, 0x10000, 1, 0, 0),
    0x10000: struct.pack(">Q", 0x20000),
    0x20000: struct.pack(">4H", 1, 1, 1, 1),
    0x30000: bytes(8),
}
"""Offset -> content of an image without data (qemu docs/interop/qcow2.txt): header, counts, empty table."""


class Fake(
    FakeHost,
    Hypervisor,
    Restart,
    OrphanedDisks,
    Suspend,
    KeptDisks,
    MovableDisks,
    Rescue,
    Extend,
    Password,
    Snapshot,
    Console,
    Diagnosis,
    Cache,
    VolumeSnapshots,
):
    """The driver without a hypervisor: it has all capabilities but confinement."""

    @classmethod
    def from_config(cls, config: Config) -> "Fake":
        return cls(config.host, config.path("fake", f"{config.host}.json"))

    def prepare(self, guest: Guest) -> None:
        self.enter("prepare", guest.id)
        with self._lock:
            disks = self.guests_by_id.setdefault(guest.id, FakeGuest(guest.id))
            disks.root = disks.root or (guest.image.id if guest.image else "volume")
            for disk in guest.ephemeral if not disks.ephemeral else ():
                disks.ephemeral = disk.image.id if disk.image else "blank"
            self.save()

    def boot(self, guest: Guest) -> Booted:
        self.enter("boot", guest.id)
        with self._lock:
            known = self.guests_by_id.setdefault(guest.id, FakeGuest(guest.id))
            if known.power not in (Power.RUNNING, Power.PAUSED):
                known.power, known.rescued = Power.RUNNING, guest.rescue is not None
                known.nics = {nic.port_id: nic.tap for nic in guest.nics}
                known.volumes = {}
                for volume in guest.volumes:
                    known.volumes[volume.id] = volume.device or self.free_device(known)
                known.log += f"=== {guest.hostname}: boot finished ===\n"
                self.save()
            return Booted(known.power, dict(known.volumes), addresses=addresses_of(known))

    def define(self, guest: Guest) -> None:
        self.enter("define", guest.id)
        with self._lock:
            known = self.guests_by_id.setdefault(guest.id, FakeGuest(guest.id))
            if known.power is None:
                known.power = Power.STOPPED
                known.nics = {nic.port_id: nic.tap for nic in guest.nics}
                known.volumes = {volume.id: volume.device for volume in guest.volumes}
                self.save()

    def press_power_button(self, guest_id: str) -> None:
        self.enter("press_power_button", guest_id)
        if not self.ignores_power_button:
            self.stop_guest(guest_id)

    def cut_power(self, guest_id: str) -> None:
        self.enter("cut_power", guest_id)
        self.stop_guest(guest_id)

    def pause(self, guest_id: str) -> None:
        self.enter("pause", guest_id)
        self._running(guest_id)
        self.change_power(guest_id, Power.PAUSED)

    def unpause(self, guest_id: str) -> None:
        self.enter("unpause", guest_id)
        self._running(guest_id)
        self.change_power(guest_id, Power.RUNNING)

    def suspend(self, guest_id: str) -> None:
        self.enter("suspend", guest_id)
        if self.guest(guest_id).power is not Power.SUSPENDED:
            self._running(guest_id)
            self.change_power(guest_id, Power.SUSPENDED)

    def destroy(self, guest_id: str) -> None:
        self.enter("destroy", guest_id)
        with self._lock:
            self.guests_by_id.pop(guest_id, None)
            self.save()

    def keep_disks(self, guest_id: str, copy: bool) -> None:
        self.enter("keep_disks", guest_id)
        with self._lock:
            guest = self.guest(guest_id)
            if not guest.kept:
                guest.kept, guest.root = guest.root, guest.root if copy else ""
            self.save()

    def restore_disks(self, guest_id: str) -> None:
        self.enter("restore_disks", guest_id)
        with self._lock:
            guest = self.guests_by_id.get(guest_id)
            if guest and guest.kept:
                guest.root, guest.kept = guest.kept, ""
            self.save()

    def drop_kept_disks(self, guest_id: str) -> None:
        self.enter("drop_kept_disks", guest_id)
        with self._lock:
            if guest_id in self.guests_by_id:
                self.guests_by_id[guest_id].kept = ""
            self.save()

    def drop_rescue(self, guest_id: str) -> None:
        self.enter("drop_rescue", guest_id)

    def attach_volume(self, guest_id: str, volume: Volume) -> Attached:
        self.enter("attach_volume", guest_id)
        with self._lock:
            guest = self.guest(guest_id)
            device = guest.volumes.setdefault(volume.id, volume.device or self.free_device(guest))
            self.save()
            return Attached(device, addresses_of(guest)[volume.id])

    def detach_volume(self, guest_id: str, volume_id: str) -> None:
        self.enter("detach_volume", guest_id)
        with self._lock:
            if guest_id in self.guests_by_id:
                self.guests_by_id[guest_id].volumes.pop(volume_id, None)
            self.save()

    def attach_nic(self, guest_id: str, nic: Nic) -> Plugged:
        self.enter("attach_nic", guest_id)
        with self._lock:
            guest = self.guest(guest_id)
            guest.nics[nic.port_id] = nic.tap
            self.save()
            return Plugged(addresses_of(guest)[nic.port_id])

    def detach_nic(self, guest_id: str, port_id: str) -> None:
        self.enter("detach_nic", guest_id)
        with self._lock:
            if guest_id in self.guests_by_id:
                self.guests_by_id[guest_id].nics.pop(port_id, None)
            self.save()

    def extend_volume(self, guest_id: str, volume_id: str, size: int) -> None:
        self.enter("extend_volume", guest_id)
        self.guest(guest_id)

    def snapshot_volume(self, guest_id: str, volume_id: str, name: str) -> None:
        self.enter("snapshot_volume", guest_id)
        self._running(guest_id)

    def drop_volume_snapshot(self, guest_id: str, volume_id: str, name: str) -> None:
        self.enter("drop_volume_snapshot", guest_id)
        self._running(guest_id)

    def set_password(self, guest_id: str, user: str, password: str) -> None:
        self.enter("set_password", guest_id)
        self._running(guest_id)

    def snapshot(self, guest_id: str, into: Path, format: str) -> None:
        self.enter("snapshot", guest_id)
        self.guest(guest_id)
        self._write_empty(into, format)

    @staticmethod
    def _write_empty(into: Path, format: str) -> None:
        with into.open("wb") as file:
            file.truncate(SNAPSHOT_SIZE)
            for offset, content in EMPTY_QCOW2.items() if format == "qcow2" else ():
                file.seek(offset)
                file.write(content)

    def copy_disk(self, guest_id: str, number: int, into: Path, format: str) -> None:
        self.enter("copy_disk", guest_id)
        if self.guest(guest_id).power in (Power.RUNNING, Power.PAUSED):
            raise GuestRuns(guest=guest_id, what="copying its disks")
        self._write_empty(into, format)

    def abandon_snapshot(self, guest_id: str) -> None:
        self.enter("abandon_snapshot", guest_id)

    def console_log(self, guest_id: str, limit: int) -> bytes:
        self.enter("console_log", guest_id)
        return self.guest(guest_id).log.encode()[-limit:]

    def console(self, guest_id: str, kind: str) -> Endpoint:
        self._running(guest_id)
        if kind not in ("vnc", "serial"):
            raise GuestUnsupported(guest=guest_id, what=f"a console of type {kind}", why="there is vnc and serial")
        return Endpoint(kind, "127.0.0.1", 5900)

    def diagnostics(self, guest_id: str) -> Diagnostics:
        return Diagnostics(self._running(guest_id), 0, (0,), 0, None, (), (), "fake", "fake")

    def inject_nmi(self, guest_id: str) -> None:
        self.enter("inject_nmi", guest_id)
        self._running(guest_id)

    def cache_image(self, image: Image) -> None:
        self.enter("cache_image", image.id)

    def sweep_images(self) -> None:
        self.enter("sweep_images", "")

    def restart(self, guest_id: str) -> None:
        self.enter("restart", guest_id)
        self.change_power(guest_id, Power.RUNNING)

    def lost(self, guest_id: str) -> bool:
        return self.guest(guest_id).lost

    def state(self, guest_id: str) -> GuestState:
        power = self.guest(guest_id).power
        if power is None:
            raise GuestAbsent(guest=guest_id, host=self.host)
        return GuestState(guest_id, power)

    def guests(self) -> list[GuestState]:
        with self._lock:
            return [GuestState(g.id, g.power) for g in self.guests_by_id.values() if g.power]

    def orphaned_disks(self) -> list[str]:
        with self._lock:
            return [guest.id for guest in self.guests_by_id.values() if guest.power is None]

    def inventory(self) -> Inventory:
        size = self.size
        return Inventory(
            size.vcpus,
            size.memory_mib,
            size.disk_gib,
            size.disk_gib,
            "fake",
            1000000,
            self.host,
            "127.0.0.1",
            {"arch": "x86_64", "model": "fake", "vendor": "fake", "features": []},
            {"firmware": "bios uefi"},
        )

    def watch(self, changed: Changed) -> None:
        self.watchers.append(changed)

    def close(self) -> None:
        self.watchers.clear()
