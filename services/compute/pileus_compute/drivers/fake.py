"""A hypervisor without a hypervisor: for tests, and to play a thousand hosts.

Guests live in memory, and with `path` also in a file, so that an agent that was killed finds them again.
"""

import json
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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
    OrphanedDisks,
    Password,
    Rescue,
    Restart,
    Snapshot,
    Suspend,
    VolumeSnapshots,
)
from pileus_compute.drivers.device_names import DeviceNames
from pileus_compute.errors import GuestAbsent, GuestNotRunning, GuestUnsupported
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

REMEMBERED = 10_000
"""Calls; a fake host may run for long."""
SNAPSHOT_SIZE = 1 << 20
EMPTY_QCOW2 = {
    0: struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, SNAPSHOT_SIZE, 0, 1, 0x30000, 0x10000, 1, 0, 0),
    0x10000: struct.pack(">Q", 0x20000),
    0x20000: struct.pack(">4H", 1, 1, 1, 1),
    0x30000: bytes(8),
}
"""Offset -> content of an image without data (qemu docs/interop/qcow2.txt): header, counts, empty table."""
Fault = Callable[[], None]
"""Called in place of a driver call's beginning: raises, waits for an event, or counts."""


@dataclass
class FakeGuest:
    """What exists of a guest. A guest that is only prepared has no power state."""

    id: str
    power: Power | None = None
    volumes: dict[str, str] = field(default_factory=dict)
    """Volume id -> device."""
    nics: dict[str, str] = field(default_factory=dict)
    """Port id -> tap."""
    root: str = ""
    """Where the root disk came from; empty: there is none."""
    kept: str = ""
    rescued: bool = False
    lost: bool = False
    """Stopped by `power_cut`."""
    log: str = ""


def addresses_of(guest: FakeGuest) -> dict[str, str]:
    """As on a PC: interfaces first, from the third slot on."""
    return {name: f"pci 0000:00:{3 + i:02x}.0" for i, name in enumerate((*guest.nics, *guest.volumes))}


@dataclass(frozen=True)
class Size:
    vcpus: int = 64
    memory_mib: int = 256 * 1024
    disk_gib: int = 4096


class Fake(
    Hypervisor,
    Restart,
    OrphanedDisks,
    Suspend,
    KeptDisks,
    Rescue,
    Extend,
    Password,
    Snapshot,
    Console,
    Diagnosis,
    Cache,
    VolumeSnapshots,
):
    def __init__(self, host: str = "fake", path: Path | None = None, size: Size | None = None) -> None:
        self.host, self.path, self.size = host, path, size or Size()
        self.deaf = False
        """Guests ignore the power button."""
        self.calls: list[tuple[str, str]] = []
        """(call, guest id), in order."""
        self.guests_by_id: dict[str, FakeGuest] = {}
        self._faults: dict[str, deque[Fault]] = {}
        self._watchers: list[Changed] = []
        self._lock = threading.RLock()
        self._load()

    @classmethod
    def from_config(cls, config: Config) -> "Fake":
        return cls(config.host, config.path("fake", f"{config.host}.json"))

    def fail(self, name: str, *faults: Fault) -> None:
        """Let the next calls of `name` meet these faults, one each."""
        self._faults.setdefault(name, deque()).extend(faults)

    def crash(self, guest_id: str, power: Power = Power.CRASHED) -> None:
        """Let a guest change its state by itself."""
        self._change(guest_id, power)
        for watcher in self._watchers:
            watcher(GuestState(guest_id, power))

    def power_cut(self) -> None:
        """The host restarts: definitions stay, nothing runs."""
        with self._lock:
            for guest in self.guests_by_id.values():
                if guest.power in (Power.RUNNING, Power.PAUSED):
                    guest.power, guest.lost = Power.STOPPED, True
            self._save()

    def prepare(self, guest: Guest) -> None:
        self._enter("prepare", guest.id)
        with self._lock:
            disks = self.guests_by_id.setdefault(guest.id, FakeGuest(guest.id))
            disks.root = disks.root or (guest.image.id if guest.image else "volume")
            self._save()

    def boot(self, guest: Guest) -> Booted:
        self._enter("boot", guest.id)
        with self._lock:
            known = self.guests_by_id.setdefault(guest.id, FakeGuest(guest.id))
            if known.power not in (Power.RUNNING, Power.PAUSED):
                known.power, known.rescued = Power.RUNNING, guest.rescue is not None
                known.nics = {nic.port_id: nic.tap for nic in guest.nics}
                known.volumes = {}
                for volume in guest.volumes:
                    known.volumes[volume.id] = volume.device or self._free_device(known)
                known.log += f"=== {guest.hostname}: boot finished ===\n"
                self._save()
            return Booted(known.power, dict(known.volumes), addresses=addresses_of(known))

    def press_power_button(self, guest_id: str) -> None:
        self._enter("press_power_button", guest_id)
        if not self.deaf:
            self._stop(guest_id)

    def cut_power(self, guest_id: str) -> None:
        self._enter("cut_power", guest_id)
        self._stop(guest_id)

    def pause(self, guest_id: str) -> None:
        self._enter("pause", guest_id)
        self._running(guest_id)
        self._change(guest_id, Power.PAUSED)

    def unpause(self, guest_id: str) -> None:
        self._enter("unpause", guest_id)
        self._running(guest_id)
        self._change(guest_id, Power.RUNNING)

    def suspend(self, guest_id: str) -> None:
        self._enter("suspend", guest_id)
        if self._guest(guest_id).power is not Power.SUSPENDED:
            self._running(guest_id)
            self._change(guest_id, Power.SUSPENDED)

    def destroy(self, guest_id: str) -> None:
        self._enter("destroy", guest_id)
        with self._lock:
            self.guests_by_id.pop(guest_id, None)
            self._save()

    def keep_disks(self, guest_id: str, copy: bool) -> None:
        self._enter("keep_disks", guest_id)
        with self._lock:
            guest = self._guest(guest_id)
            if not guest.kept:
                guest.kept, guest.root = guest.root, guest.root if copy else ""
            self._save()

    def restore_disks(self, guest_id: str) -> None:
        self._enter("restore_disks", guest_id)
        with self._lock:
            guest = self.guests_by_id.get(guest_id)
            if guest and guest.kept:
                guest.root, guest.kept = guest.kept, ""
            self._save()

    def drop_kept_disks(self, guest_id: str) -> None:
        self._enter("drop_kept_disks", guest_id)
        with self._lock:
            if guest_id in self.guests_by_id:
                self.guests_by_id[guest_id].kept = ""
            self._save()

    def drop_rescue(self, guest_id: str) -> None:
        self._enter("drop_rescue", guest_id)

    def attach_volume(self, guest_id: str, volume: Volume) -> Attached:
        self._enter("attach_volume", guest_id)
        with self._lock:
            guest = self._guest(guest_id)
            device = guest.volumes.setdefault(volume.id, volume.device or self._free_device(guest))
            self._save()
            return Attached(device, addresses_of(guest)[volume.id])

    def detach_volume(self, guest_id: str, volume_id: str) -> None:
        self._enter("detach_volume", guest_id)
        with self._lock:
            if guest_id in self.guests_by_id:
                self.guests_by_id[guest_id].volumes.pop(volume_id, None)
            self._save()

    def attach_nic(self, guest_id: str, nic: Nic) -> Plugged:
        self._enter("attach_nic", guest_id)
        with self._lock:
            guest = self._guest(guest_id)
            guest.nics[nic.port_id] = nic.tap
            self._save()
            return Plugged(addresses_of(guest)[nic.port_id])

    def detach_nic(self, guest_id: str, port_id: str) -> None:
        self._enter("detach_nic", guest_id)
        with self._lock:
            if guest_id in self.guests_by_id:
                self.guests_by_id[guest_id].nics.pop(port_id, None)
            self._save()

    def extend_volume(self, guest_id: str, volume_id: str, size: int) -> None:
        self._enter("extend_volume", guest_id)
        self._guest(guest_id)

    def snapshot_volume(self, guest_id: str, volume_id: str, name: str) -> None:
        self._enter("snapshot_volume", guest_id)
        self._running(guest_id)

    def drop_volume_snapshot(self, guest_id: str, volume_id: str, name: str) -> None:
        self._enter("drop_volume_snapshot", guest_id)
        self._running(guest_id)

    def set_password(self, guest_id: str, user: str, password: str) -> None:
        self._enter("set_password", guest_id)
        self._running(guest_id)

    def snapshot(self, guest_id: str, into: Path, format: str) -> None:
        self._enter("snapshot", guest_id)
        self._guest(guest_id)
        with into.open("wb") as file:
            file.truncate(SNAPSHOT_SIZE)
            for offset, content in EMPTY_QCOW2.items() if format == "qcow2" else ():
                file.seek(offset)
                file.write(content)

    def abandon_snapshot(self, guest_id: str) -> None:
        self._enter("abandon_snapshot", guest_id)

    def console_log(self, guest_id: str, limit: int) -> bytes:
        self._enter("console_log", guest_id)
        return self._guest(guest_id).log.encode()[-limit:]

    def console(self, guest_id: str, kind: str) -> Endpoint:
        self._running(guest_id)
        if kind not in ("vnc", "serial"):
            raise GuestUnsupported(guest=guest_id, what=f"a console of type {kind}", why="there is vnc and serial")
        return Endpoint(kind, "127.0.0.1", 5900)

    def diagnostics(self, guest_id: str) -> Diagnostics:
        return Diagnostics(self._running(guest_id), 0, (0,), 0, None, (), (), "fake", "fake")

    def inject_nmi(self, guest_id: str) -> None:
        self._enter("inject_nmi", guest_id)
        self._running(guest_id)

    def cache_image(self, image: Image) -> None:
        self._enter("cache_image", image.id)

    def sweep_images(self) -> None:
        self._enter("sweep_images", "")

    def restart(self, guest_id: str) -> None:
        self._enter("restart", guest_id)
        self._change(guest_id, Power.RUNNING)

    def lost(self, guest_id: str) -> bool:
        return self._guest(guest_id).lost

    def state(self, guest_id: str) -> GuestState:
        power = self._guest(guest_id).power
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
        self._watchers.append(changed)

    def close(self) -> None:
        self._watchers.clear()

    def _enter(self, name: str, guest_id: str) -> None:
        self.calls.append((name, guest_id))
        if len(self.calls) > REMEMBERED:
            del self.calls[: REMEMBERED // 2]
        if self._faults.get(name):
            self._faults[name].popleft()()

    def _guest(self, guest_id: str) -> FakeGuest:
        guest = self.guests_by_id.get(guest_id)
        if guest is None:
            raise GuestAbsent(guest=guest_id, host=self.host)
        return guest

    def _running(self, guest_id: str) -> Power:
        power = self._guest(guest_id).power
        if power not in (Power.RUNNING, Power.PAUSED):
            raise GuestNotRunning(guest=guest_id)
        return power

    def _change(self, guest_id: str, power: Power) -> None:
        with self._lock:
            guest = self._guest(guest_id)
            guest.power, guest.lost = power, False
            self._save()

    def _stop(self, guest_id: str) -> None:
        guest = self.guests_by_id.get(guest_id)
        if guest and guest.power in (Power.RUNNING, Power.PAUSED, Power.CRASHED, Power.SUSPENDED):
            self._change(guest_id, Power.STOPPED)

    def _free_device(self, guest: FakeGuest) -> str:
        taken = {name.removeprefix("/dev/") for name in guest.volumes.values()}
        return "/dev/" + DeviceNames(taken | {"vda"}).give("virtio")

    def _load(self) -> None:
        if self.path and self.path.exists():
            rows = json.loads(self.path.read_text())
            guests = [FakeGuest(**row) for row in rows]
            self.guests_by_id = {g.id: replace(g, power=Power(g.power) if g.power else None) for g in guests}

    def _save(self) -> None:
        if self.path:
            fresh = self.path.with_suffix(".new")
            fresh.write_text(json.dumps([vars(g) for g in self.guests_by_id.values()]))
            fresh.replace(self.path)
