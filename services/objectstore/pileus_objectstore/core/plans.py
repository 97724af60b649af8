"""Which host is asked for which replicas, and who tells which listing."""

from collections.abc import Container, Iterable

from pileus_objectstore.ring.rings import Place
from pileus_objectstore.rpc.contract import Spot, Upstream

Plan = list[tuple[str, Spot]]


def spots(place: Place) -> Plan:
    """Every host that should hold a replica, then those that only stand in."""
    return [(host, Spot(place.partition, place.digest, own, extra)) for host, own, extra in place.hosts]


def write_plan(place: Place, down: Container[str]) -> Plan:
    """The hosts to write to, each with its devices; replicas of hosts that are down go to the next handoffs
    elsewhere."""
    everywhere = spots(place)
    live = [(host, spot) for host, spot in everywhere if host not in down]
    homeless = sum(len(spot.devices) for host, spot in everywhere if host in down)
    plan = []
    for host, spot in live:
        extra = spot.handoffs[:homeless]
        homeless -= len(extra)
        devices = spot.devices + extra
        if devices:
            plan.append((host, Spot(spot.partition, spot.digest, devices, spot.handoffs[len(extra) :])))
    return plan


def remaining(plan: Plan, asked: dict[str, set[str]]) -> Plan:
    """What of a plan was not asked for yet: after a host failed, the handoffs in its place."""
    left = []
    for host, spot in plan:
        done = asked.get(host, set())
        devices = tuple(device for device in spot.devices if device not in done)
        if devices:
            left.append((host, Spot(spot.partition, spot.digest, devices, spot.handoffs)))
    return left


def read_plan(place: Place, down: Container[str]) -> Plan:
    """The hosts to ask, best first: those with replicas of their own, then handoffs; hosts that seem to be down come
    last."""
    return sorted(spots(place), key=lambda entry: (entry[0] in down, not entry[1].devices))


def upstreams(place: Place | None, hosts: Iterable[str], heard: Container[str] = ()) -> dict[str, tuple[Upstream, ...]]:
    """For each writing host, the listings that it has to tell: its own first of all, the others shared out; not
    those that heard it."""
    hosts = list(hosts)
    told: dict[str, list[Upstream]] = {host: [] for host in hosts}
    if place is None or not hosts:
        return dict.fromkeys(hosts, ())
    for number, (host, spot) in enumerate(
        entry for entry in spots(place) if entry[1].devices and entry[0] not in heard
    ):
        teller = host if host in told else hosts[number % len(hosts)]
        told[teller].append(Upstream(host, spot))
    return {host: tuple(list_) for host, list_ in told.items()}
