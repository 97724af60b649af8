"""Which host is asked for which replicas, and which host updates which replica of a listing."""

from collections.abc import Container, Iterable

import msgspec

from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.wire.contract import HostReplicas, ListingHost

Plan = list[tuple[str, HostReplicas]]


def host_replicas(placement: Placement) -> Plan:
    """Every host that should hold a replica, then the hosts that have handoffs only."""
    return [
        (host, HostReplicas(placement.partition, placement.digest, own, handoffs, placement.policy))
        for host, own, handoffs in placement.hosts
    ]


def write_plan(placement: Placement, down: Container[str]) -> Plan:
    """The hosts to write to, each with its devices; handoffs elsewhere take the replicas of hosts that are down."""
    everywhere = host_replicas(placement)
    live = [(host, replicas) for host, replicas in everywhere if host not in down]
    unplaced = sum(len(replicas.devices) for host, replicas in everywhere if host in down)
    plan = []
    for host, replicas in live:
        extra = replicas.handoffs[:unplaced]
        unplaced -= len(extra)
        devices = replicas.devices + extra
        if devices:
            left = replicas.handoffs[len(extra) :]
            plan.append((host, msgspec.structs.replace(replicas, devices=devices, handoffs=left)))
    return plan


def remaining(plan: Plan, asked: dict[str, set[str]]) -> Plan:
    """The part of a plan that was not asked yet: after a host failed, the handoffs that take its replicas."""
    left = []
    for host, replicas in plan:
        done = asked.get(host, set())
        devices = tuple(device for device in replicas.devices if device not in done)
        if devices:
            left.append((host, msgspec.structs.replace(replicas, devices=devices)))
    return left


def read_plan(placement: Placement, down: Container[str]) -> Plan:
    """The hosts to ask, best first: those with replicas of their own, then handoffs; hosts that seem down come last."""
    return sorted(host_replicas(placement), key=lambda entry: (entry[0] in down, not entry[1].devices))


def assign_listing_hosts(
    listing: Placement | None, hosts: Iterable[str], notified: Container[str] = ()
) -> dict[str, tuple[ListingHost, ...]]:
    """For each host that writes, the listing hosts that it must update: itself first, the others shared out.

    Listing hosts in `notified` have the update already.
    """
    hosts = list(hosts)
    if listing is None or not hosts:
        return dict.fromkeys(hosts, ())
    assigned: dict[str, list[ListingHost]] = {host: [] for host in hosts}
    waiting = [entry for entry in host_replicas(listing) if entry[1].devices and entry[0] not in notified]
    for number, (host, replicas) in enumerate(waiting):
        updater_host = host if host in assigned else hosts[number % len(hosts)]
        assigned[updater_host].append(ListingHost(host, replicas))
    return {host: tuple(listing_hosts) for host, listing_hosts in assigned.items()}
