"""Machines that come to the object store and go: their devices in all rings, and where their replicas are.

Each machine is a zone of its own, so that no two replicas of a name are on one as long as there are enough.
"""

from collections.abc import Collection

from pileus_kit.errors import HostDown
from pileus_objectstore.errors import RingRefused
from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.ring.ring_files import RingFiles
from pileus_objectstore.ring.rings import Rings
from pileus_objectstore.wire.client import Pool
from pileus_objectstore.wire.daemon_calls import GetSummary, SummaryReply

WEIGHT = 100.0
Zone = tuple[int, int]  # region and zone


def enter(files: RingFiles, host: str, names: Collection[str]) -> list[str]:
    """Add a machine's devices to all rings that lack them, and move replicas there; sentences that tell what was done.

    Raises RingRefused. What may move only later is moved by the ring keeper (daemons/ring_keeper.py).
    """

    def add(ring: Builder) -> int:
        _give_each_host_a_zone(ring)
        zone = next((d.zone for d in ring.devices if d and d.host == host), _free_zone(ring))
        known = {d.name for d in ring.devices if d and d.host == host}
        for name in sorted(set(names) - known):
            ring.add(name, host, zone=zone, weight=WEIGHT)
        return ring.rebalance()

    if are_known(files, host, names):
        return []
    moved = files.change(add)
    return [f"{name}: {count} replicas got a device of {host}" for name, count in moved.items()]


def are_known(files: RingFiles, host: str, names: Collection[str]) -> bool:
    """Whether all rings name all of these devices of a machine."""
    rings = files.names()
    return bool(rings) and all(set(names) <= _names(files.load(name), host) for name in rings)


def set_weight(files: RingFiles, host: str, weight: float) -> list[str]:
    """Give all devices of a machine this share (0 empties it). Raises RingRefused if no ring names the machine."""

    def change(ring: Builder) -> int:
        for device in ring.devices:
            if device and device.host == host:
                ring.set_weight(device.id, weight)
        return ring.rebalance()

    _check_known(files, host)
    return [f"{name}: {count} replicas got a new device" for name, count in files.change(change).items()]


def leave(files: RingFiles, host: str) -> list[str]:
    """Take all devices of a machine out of the rings; what they held is made again from the other replicas."""

    def drop(ring: Builder) -> int:
        for device in ring.devices:
            if device and device.host == host:
                ring.remove(device.id)
        return ring.rebalance()

    if not any(_names(files.load(name), host) for name in files.names()):
        return []
    return [f"{name}: {count} replicas got a new device" for name, count in files.change(drop).items()]


def rename(files: RingFiles, old: str, new: str) -> bool:
    """Change the address under which the rings know a machine; whether one did. Nothing moves."""

    def change(ring: Builder) -> None:
        for device in ring.devices:
            if device and device.host == old:
                ring.place(device.id, host=new)

    names = [name for name in files.names() if _names(files.load(name), old)]
    if names and old != new:
        files.change(change, names)
    return bool(names) and old != new


def held_partitions(rings: Rings, pool: Pool, host: str) -> int:
    """How many partitions the devices of a machine hold something of, or should by a ring. Raises HostDown."""
    count = 0
    for kind in rings.kinds():
        ring = rings.ring(*kind)
        mine = {d.id: d.name for d in ring.file.devices if d and d.host == host}
        count += sum(1 for row in ring.table for index in row if index in mine)
        for name in mine.values():
            reply, _ = pool.call(host, "get_summary", GetSummary(name, *kind), SummaryReply)
            if reply.status != 200:
                raise HostDown(host=host, why=f"device {name} can't be read")
            count += len(reply.sums)
    return count


def _names(ring: Builder, host: str) -> set[str]:
    return {d.name for d in ring.devices if d and d.host == host}


def _check_known(files: RingFiles, host: str) -> None:
    if not any(_names(files.load(name), host) for name in files.names()):
        raise RingRefused(why=f"no ring names a device of {host}")


def _give_each_host_a_zone(ring: Builder) -> None:
    """Put the devices of a machine that are zones by themselves, as on a machine that is alone, into one of them."""
    hosts: dict[str, list[Zone]] = {}
    for device in ring.devices:
        if device:
            hosts.setdefault(device.host, []).append((device.region, device.zone))
    for host, zones in hosts.items():
        others = {zone for name, found in hosts.items() if name != host for zone in found}
        if len(zones) > 1 and len(set(zones)) == len(zones) and not others & set(zones):
            region, zone = min(zones)
            for device in ring.devices:
                if device and device.host == host and device.region == region:
                    ring.place(device.id, zone=zone)


def _free_zone(ring: Builder) -> int:
    used = {d.zone for d in ring.devices if d}
    return next(zone for zone in range(1, len(used) + 2) if zone not in used)
