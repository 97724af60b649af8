"""Migrations: the moves of servers to other sizes and other hosts, as administrators see them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from pileus_compute.db.models import Host, Job, Migration, Server
from pileus_kit.db import now
from pileus_kit.errors import BadRequest
from pileus_kit.paging import Sort, fetch

RESIZE, MIGRATION, EVACUATION = "resize", "migration", "evacuation"
CONFIRMABLE = (RESIZE, MIGRATION)
"""Types of moves that a user confirms or reverts."""
FINISHED = "finished"
NEWEST_FIRST: Sort = [(Migration.created_at, "desc"), (Migration.id, "desc")]


@dataclass(frozen=True)
class MigrationQuery:
    """Which migrations to list. None stands for a filter that isn't set."""

    limit: int
    marker: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    server_id: str | None = None
    status: str | None = None
    type: str | None = None
    host: str | None = None
    """The host that the server comes from or goes to."""
    source_host: str | None = None
    since: datetime | None = None
    before: datetime | None = None


def begin(session: Session, job: Job, server: Server, kind: str, history_days: float | None = None) -> None:
    """Record the move that a job is going to make. Old moves of deleted servers are forgotten."""
    session.add(
        Migration(
            uuid=job.id,
            server_id=server.id,
            type=kind,
            status="accepted" if kind == EVACUATION else "pre-migrating",
            source_host=server.host,
            user_id=job.user_id,
            project_id=job.project_id,
        )
    )
    if history_days is not None:
        horizon = now() - timedelta(days=history_days)
        session.execute(
            delete(Migration)
            .where(Migration.updated_at < horizon, ~exists().where(Server.id == Migration.server_id))
            .execution_options(synchronize_session=False)
        )


def set_destination(session: Session, job_id: str, host: str) -> None:
    """Record where the server goes."""
    row = session.get(Host, host)
    address = (row.inventory or {}).get("host_ip") if row else None
    _update(session, Migration.uuid == job_id, status="migrating", dest_host=host, dest_address=address)


def set_status(session: Session, job_id: str, status: str) -> None:
    """Record how far the move of a job is."""
    _update(session, Migration.uuid == job_id, status=status)


def settle(session: Session, server_id: str, status: str) -> None:
    """Record that the finished move of the server was `confirmed` or `reverted`."""
    of_server = (Migration.server_id == server_id, Migration.type.in_(CONFIRMABLE), Migration.status == FINISHED)
    _update(session, *of_server, status=status)


def _update(session: Session, *where: ColumnElement[bool], **values: object) -> None:
    session.execute(
        update(Migration).where(*where).values(updated_at=now(), **values).execution_options(synchronize_session=False)
    )


def list_migrations(session: Session, query: MigrationQuery) -> list[Migration]:
    """Return a page of migrations, newest first. Raises BadRequest for an unknown marker."""
    after = _find_marker(session, query.marker, query.project_id) if query.marker is not None else None
    return fetch(session, select(Migration).where(*_conditions(query)), NEWEST_FIRST, after, query.limit)


def _conditions(query: MigrationQuery) -> list[ColumnElement[bool]]:
    wanted = (
        (Migration.project_id, query.project_id),
        (Migration.user_id, query.user_id),
        (Migration.server_id, query.server_id),
        (Migration.status, query.status),
        (Migration.type, query.type),
        (Migration.source_host, query.source_host),
    )
    where: list[ColumnElement[bool]] = [column == value for column, value in wanted if value]
    if query.host:
        where.append(or_(Migration.source_host == query.host, Migration.dest_host == query.host))
    if query.since:
        where.append(Migration.updated_at >= query.since)
    if query.before:
        where.append(Migration.updated_at <= query.before)
    return where


def _find_marker(session: Session, marker: str, project_id: str | None) -> Migration:
    """Return the migration that a page begins after: it needn't pass the filters, but must be one of the project."""
    row = session.scalar(select(Migration).where(Migration.uuid == marker))
    if row is None or project_id not in (None, row.project_id):
        raise BadRequest(why=f"Marker {marker} could not be found.")
    return row
