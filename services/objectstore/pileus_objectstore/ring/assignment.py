"""Assigns replicas to devices: as many as each should hold, at most so many of a partition in a tier, with few moves.

Replicas that have no device, and those that a tier may not hold, are placed first, at random among the places that miss
replicas: so the partitions of one device have their other replicas on many devices, which rebuild it together. Then
replicas move from devices that hold too many to devices that hold too few, along the shortest chains of moves.
"""

import random
from array import array
from collections import deque
from collections.abc import Iterable, Mapping

from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.targets import Key, tier_keys

UNASSIGNED = 0xFFFF
DRAWS = 8  # so many devices are tried at random before all are looked at
Move = tuple[int, int, int]  # partition, row of the table, the device's new id


class Assignment:
    """Changes `table` in place. `quota` is {device id: replicas}, `limits` {tier: most replicas of one partition}.

    `movable` tells for each partition whether one of its replicas may move. `touched` are those of which one did.
    """

    def __init__(
        self,
        table: list[array],
        live: list[Device],
        quota: Mapping[int, int],
        limits: Mapping[Key, int],
        movable: list[bool],
        seed: str,
    ) -> None:
        self._table = table
        self._keys = {device.id: tier_keys(device) for device in live}
        self._limits = limits
        self._movable = movable
        self._random = random.Random(seed)  # noqa: S311 - it chooses places, not secrets
        self._missing = dict(quota)  # {device id: replicas that it should still get}; negative: that it should lose
        self._on: dict[int, dict[int, int]] = {device_id: {} for device_id in self._keys}  # {partition: row}
        self._counts: list[dict[Key, int]] = [{} for _ in table[0]]
        self._fresh: set[tuple[int, int]] = set()  # (partition, row) of replicas that have no data yet: they may go on
        self.touched: set[int] = set()

    def settle(self) -> int:
        """Place and move replicas; how many got a new device."""
        free = self._take_stock()
        free += self._crowded()
        self._fresh.update(free)
        self.touched.update(partition for partition, _ in free)
        for partition, row in free:
            self._put(partition, row, self._place(partition))
        self._level()
        return len(self._fresh)

    def _take_stock(self) -> list[tuple[int, int]]:
        """Note where replicas are; those without a device are returned as (partition, row)."""
        free = []
        for row, line in enumerate(self._table):
            for partition, device_id in enumerate(line):
                if device_id in self._keys and partition not in self._on[device_id]:
                    self._put(partition, row, device_id)
                else:
                    free.append((partition, row))
                    line[partition] = UNASSIGNED
        return free

    def _crowded(self) -> list[tuple[int, int]]:
        """Free one replica of each partition of which a tier holds more than it may."""
        freed = []
        for partition, counts in enumerate(self._counts):
            over = {key for key, count in counts.items() if count > self._limits[key]}
            if over and self._may_move(partition):
                places = [(line[partition], row) for row, line in enumerate(self._table)]
                there = [place for place in places if place[0] != UNASSIGNED and over & set(self._keys[place[0]])]
                device_id, row = min(there, key=lambda place: self._missing[place[0]])
                if self._free_places(partition, without=device_id):
                    self._remove(partition, device_id)
                    self._table[row][partition] = UNASSIGNED
                    freed.append((partition, row))
        return freed

    def _may_move(self, partition: int) -> bool:
        return self._movable[partition] and partition not in self.touched

    def _free_places(self, partition: int, without: int) -> bool:
        """Whether a replica could be placed within all limits if its device did not hold it."""
        return any(self._allowed(partition, other, without) for other in self._keys)

    def _allowed(self, partition: int, device_id: int, without: int | None = None) -> bool:
        """Whether a device may get a replica of the partition, perhaps instead of another device."""
        counts = self._counts[partition]
        spared = self._keys[without] if without is not None else ()
        return all(counts.get(key, 0) - (key in spared) < self._limits[key] for key in self._keys[device_id])

    def _place(self, partition: int) -> int:
        """The device for a replica: within the limits if possible, at random by how many replicas devices miss."""
        short = [(device_id, missing) for device_id, missing in self._missing.items() if missing > 0]
        if short:
            for device_id in self._random.choices([i for i, _ in short], [m for _, m in short], k=DRAWS):
                if self._allowed(partition, device_id):
                    return device_id
        allowed = [device_id for device_id in self._keys if self._allowed(partition, device_id)]
        missing = [device_id for device_id in allowed if self._missing[device_id] > 0]
        if missing:
            weights = [self._missing[device_id] for device_id in missing]
            return self._random.choices(missing, weights)[0]
        if allowed:
            return max(allowed, key=lambda device_id: self._missing[device_id])
        counts = self._counts[partition]

        def excess(device_id: int) -> tuple[list[int], int]:
            over = [max(0, counts.get(key, 0) + 1 - self._limits[key]) for key in self._keys[device_id]]
            return [over[-1], *over[:-1]], -self._missing[device_id]

        return min(self._keys, key=excess)

    def _put(self, partition: int, row: int, device_id: int) -> None:
        self._table[row][partition] = device_id
        self._on[device_id][partition] = row
        self._missing[device_id] -= 1
        counts = self._counts[partition]
        for key in self._keys[device_id]:
            counts[key] = counts.get(key, 0) + 1

    def _remove(self, partition: int, device_id: int) -> int:
        """Take a replica from a device; its row."""
        row = self._on[device_id].pop(partition)
        self._missing[device_id] += 1
        for key in self._keys[device_id]:
            self._counts[partition][key] -= 1
        return row

    def _level(self) -> None:
        """Move replicas from devices with too many to devices with too few, while that is possible."""
        stuck: set[int] = set()
        while True:
            over = [i for i, missing in self._missing.items() if missing < 0 and i not in stuck]
            if not over:
                return
            start = min(over, key=lambda i: self._missing[i])
            self._move_directly(start)
            chain = self._chain(start) if self._missing[start] < 0 else []
            if not chain:
                stuck.add(start)
            for partition, source, target in chain:
                self._move(partition, source, target)

    def _move(self, partition: int, source: int, target: int) -> None:
        row = self._remove(partition, source)
        self._put(partition, row, target)
        self._fresh.add((partition, row))
        self.touched.add(partition)

    def _move_directly(self, start: int) -> None:
        """Move replicas of a device that holds too many to devices that miss some, one move each."""
        for partition in self._candidates(start):
            if self._missing[start] >= 0:
                return
            short = [i for i, missing in self._missing.items() if missing > 0 and self._allowed(partition, i, start)]
            if short:
                self._move(partition, start, max(short, key=lambda i: self._missing[i]))

    def _candidates(self, device_id: int) -> list[int]:
        """The partitions of a device of which a replica may move, in random order; those without data come first."""
        fresh = [p for p, row in self._on[device_id].items() if (p, row) in self._fresh]
        settled = [p for p, row in self._on[device_id].items() if (p, row) not in self._fresh and self._may_move(p)]
        self._random.shuffle(fresh)
        self._random.shuffle(settled)
        return fresh + settled

    def _chain(self, start: int) -> list[tuple[int, int, int]]:
        """The shortest chain of moves (partition, from, to) that ends at a device which misses replicas."""
        came: dict[int, tuple[int, int, int]] = {}
        queue = deque([start])
        while queue:
            device_id = queue.popleft()
            for partition, target in self._moves(device_id, came.keys() | {start}):
                came[target] = (partition, device_id, target)
                if self._missing[target] > 0:
                    return self._path(came, start, target)
                queue.append(target)
        return []

    @staticmethod
    def _path(came: Mapping[int, tuple[int, int, int]], start: int, end: int) -> list[tuple[int, int, int]]:
        chain = []
        used: set[int] = set()
        while end != start:
            step = came[end]
            if step[0] in used:
                return []
            used.add(step[0])
            chain.append(step)
            end = step[1]
        return chain

    def _moves(self, device_id: int, seen: Iterable[int]) -> list[tuple[int, int]]:
        """One move (partition, to) from a device to each device that may take one, those that miss most first."""
        skip = set(seen)
        targets = sorted((i for i in self._keys if i not in skip), key=lambda i: -self._missing[i])
        partitions = self._candidates(device_id)
        moves = []
        for target in targets:
            found = next((p for p in partitions if self._allowed(p, target, without=device_id)), None)
            if found is not None:
                moves.append((found, target))
                if self._missing[target] > 0:
                    break
        return moves
