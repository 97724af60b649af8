"""What an operator may do to rings and storage policies, and how rings are shown.

The changes are also the bodies of `POST /operations/rings`, as JSON with their name in `action`.
"""

import re

import msgspec

from pileus_objectstore.core import erasure
from pileus_objectstore.errors import RingRefused
from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.ring_files import RingFiles

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}")


class Change(msgspec.Struct, tag_field="action", forbid_unknown_fields=True, kw_only=True):
    """A change of all rings, or of those in `rings`."""

    rings: list[str] = []


class AddDevice(Change, tag="add"):
    """Add a device; effective with Rebalance. `host` is the address and port of its storage server."""

    name: str
    host: str
    region: int = 1
    zone: int = 1
    weight: float = 100.0


class RemoveDevice(Change, tag="remove"):
    """Remove a device, given by its id or as host/name; effective with Rebalance."""

    device: str


class SetWeight(Change, tag="weight"):
    """Change a device's share; 0 empties it. Effective with Rebalance."""

    device: str
    weight: float


class SetOverload(Change, tag="overload"):
    """Change how much more than its share a device may take; effective with Rebalance."""

    factor: float


class Rebalance(Change, tag="rebalance"):
    """Assign replicas to devices, moving as few as possible."""


class AddPolicy(Change, tag="add_policy"):
    """Add a storage policy, whose ring has the devices of policy 0.

    With `data` and `parity` it is erasure-coded, and `replicas` doesn't count.
    """

    name: str
    replicas: int = 3
    data: int = 0
    parity: int = 0
    aliases: list[str] = []


class SetDefaultPolicy(Change, tag="default_policy"):
    """Change the policy that containers get if their creator names none."""

    name: str


class DeprecatePolicy(Change, tag="deprecate_policy"):
    """Give no new container a policy any more; `deprecated` False takes that back."""

    name: str
    deprecated: bool = True


AnyChange = (
    AddDevice | RemoveDevice | SetWeight | SetOverload | Rebalance | AddPolicy | SetDefaultPolicy | DeprecatePolicy
)


class ShownDevice(msgspec.Struct):
    """A device of a ring; `holds` is its number of replicas of partitions."""

    id: int
    name: str
    host: str
    region: int
    zone: int
    weight: float
    holds: int


class ShownRing(msgspec.Struct):
    """A ring; for `balance` and `dispersion`, in percent, see Builder."""

    name: str
    version: int
    partitions: int
    replicas: int
    balance: float
    dispersion: float
    overload: float
    devices: list[ShownDevice]


def apply(files: RingFiles, change: AnyChange) -> list[str]:
    """Make a change; sentences that tell what was done. Raises RingRefused."""
    match change:
        case AddDevice():
            _check_place(change)
            place = change.name, change.host, change.region, change.zone, change.weight
            added = files.change(lambda ring: ring.add(*place), change.rings)
            return [f"{name}: device {device.id}" for name, device in added.items()]
        case RemoveDevice():
            changed = files.change_device(change.device, lambda ring, found: ring.remove(found.id), change.rings)
            return [f"{name}: {change.device} is removed" for name in changed]
        case SetWeight():
            return _set_weight(files, change)
        case SetOverload():
            changed = list(files.change(lambda ring: ring.set_overload(change.factor), change.rings))
            return [f"{name}: overload {change.factor:g}" for name in changed]
        case Rebalance():
            moved = files.change(lambda ring: (ring.rebalance(), ring.replicas << ring.power), change.rings)
            return [f"{name}: {n} replicas of {of} got a new device" for name, (n, of) in moved.items()]
        case _:
            return _change_policies(files, change)


def show(files: RingFiles) -> list[ShownRing]:
    """All rings."""
    return [_shown(name, files.load(name)) for name in files.names()]


def _set_weight(files: RingFiles, change: SetWeight) -> list[str]:
    def act(ring: Builder, device: Device) -> None:
        ring.set_weight(device.id, change.weight)

    changed = files.change_device(change.device, act, change.rings)
    return [f"{name}: {change.device} has weight {change.weight:g}" for name in changed]


def _change_policies(files: RingFiles, change: AddPolicy | SetDefaultPolicy | DeprecatePolicy) -> list[str]:
    if isinstance(change, AddPolicy):
        code = erasure.checked(change.data, change.parity) if change.data or change.parity else None
        policy = files.add_policy(change.name, change.replicas, change.aliases, code)
        return [f"{policy.name}: policy {policy.index}"]
    found = files.policies().by_name(change.name)
    if found is None:
        raise RingRefused(why=f"there is no storage policy {change.name}")
    if isinstance(change, SetDefaultPolicy):
        files.change_policies(lambda policies: policies.with_default(found.index))
        return [f"{found.name} is the default"]
    changed = msgspec.structs.replace(found, deprecated=change.deprecated)
    files.change_policies(lambda policies: policies.with_policy(changed))
    return [f"{found.name} is {'deprecated' if change.deprecated else 'offered again'}"]


def _check_place(change: AddDevice) -> None:
    if not NAME.fullmatch(change.name):
        raise RingRefused(why=f"{change.name!r} can't be the name of a device's directory")
    if not HOST.fullmatch(change.host):
        raise RingRefused(why=f"{change.host!r} is not an address and port, like 10.0.0.1:6200")


def _shown(name: str, ring: Builder) -> ShownRing:
    held = ring.held()
    devices = [
        ShownDevice(d.id, d.name, d.host, d.region, d.zone, d.weight, held.get(d.id, 0)) for d in ring.devices if d
    ]
    balance, dispersion = round(ring.balance(), 2), round(ring.dispersion(), 2)
    return ShownRing(name, ring.version, 1 << ring.power, ring.replicas, balance, dispersion, ring.overload, devices)
