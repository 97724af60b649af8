"""Availability zones. An aggregate with `availability_zone` in its metadata makes one of its hosts; hosts that are in
no such aggregate are in the default zone."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.core import hosts
from pileus_compute.db.models import Aggregate, Host
from pileus_kit.errors import BadRequest


def zone_of(aggregates: Sequence[Aggregate], default_zone: str) -> str:
    """Return the zone of a host that is in these aggregates."""
    for aggregate in aggregates:
        if zone := aggregate.meta.get("availability_zone"):
            return str(zone)
    return default_zone


def find_zone(session: Session, host: Host, default_zone: str) -> str:
    """Return the zone that the host is in."""
    return zone_of(hosts.aggregates_by_host(session).get(host.name, []), default_zone)


def zones_by_host(session: Session, default_zone: str) -> dict[str, str]:
    """Return the zone of each host, by the host's name."""
    member_of = hosts.aggregates_by_host(session)
    names = session.scalars(select(Host.name))
    return {name: zone_of(member_of.get(name, []), default_zone) for name in names}


def hosts_by_zone(session: Session, default_zone: str) -> dict[str, list[Host]]:
    """Return the hosts of each zone that has any, both in the order of their names."""
    member_of = hosts.aggregates_by_host(session)
    found: dict[str, list[Host]] = {}
    for host in hosts.list_hosts(session):
        found.setdefault(zone_of(member_of.get(host.name, []), default_zone), []).append(host)
    return dict(sorted(found.items()))


def require_zone(zone: str, known: Sequence[str] | set[str]) -> None:
    """Raise BadRequest unless the zone is one of the known ones."""
    if zone not in known:
        raise BadRequest(why="The requested availability zone is not available")
