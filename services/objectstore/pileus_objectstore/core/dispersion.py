"""Swift's dispersion report: whether containers and objects of many partitions have all copies where they belong.

`populate` stores containers and objects in an account of the store's own until they cover the wanted share of the
partitions; `report` asks each device for them.
"""

from collections.abc import Callable, Iterator

import msgspec

from pileus_kit.errors import HostDown
from pileus_objectstore.core import containers, listing
from pileus_objectstore.core.cluster import Cluster, ListingQuery
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.stored_objects import UNPLACED
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.wire.contract import (
    GetListing,
    GetObject,
    HostReplicas,
    ListingReply,
    ObjectReply,
    PutObject,
    timestamp,
)

ACCOUNT = Target(".pileus-dispersion")
PREFIX = "dispersion_"  # of containers that cover partitions
TRIES = 64  # names for each partition to be covered: so many miss one by a strange accident only
MAX_NAMES = 10_000


class Found(msgspec.Struct):
    """What the report says of containers or objects, under the names that Swift's has.

    `missing` is {number of copies that are missing: how many names miss so many}.
    """

    copies_expected: int = 0
    copies_found: int = 0
    pct_found: float = 100.0
    missing: dict[int, int] = msgspec.field(default_factory=dict)

    def count(self, expected: int, found: int) -> None:
        """Count one name."""
        self.copies_expected += expected
        self.copies_found += found
        self.missing[expected - found] = self.missing.get(expected - found, 0) + 1
        self.pct_found = round(100 * self.copies_found / self.copies_expected, 2)


class Report(msgspec.Struct):
    """The whole report."""

    container: Found
    object: Found


def populate(tools: Tools, coverage: float, policy: int) -> dict[str, int]:
    """Store what is missing for `coverage` percent of the partitions: {kind: how many there are}."""
    holder = _holder(policy)
    containers.create(tools, None, holder, {}, policy)
    made = {}
    made["container"] = _cover(
        tools, ACCOUNT, coverage, lambda name: Target(ACCOUNT.account, name), lambda t: _put_container(tools, t)
    )
    made["object"] = _cover(
        tools,
        holder,
        coverage,
        lambda name: Target(holder.account, holder.container, name),
        lambda t: _put_object(tools, t),
    )
    return made


def report(tools: Tools, policy: int) -> Report:
    """Ask all devices for what was stored. Raises Unavailable if the listings can't be read."""
    found = Report(Found(), Found())
    for name in _names(tools, ACCOUNT):
        placement = tools.cluster.locate(Target(ACCOUNT.account, name))
        found.container.count(*_copies(tools.cluster, placement, _has_listing))
    holder = _holder(policy)
    for name in _names(tools, holder):
        placement = tools.cluster.locate(Target(holder.account, holder.container, name))
        found.object.count(*_copies(tools.cluster, placement, _has_object))
    return found


def _holder(policy: int) -> Target:
    return Target(ACCOUNT.account, f"objects_{policy}")


def _names(tools: Tools, target: Target) -> list[str]:
    query = ListingQuery(limit=MAX_NAMES, prefix=PREFIX)
    return [entry.name for entry in listing.fetch(tools, target, query)[1]]


def _cover(
    tools: Tools,
    within: Target,
    coverage: float,
    target_of: Callable[[str], Target],
    put: Callable[[Target], object],
) -> int:
    """Store names until so many partitions have one; how many there are."""
    there = {tools.cluster.locate(target_of(name)).partition for name in _names(tools, within)}
    probe = target_of(PREFIX)
    policy = tools.cluster.locate(probe).policy
    power = tools.cluster.rings.ring(probe.kind, policy).power
    wanted = min(max(1, round((1 << power) * coverage / 100)), MAX_NAMES)
    for name in _candidates(wanted * TRIES):
        if len(there) >= wanted:
            break
        target = target_of(name)
        partition = tools.cluster.locate(target).partition
        if partition not in there:
            put(target)
            there.add(partition)
    return len(there)


def _candidates(number: int) -> Iterator[str]:
    return (f"{PREFIX}{n}" for n in range(number))


def _put_container(tools: Tools, target: Target) -> None:
    containers.create(tools, None, target, {})


def _put_object(tools: Tools, target: Target) -> None:
    request = PutObject(UNPLACED, target.path, timestamp(tools.now()), {"Content-Type": "text/plain"}, 0)
    tools.cluster.put_object(target, request, lambda _: b"")


def _copies(
    cluster: Cluster, placement: Placement, has: Callable[[Cluster, str, HostReplicas], bool]
) -> tuple[int, int]:
    """(copies that should be there, copies that are there)."""
    places = [
        (host, HostReplicas(placement.partition, placement.digest, (device,), (), placement.policy))
        for host, devices, _ in placement.hosts
        for device in devices
    ]
    return len(places), sum(has(cluster, host, replicas) for host, replicas in places)


def _has_listing(cluster: Cluster, host: str, replicas: HostReplicas) -> bool:
    try:
        return cluster.pool.call(host, "get_listing", GetListing("container", replicas), ListingReply)[0].status == 200
    except HostDown:
        return False


def _has_object(cluster: Cluster, host: str, replicas: HostReplicas) -> bool:
    try:
        return cluster.pool.call(host, "get_object", GetObject(replicas, head=True), ObjectReply)[0].status == 200
    except HostDown:
        return False
