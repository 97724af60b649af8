"""Makes and changes rings: by weight, replicas as far apart as possible, moving as few of them as possible.

A replica keeps its device unless that is gone, or holds more than its share, or a tier (a zone, for example) holds more
replicas of the partition than it has to (see `targets`). At most one replica of a partition moves in one `rebalance`,
and none that moved within `min_part_hours`, so that the others are always where readers look; replicas of removed
devices move at once.
"""

import base64
import secrets
import time
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from pileus_objectstore.errors import RingRefused
from pileus_objectstore.ring.assignment import UNASSIGNED, Assignment
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.durable_files import replace_durably
from pileus_objectstore.ring.rings import RingFile, checksum, read
from pileus_objectstore.ring.targets import Key, caps, shares, tier_keys, whole, widest

MIN_PART_HOURS = 1
MAX_POWER = 24
MAX_IMBALANCE = 5.0  # percent
MAX_OVERLOAD = 100.0
MAX_REPLICAS = 32  # of erasure codes: fragments


@dataclass
class Builder:
    """A ring that can be changed.

    It has 2**`power` partitions for ever: about a hundred for each disk that the cluster will ever have.
    """

    power: int
    replicas: int = 3
    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    version: int = 0
    devices: list[Device | None] = field(default_factory=list)
    table: list[array] = field(default_factory=list)
    moved_at: array = field(default_factory=lambda: array("L"))
    overload: float = 0.0
    min_part_hours: float = field(default_factory=lambda: MIN_PART_HOURS)
    unfinished: bool = False
    """Whether a rebalance had to leave something to a later one; the ring keeper makes that."""

    def __post_init__(self) -> None:
        if not 1 <= self.power <= MAX_POWER or not 1 <= self.replicas <= MAX_REPLICAS:
            raise RingRefused(why=f"power must be 1..{MAX_POWER} and replicas 1..{MAX_REPLICAS}")
        if not self.table:
            self.table = [array("H", [UNASSIGNED]) * (1 << self.power) for _ in range(self.replicas)]
            self.moved_at = array("L", [0]) * (1 << self.power)

    @classmethod
    def load(cls, path: Path) -> "Builder":
        """The builder of the ring in a file. Raises OSError and ValueError."""
        return cls.of(read(path))

    @classmethod
    def of(cls, file: RingFile) -> "Builder":
        """The builder of a ring."""
        return cls(
            file.power,
            len(file.table),
            file.salt,
            file.version,
            list(file.devices),
            [array("H", base64.b64decode(row)) for row in file.table],
            array("L", file.moved_at),
            file.overload,
            file.min_part_hours,
            file.unfinished,
        )

    def file(self) -> RingFile:
        """The ring as it is stored."""
        rows = [base64.b64encode(row.tobytes()).decode() for row in self.table]
        file = RingFile(
            self.version, self.power, self.salt, self.devices, rows, 0, list(self.moved_at), self.overload,
            self.min_part_hours, self.unfinished,
        )  # fmt: skip
        file.checksum = checksum(file)
        return file

    def save(self, path: Path) -> None:
        """Replace the file atomically, so that a reader, or a crash, sees the old ring or the new one."""
        replace_durably(path, msgspec.json.encode(self.file()))

    def add(self, name: str, host: str, region: int = 1, zone: int = 1, weight: float = 100.0) -> Device:
        """Add a device; effective with `rebalance`. Raises RingRefused if the host has one of that name."""
        if any(d and d.name == name and d.host == host for d in self.devices):
            raise RingRefused(why=f"{name} on {host} is in the ring already")
        device = Device(len(self.devices), name, host, region, zone, checked_weight(weight))
        self.devices.append(device)
        return device

    def remove(self, device_id: int) -> None:
        """Take a device out of the ring; effective with `rebalance`. Raises RingRefused."""
        self._device(device_id)
        self.devices[device_id] = None

    def set_weight(self, device_id: int, weight: float) -> None:
        """Change a device's share; effective with `rebalance`. Raises RingRefused."""
        self.devices[device_id] = msgspec.structs.replace(self._device(device_id), weight=checked_weight(weight))

    def place(self, device_id: int, host: str = "", zone: int = 0) -> None:
        """Change a device's host or zone; a zone is effective with `rebalance`. Raises RingRefused."""
        known = self._device(device_id)
        changed = msgspec.structs.replace(known, host=host or known.host, zone=zone or known.zone)
        self.devices[device_id] = changed

    def set_overload(self, factor: float) -> None:
        """Change how much more than its share a device may take; effective with `rebalance`. Raises RingRefused."""
        if not 0 <= factor <= MAX_OVERLOAD:
            raise RingRefused(why=f"overload is from 0 to {MAX_OVERLOAD:g}, not {factor}")
        self.overload = float(factor)

    def rebalance(self, now: float | None = None, rested: bool = False) -> int:
        """Give every replica a device; how many got a new one. Raises RingRefused.

        `rested`: the caller knows that all replicas are where the ring says, so each partition may move again.
        """
        live = self.live()
        if len(live) < self.replicas:
            raise RingRefused(why=f"{self.replicas} replicas need as many devices, there are {len(live)}")
        stamp, partitions = int(time.time() if now is None else now), 1 << self.power
        wanted = shares(live, self.replicas, partitions, self.overload)
        limits = caps(live, wanted, partitions)
        quota = whole(wanted, self.held(), self.replicas * partitions)
        before = stamp if rested else stamp - int(self.min_part_hours * 3600)
        movable = [moved <= before for moved in self.moved_at]
        assignment = Assignment(self.table, live, quota, limits, movable, seed=f"{self.salt}{self.version}")
        moved = assignment.settle()
        for partition in assignment.touched:
            self.moved_at[partition] = stamp
        self.version += 1
        self.unfinished = not self.is_settled() and (bool(moved) or not rested)
        return moved

    def is_settled(self) -> bool:
        """Whether replicas are where weights and zones want them; a few percent don't matter."""
        live = {device.id for device in self.live()}
        if any(index not in live for index in self.held()):
            return False
        return self.balance() <= MAX_IMBALANCE and not self.dispersion()

    def live(self) -> list[Device]:
        """The devices that have weight."""
        return [d for d in self.devices if d and d.weight > 0]

    def held(self) -> dict[int, int]:
        """{device id: number of replicas on it}."""
        counts: dict[int, int] = {}
        for row in self.table:
            for index in row:
                counts[index] = counts.get(index, 0) + 1
        counts.pop(UNASSIGNED, None)
        return counts

    def balance(self) -> float:
        """The greatest difference, in percent, between a device's share by weight and what it holds."""
        wanted, held = shares(self.live(), self.replicas, 1 << self.power), self.held()
        return max((abs(held.get(i, 0) - share) / share * 100 for i, share in wanted.items() if share), default=0.0)

    def dispersion(self) -> float:
        """The percentage of partitions with more replicas in one tier than distance alone would put there."""
        live = {device.id: device for device in self.live()}
        limits, crowded = widest(list(live.values()), self.replicas), 0
        for partition in range(1 << self.power):
            counts: dict[Key, int] = {}
            for row in self.table:
                for key in tier_keys(live[row[partition]]) if row[partition] in live else ():
                    counts[key] = counts.get(key, 0) + 1
            crowded += any(count > limits[key] for key, count in counts.items())
        return 100 * crowded / (1 << self.power)

    def _device(self, device_id: int) -> Device:
        device = self.devices[device_id] if 0 <= device_id < len(self.devices) else None
        if device is None:
            raise RingRefused(why=f"there is no device {device_id}")
        return device


def checked_weight(weight: float) -> float:
    """A device's weight. Raises RingRefused for what isn't one."""
    if not 0 <= weight < 1e9:
        raise RingRefused(why=f"a weight is a number from 0 on, not {weight}")
    return float(weight)
