"""Moves: a server that gets another size or another host holds two claims until the move is confirmed or reverted."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_compute.core import hosts, scheduler
from pileus_compute.core.request_specs import Candidate, RequestSpec
from pileus_compute.db.models import Allocation, Server
from pileus_kit.json_types import JsonObject

RUN, OLD = "run", "old"
"""Purposes of a server's claims: what it has, and what a revert gives back to it."""
SAVED = ("flavor_id", "flavor", "vcpus", "memory_mib")
"""Columns of a server that a revert restores."""


def claim(session: Session, server_id: str, spec: RequestSpec) -> Candidate:
    """Claim the best host for the server beside the claim that it has. Raises NoValidHost."""
    _change_purpose(session, server_id, RUN, OLD)
    return scheduler.select_host(session, server_id, spec)


def give_back(session: Session, server_id: str) -> None:
    """Give back what `claim` has claimed, if it has."""
    if session.get(Allocation, (server_id, OLD)):
        hosts.release(session, server_id, RUN)
        _change_purpose(session, server_id, OLD, RUN)


def _change_purpose(session: Session, server_id: str, purpose: str, now: str) -> None:
    session.execute(
        update(Allocation)
        .where(Allocation.server_id == server_id, Allocation.purpose == purpose)
        .values(purpose=now)
        .execution_options(synchronize_session=False)
    )


def source_of(session: Session, server: Server) -> str | None:
    """Return the host that the server came from and may go back to; None if it was not moved to another one."""
    host = session.scalar(select(Allocation.host).where(Allocation.server_id == server.id, Allocation.purpose == OLD))
    return host if host != server.host else None


def hosts_claimed(session: Session, server_id: str) -> set[str]:
    """Return the hosts on which the server has a claim."""
    return set(session.scalars(select(Allocation.host).where(Allocation.server_id == server_id)))


def change_flavor(server: Server, flavor: JsonObject, **more: object) -> None:
    """Give the server another flavor, and remember its own with what else a revert needs."""
    server.saved_state = {key: getattr(server, key) for key in SAVED} | more
    server.flavor_id, server.flavor = flavor["id"], dict(flavor)
    server.vcpus, server.memory_mib = flavor["vcpus"], flavor["memory_mib"]


def restore_flavor(server: Server) -> None:
    """Give the server the flavor back that it had, if it was changed."""
    for key in SAVED if server.saved_state else ():
        setattr(server, key, (server.saved_state or {})[key])
    server.saved_state = None
