"""Makes and changes rings: by weight, replicas as far apart as possible, moving as few of them as possible.

A replica keeps its device unless that is gone, holds more than its share, or is nearer to another replica of the
partition than necessary. At most one replica of a partition moves in one `rebalance`, and none that moved within
MIN_PART_HOURS, so that two replicas are always where readers look; replicas of removed devices move at once.
"""

import base64
import secrets
import time
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from pileus_objectstore.errors import RingRefused
from pileus_objectstore.ring.devices import Device, distance
from pileus_objectstore.ring.rings import RingFile, checksum, read

MIN_PART_HOURS = 1
UNASSIGNED = 0xFFFF


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

    def __post_init__(self) -> None:
        if not 1 <= self.power <= 24 or not 1 <= self.replicas <= 8:
            raise RingRefused(why="power must be 1..24 and replicas 1..8")
        if not self.table:
            self.table = [array("H", [UNASSIGNED]) * (1 << self.power) for _ in range(self.replicas)]
            self.moved_at = array("L", [0]) * (1 << self.power)

    @classmethod
    def load(cls, path: Path) -> "Builder":
        """The builder of the ring in a file. Raises OSError and ValueError."""
        file = read(path)
        return cls(
            file.power,
            len(file.table),
            file.salt,
            file.version,
            list(file.devices),
            [array("H", base64.b64decode(row)) for row in file.table],
            array("L", file.moved_at),
        )

    def save(self, path: Path) -> None:
        """Replace the file atomically, so that a reader sees the old ring or the new one."""
        rows = [base64.b64encode(row.tobytes()).decode() for row in self.table]
        file = RingFile(self.version, self.power, self.salt, self.devices, rows, 0, list(self.moved_at))
        file.checksum = checksum(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.write_bytes(msgspec.json.encode(file))
        temporary.replace(path)

    def add(self, name: str, host: str, region: int = 1, zone: int = 1, weight: float = 100.0) -> Device:
        """Add a device; effective with `rebalance`. Raises RingRefused if the host has one of that name."""
        if any(d and d.name == name and d.host == host for d in self.devices):
            raise RingRefused(why=f"{name} on {host} is in the ring already")
        device = Device(len(self.devices), name, host, region, zone, float(weight))
        self.devices.append(device)
        return device

    def remove(self, device_id: int) -> None:
        """Take a device out of the ring; effective with `rebalance`. Raises RingRefused."""
        self._device(device_id)
        self.devices[device_id] = None

    def set_weight(self, device_id: int, weight: float) -> None:
        """Change a device's share; effective with `rebalance`. Raises RingRefused."""
        self.devices[device_id] = msgspec.structs.replace(self._device(device_id), weight=float(weight))

    def rebalance(self, now: float | None = None) -> int:
        """Give every replica a device; how many got a new one. Raises RingRefused."""
        live = [d for d in self.devices if d and d.weight > 0]
        if len(live) < self.replicas:
            raise RingRefused(why=f"{self.replicas} replicas need as many devices, there are {len(live)}")
        stamp = int(time.time() if now is None else now)
        wanted = shares(live, self.replicas, 1 << self.power)
        moves = self._release(wanted, stamp)
        self._assign(moves, wanted, stamp)
        self.version += 1
        return len(moves)

    def held(self) -> dict[int, int]:
        """{device id: number of replicas on it}."""
        counts: dict[int, int] = {}
        for row in self.table:
            for index in row:
                counts[index] = counts.get(index, 0) + 1
        counts.pop(UNASSIGNED, None)
        return counts

    def _device(self, device_id: int) -> Device:
        device = self.devices[device_id] if 0 <= device_id < len(self.devices) else None
        if device is None:
            raise RingRefused(why=f"there is no device {device_id}")
        return device

    def _release(self, wanted: dict[int, float], stamp: int) -> list[tuple[int, int]]:
        """The (partition, replica) slots that need a new device; they are UNASSIGNED afterwards."""
        freed = self._unassign_gone()
        held = self.held()
        rested = stamp - MIN_PART_HOURS * 3600
        touched = {partition for partition, _ in freed}
        for partition in range(1 << self.power):
            if partition in touched or self.moved_at[partition] > rested:
                continue
            replica = self._misplaced(partition, held, wanted)
            if replica is not None:
                held[self.table[replica][partition]] -= 1
                self.table[replica][partition] = UNASSIGNED
                freed.append((partition, replica))
        return freed

    def _unassign_gone(self) -> list[tuple[int, int]]:
        gone = {UNASSIGNED} | {i for i, d in enumerate(self.devices) if d is None or d.weight <= 0}
        unassigned = []
        for replica, row in enumerate(self.table):
            for partition, index in enumerate(row):
                if index in gone:
                    row[partition] = UNASSIGNED
                    unassigned.append((partition, replica))
        return unassigned

    def _misplaced(self, partition: int, held: dict[int, int], wanted: dict[int, float]) -> int | None:
        """The replica that most needs to move: from an overfull device, or because it is too near another."""
        worst, reason = None, 0.0
        underfull = [d for d in self.devices if d and held.get(d.id, 0) + 1 <= wanted.get(d.id, 0)]
        for replica in range(self.replicas):
            device = self._device(self.table[replica][partition])
            others = [self._device(self.table[r][partition]) for r in range(self.replicas) if r != replica]
            near = min((distance(device, other) for other in others), default=4)
            better = any(min((distance(d, o) for o in others), default=4) > near for d in underfull)
            over = held[device.id] - wanted[device.id] if underfull else 0
            score = over if over >= 1 else float(better)
            if score > reason:
                worst, reason = replica, score
        return worst

    def _assign(self, slots: list[tuple[int, int]], wanted: dict[int, float], stamp: int) -> None:
        held = self.held()
        live = [d for d in self.devices if d and d.weight > 0]
        for partition, replica in sorted(slots):
            others = [self.devices[row[partition]] for row in self.table if row[partition] != UNASSIGNED]
            placed = [d for d in others if d]

            def fitness(device: Device, placed: list[Device] = placed) -> tuple[int, int, float]:
                near = min((distance(device, other) for other in placed), default=4)
                room = wanted[device.id] - held.get(device.id, 0)
                return (1 if near else 0, near if room > 0 else -1, room / wanted[device.id])

            best = max(live, key=fitness)
            self.table[replica][partition] = best.id
            held[best.id] = held.get(best.id, 0) + 1
            self.moved_at[partition] = stamp


def shares(devices: list[Device], replicas: int, partitions: int) -> dict[int, float]:
    """{device id: replicas that it should hold}: by weight, but never two of one partition on one device."""
    result: dict[int, float] = {}
    left, places = float(replicas * partitions), list(devices)
    while places:
        total = sum(d.weight for d in places)
        full = [d for d in places if left * d.weight / total > partitions]
        if not full:
            return result | {d.id: left * d.weight / total for d in places}
        for device in full:
            result[device.id] = float(partitions)
            left -= partitions
            places.remove(device)
    return result
