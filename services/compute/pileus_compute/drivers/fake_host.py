"""A host without a hypervisor: its guests are kept in memory, and with `path` also in a file, so that an agent that
was killed finds them again. Tests make its calls fail, its guests crash, and cut its power."""

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pileus_compute.drivers.base import Changed
from pileus_compute.drivers.device_names import DeviceNames
from pileus_compute.errors import GuestAbsent, GuestNotRunning
from pileus_compute.rpc import GuestState, Power

MAX_CALLS = 10_000
"""How many calls are remembered: a fake host may run for long."""
Fault = Callable[[], None]
"""Called at the beginning of a driver call: raises, waits for an event, or counts."""


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
    """What the root disk was made of: an image's id, or "volume"; empty: there is none."""
    ephemeral: str = ""
    """What the blank disks were made of: "blank", or an image's id."""
    kept: str = ""
    rescued: bool = False
    lost: bool = False
    """Stopped by `power_cut`."""
    log: str = ""


def addresses_of(guest: FakeGuest) -> dict[str, str]:
    """Volume or port -> its address, as on a PC: from the third slot on, interfaces first."""
    return {name: f"pci 0000:00:{3 + i:02x}.0" for i, name in enumerate((*guest.nics, *guest.volumes))}


@dataclass(frozen=True)
class Size:
    """What the host has."""

    vcpus: int = 64
    memory_mib: int = 256 * 1024
    disk_gib: int = 4096


class FakeHost:
    """What a fake driver knows, and what tests do to it."""

    def __init__(self, host: str = "fake", path: Path | None = None, size: Size | None = None) -> None:
        self.host, self.path, self.size = host, path, size or Size()
        self.ignores_power_button = False
        """Set by tests: no guest reacts to the power button."""
        self.calls: list[tuple[str, str]] = []
        """(call, guest id), in their order."""
        self.guests_by_id: dict[str, FakeGuest] = {}
        self._faults: dict[str, deque[Fault]] = {}
        self.watchers: list[Changed] = []
        self._lock = threading.RLock()
        self._load()

    def fail(self, name: str, *faults: Fault) -> None:
        """Let each of the next calls of `name` meet one of these faults."""
        self._faults.setdefault(name, deque()).extend(faults)

    def crash(self, guest_id: str, power: Power = Power.CRASHED) -> None:
        """Let a guest change its power state by itself."""
        self.change_power(guest_id, power)
        for watcher in self.watchers:
            watcher(GuestState(guest_id, power))

    def power_cut(self) -> None:
        """Let the host go down and come up: definitions stay, nothing runs."""
        with self._lock:
            for guest in self.guests_by_id.values():
                if guest.power in (Power.RUNNING, Power.PAUSED):
                    guest.power, guest.lost = Power.STOPPED, True
            self.save()

    def enter(self, name: str, guest_id: str) -> None:
        """Note a call of the driver, and let it meet its fault, if it has one."""
        self.calls.append((name, guest_id))
        if len(self.calls) > MAX_CALLS:
            del self.calls[: MAX_CALLS // 2]
        if self._faults.get(name):
            self._faults[name].popleft()()

    def guest(self, guest_id: str) -> FakeGuest:
        """The guest. Raises GuestAbsent."""
        guest = self.guests_by_id.get(guest_id)
        if guest is None:
            raise GuestAbsent(guest=guest_id, host=self.host)
        return guest

    def _running(self, guest_id: str) -> Power:
        power = self.guest(guest_id).power
        if power not in (Power.RUNNING, Power.PAUSED):
            raise GuestNotRunning(guest=guest_id)
        return power

    def change_power(self, guest_id: str, power: Power) -> None:
        """Give the guest another power state."""
        with self._lock:
            guest = self.guest(guest_id)
            guest.power, guest.lost = power, False
            self.save()

    def stop_guest(self, guest_id: str) -> None:
        """Stop the guest, if it is there and on."""
        guest = self.guests_by_id.get(guest_id)
        if guest and guest.power in (Power.RUNNING, Power.PAUSED, Power.CRASHED, Power.SUSPENDED):
            self.change_power(guest_id, Power.STOPPED)

    def free_device(self, guest: FakeGuest) -> str:
        """The next free device name of the guest."""
        taken = {name.removeprefix("/dev/") for name in guest.volumes.values()}
        return "/dev/" + DeviceNames(taken | {"vda"}).give("virtio")

    def _load(self) -> None:
        if self.path and self.path.exists():
            rows = json.loads(self.path.read_text())
            guests = [FakeGuest(**row) for row in rows]
            self.guests_by_id = {g.id: replace(g, power=Power(g.power) if g.power else None) for g in guests}

    def save(self) -> None:
        """Write the guests to the file, if there is one."""
        if self.path:
            fresh = self.path.with_suffix(".new")
            fresh.write_text(json.dumps([vars(g) for g in self.guests_by_id.values()]))
            fresh.replace(self.path)
