"""How many replicas each device should hold: by weight, and with overload as far apart as that allows.

Devices form a tree of tiers: region, zone, host, device. By weight alone, a zone that is larger than the others gets
more than one replica of some partitions. Overload lets every device take so much more than its weight's share (0.1: a
tenth) if that brings replicas farther apart.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import TypeVar

from pileus_objectstore.ring.devices import Device

SLACK = 1e-9
Key = tuple[int | str, ...]
K = TypeVar("K", bound=Hashable)


def tier_keys(device: Device) -> tuple[Key, ...]:
    """The tiers to which a device belongs, from its region to the device itself."""
    whole_key = (device.region, device.zone, device.host, device.id)
    return tuple(whole_key[:level] for level in range(1, len(whole_key) + 1))


@dataclass
class Tier:
    """A node of the tree."""

    weight: float = 0.0
    devices: int = 0
    children: dict[Key, "Tier"] = field(default_factory=dict)


def tree(devices: Iterable[Device]) -> Tier:
    """The tiers of the devices that have weight."""
    root = Tier()
    for device in devices:
        node = root
        for key in (None, *tier_keys(device)):
            node = node if key is None else node.children.setdefault(key, Tier())
            node.weight += device.weight
            node.devices += 1
    return root


def shares(devices: list[Device], replicas: int, partitions: int, overload: float = 0.0) -> dict[int, float]:
    """{device id: replicas that it should hold}. No device holds two replicas of one partition."""
    weighted = _fill({d.id: d.weight for d in devices}, {d.id: 1.0 for d in devices}, replicas)
    if overload > 0:
        apart: dict[int, float] = {}
        _spread(tree(devices), float(replicas), apart)
        factor = min(
            (overload * weighted[i] / (apart[i] - weighted[i]) for i in apart if apart[i] > weighted[i] + SLACK),
            default=1.0,
        )
        weighted = {i: have + (apart[i] - have) * min(1.0, factor) for i, have in weighted.items()}
    return {i: share * partitions for i, share in weighted.items()}


def caps(devices: list[Device], wanted: Mapping[int, float], partitions: int) -> dict[Key, int]:
    """{tier: how many replicas of one partition it may hold}: its devices' shares together, rounded up."""
    sums: dict[Key, float] = {}
    for device in devices:
        for key in tier_keys(device):
            sums[key] = sums.get(key, 0.0) + wanted[device.id] / partitions
    return {key: max(1, ceil(total - 1e-6)) for key, total in sums.items()}


def widest(devices: list[Device], replicas: int) -> dict[Key, int]:
    """{tier: how many replicas of one partition it would hold at most} if only distance counted."""
    apart: dict[int, float] = {}
    _spread(tree(devices), float(replicas), apart)
    return caps(devices, apart, 1)


def whole(wanted: Mapping[int, float], held: Mapping[int, int], total: int) -> dict[int, int]:
    """The shares as whole numbers with the same sum; who holds more already is rounded up, so that less has to move."""
    result = {i: int(share + 1e-6) for i, share in wanted.items()}

    def claim(device_id: int) -> tuple[bool, float]:
        return held.get(device_id, 0) > result[device_id], wanted[device_id] - result[device_id]

    for device_id in sorted(wanted, key=claim, reverse=True)[: total - sum(result.values())]:
        result[device_id] += 1
    return result


def _spread(tier: Tier, replicas: float, found: dict[int, float]) -> None:
    """Give a tier's children equal rights: none gets more replicas than an even split needs, if the others can hold."""
    if not tier.children:
        return
    even = max(1, ceil(replicas / len(tier.children) - SLACK))
    while sum(min(even, child.devices) for child in tier.children.values()) < replicas - SLACK:
        even += 1
    weights = {key: child.weight for key, child in tier.children.items()}
    room = {key: float(min(even, child.devices)) for key, child in tier.children.items()}
    for key, share in _fill(weights, room, replicas).items():
        child = tier.children[key]
        if child.children:
            _spread(child, share, found)
        else:
            found[int(key[-1])] = share


def _fill(weights: Mapping[K, float], room: Mapping[K, float], amount: float) -> dict[K, float]:
    """Split an amount by weight; what one has no room for goes to the others."""
    result: dict[K, float] = {}
    left, open_ = float(amount), dict(weights)
    while open_:
        total = sum(open_.values())
        full = [key for key, weight in open_.items() if left * weight / total > room[key] + SLACK]
        if not full:
            return result | {key: left * weight / total for key, weight in open_.items()}
        for key in full:
            result[key] = room[key]
            left -= room[key]
            del open_[key]
    return result
