"""Host aggregates. One with `availability_zone` in its metadata makes an availability zone of its hosts."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_compute.core import hosts
from pileus_compute.db.models import Aggregate, AggregateHost, Server
from pileus_compute.errors import AggregateExists, AggregateHostExists, AggregateHostNotFound, AggregateNotFound
from pileus_kit.errors import BadRequest, Conflict


def find(session: Session, aggregate_id: int) -> Aggregate:
    """Return the aggregate. Raises AggregateNotFound."""
    aggregate = session.get(Aggregate, aggregate_id)
    if aggregate is None:
        raise AggregateNotFound(aggregate=aggregate_id)
    return aggregate


def list_aggregates(session: Session) -> list[Aggregate]:
    """Return all aggregates, oldest first."""
    return list(session.scalars(select(Aggregate).order_by(Aggregate.id)))


def hosts_by_aggregate(session: Session, aggregate_ids: list[int]) -> dict[int, list[str]]:
    """Return the hosts of each of these aggregates that has any, by the aggregate's id."""
    found: dict[int, list[str]] = {}
    for aggregate_id, host in session.execute(
        select(AggregateHost.aggregate_id, AggregateHost.host)
        .where(AggregateHost.aggregate_id.in_(aggregate_ids))
        .order_by(AggregateHost.host)
    ):
        found.setdefault(aggregate_id, []).append(host)
    return found


def create(session: Session, name: str, zone: str | None) -> Aggregate:
    """Make an aggregate. Raises AggregateExists if its name is taken."""
    aggregate = Aggregate(name=name, meta={"availability_zone": zone} if zone else {})
    session.add(aggregate)
    _flush(session, name)
    return aggregate


def update(session: Session, aggregate: Aggregate, name: str | None, zone: str | None) -> None:
    """Change the aggregate's name or zone; None keeps it. Raises AggregateExists, BadRequest or Conflict."""
    if name:
        aggregate.name = name
    if zone:
        update_metadata(session, aggregate, {"availability_zone": zone})
    _flush(session, aggregate.name)


def _flush(session: Session, name: str) -> None:
    try:
        session.flush()
    except IntegrityError:
        raise AggregateExists(name=name) from None


def update_metadata(session: Session, aggregate: Aggregate, change: dict[str, str | None]) -> None:
    """Change some of the aggregate's metadata; a key with the value None is deleted.

    Raises BadRequest if servers on its hosts would change their zone, and Conflict if a host would be in two zones.
    """
    merged = {k: v for k, v in (aggregate.meta | change).items() if v is not None}
    zone = merged.get("availability_zone")
    if zone != aggregate.meta.get("availability_zone"):
        here = hosts_by_aggregate(session, [aggregate.id]).get(aggregate.id, [])
        for host in here:
            _check_zone(session, host, str(zone) if zone else None, aggregate.id)
        if session.scalar(select(Server.id).where(Server.host.in_(here)).limit(1)):
            raise BadRequest(why="Cannot update aggregate: its zone can't change while its hosts have servers.")
    aggregate.meta = merged


def add_host(session: Session, aggregate: Aggregate, host: str) -> None:
    """Put a host into the aggregate. Raises HostNotFound, AggregateHostExists or Conflict."""
    hosts.find(session, host)
    if session.get(AggregateHost, (aggregate.id, host)):
        raise AggregateHostExists(aggregate=aggregate.id, host=host)
    _check_zone(session, host, aggregate.meta.get("availability_zone"), aggregate.id)
    session.add(AggregateHost(aggregate_id=aggregate.id, host=host))


def _check_zone(session: Session, host: str, zone: str | None, aggregate_id: int) -> None:
    """Raise Conflict if the host is in another zone: it can be in one only."""
    if not zone:
        return
    for other in hosts.aggregates_by_host(session).get(host, []):
        other_zone = other.meta.get("availability_zone")
        if other.id != aggregate_id and other_zone and other_zone != zone:
            raise Conflict(
                why=f"Cannot add host {host} in aggregate {aggregate_id}: host exists in availability zone "
                f"{other_zone} already."
            )


def remove_host(session: Session, aggregate: Aggregate, host: str) -> None:
    """Take a host out of the aggregate. Raises HostNotFound or AggregateHostNotFound."""
    hosts.find(session, host)
    member = session.get(AggregateHost, (aggregate.id, host))
    if member is None:
        raise AggregateHostNotFound(aggregate=aggregate.id, host=host)
    session.delete(member)


def delete(session: Session, aggregate: Aggregate) -> None:
    """Delete an aggregate without hosts. Raises Conflict if it has any."""
    if hosts_by_aggregate(session, [aggregate.id]):
        raise Conflict(why=f"Cannot remove host aggregate {aggregate.id}: it has hosts.")
    session.delete(aggregate)
