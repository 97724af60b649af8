"""The service `nova-compute` of each host: enabled, disabled, declared down, deleted."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_compute.db.models import Allocation, Host, Server
from pileus_compute.errors import HostNotFound, ServiceNotFound
from pileus_kit.errors import Conflict

ServiceId = str | int
"""A UUID, or a number before microversion 2.53."""


def list_hosts(session: Session) -> list[Host]:
    """Return all hosts, oldest first."""
    return list(session.scalars(select(Host).order_by(Host.number)))


def find(session: Session, service_id: ServiceId) -> Host:
    """Return the host whose service has this id. Raises ServiceNotFound."""
    known = Host.service_id == service_id if isinstance(service_id, str) else Host.number == service_id
    host = session.scalar(select(Host).where(known))
    if host is None:
        raise ServiceNotFound(service=service_id)
    return host


def find_on_host(session: Session, name: str) -> Host:
    """Return the host of this name. Raises HostNotFound."""
    host = session.get(Host, name)
    if host is None:
        raise HostNotFound(host=name)
    return host


def set_disabled(host: Host, disabled: bool, reason: str | None = None) -> None:
    """Keep new servers away from the host, or let them come again. `reason` is shown while it is disabled."""
    host.disabled = disabled
    host.disabled_reason = reason if disabled else None


def delete(session: Session, service_id: ServiceId) -> None:
    """Delete the service of a host that is gone for good: a host whose agent still reports is added again at once. What
    servers have left on it stays on record, so that it is told if it comes back.

    Raises Conflict if the host has servers, or is one to which servers may go back.
    """
    host = find(session, service_id)
    if session.scalar(select(func.count()).select_from(Server).where(Server.host == host.name)):
        raise Conflict(
            why="Unable to delete compute service that is hosting instances. Migrate or delete the instances first."
        )
    if session.scalar(select(func.count()).select_from(Allocation).where(Allocation.host == host.name)):
        raise Conflict(
            why="Unable to delete compute service that has in-progress migrations. Complete or revert the migrations "
            "first."
        )
    session.delete(host)
