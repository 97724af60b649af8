"""Leftovers: what servers that were moved away for good may have left on a host, which its agent is to destroy.

Only what is on record here is destroyed: after a database was restored from a backup, a guest on a host that the backup
doesn't name for it must go on running.
"""

from collections.abc import Iterable

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from pileus_compute.db.models import Leftover, Server


def add(session: Session, server_id: str, host: str) -> None:
    """Record that the server left this host for good."""
    if session.get(Leftover, (host, server_id)) is None:
        session.add(Leftover(host=host, server_id=server_id))
        session.flush()


def forget(session: Session, host: str, server_ids: Iterable[str]) -> None:
    """Record that nothing of these servers is on the host any more."""
    session.execute(
        delete(Leftover)
        .where(Leftover.host == host, Leftover.server_id.in_(list(server_ids)))
        .execution_options(synchronize_session=False)
    )


def hosts_of(session: Session, server_id: str) -> set[str]:
    """Return the hosts that may still have something of the server, and on which it must not be put before that."""
    return set(session.scalars(select(Leftover.host).where(Leftover.server_id == server_id)))


def list_on(session: Session, host: str) -> list[str]:
    """Return the servers of which the host has to destroy everything; never one that is there."""
    is_here = exists().where(Server.id == Leftover.server_id, Server.host == host)
    return list(session.scalars(select(Leftover.server_id).where(Leftover.host == host, ~is_here)))
