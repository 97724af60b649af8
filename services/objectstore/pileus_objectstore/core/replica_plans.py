"""Which host is asked for which replicas, and who tells which listing."""

from collections.abc import Container, Iterable

from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.wire.contract import HostReplicas, ListingHost

Plan = list[tuple[str, HostReplicas]]


def host_replicas(placement: Placement) -> Plan:
    """Every host that should hold a replica, then those that only stand in."""
    return [
        (host, HostReplicas(placement.partition, placement.digest, own, extra)) for host, own, extra in placement.hosts
    ]


def write_plan(placement: Placement, down: Container[str]) -> Plan:
    """The hosts to write to, each with its devices; replicas of hosts that are down go to the next handoffs
    elsewhere."""
    everywhere = host_replicas(placement)
    live = [(host, replicas) for host, replicas in everywhere if host not in down]
    unplaced = sum(len(replicas.devices) for host, replicas in everywhere if host in down)
    plan = []
    for host, replicas in live:
        extra = replicas.handoffs[:unplaced]
        unplaced -= len(extra)
        devices = replicas.devices + extra
        if devices:
            plan.append(
                (host, HostReplicas(replicas.partition, replicas.digest, devices, replicas.handoffs[len(extra) :]))
            )
    return plan


def remaining(plan: Plan, asked: dict[str, set[str]]) -> Plan:
    """What of a plan was not asked for yet: after a host failed, the handoffs in its place."""
    left = []
    for host, replicas in plan:
        done = asked.get(host, set())
        devices = tuple(device for device in replicas.devices if device not in done)
        if devices:
            left.append((host, HostReplicas(replicas.partition, replicas.digest, devices, replicas.handoffs)))
    return left


def read_plan(placement: Placement, down: Container[str]) -> Plan:
    """The hosts to ask, best first: those with replicas of their own, then handoffs; hosts that seem to be down come
    last."""
    return sorted(host_replicas(placement), key=lambda entry: (entry[0] in down, not entry[1].devices))


def assign_listing_hosts(
    placement: Placement | None, hosts: Iterable[str], notified: Container[str] = ()
) -> dict[str, tuple[ListingHost, ...]]:
    """For each writing host, the listings that it has to tell: its own first of all, the others shared out; not
    those that heard it."""
    hosts = list(hosts)
    listing_hosts: dict[str, list[ListingHost]] = {host: [] for host in hosts}
    if placement is None or not hosts:
        return dict.fromkeys(hosts, ())
    for number, (host, replicas) in enumerate(
        entry for entry in host_replicas(placement) if entry[1].devices and entry[0] not in notified
    ):
        updater_host = host if host in listing_hosts else hosts[number % len(hosts)]
        listing_hosts[updater_host].append(ListingHost(host, replicas))
    return {host: tuple(list_) for host, list_ in listing_hosts.items()}
