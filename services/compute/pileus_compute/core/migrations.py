"""Migrations: the resizes of servers, as their jobs record them. Servers don't move between hosts yet."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, false, select
from sqlalchemy.orm import Session

from pileus_compute.db.models import Job
from pileus_kit.errors import BadRequest
from pileus_kit.paging import Sort, fetch

FLOW = "server.resize"
TYPE = "resize"
NEWEST_FIRST: Sort = [(Job.created_at, "desc"), (Job.id, "desc")]
STATUSES = {"running": "migrating", "done": "finished", "undoing": "migrating", "undone": "error", "stuck": "error"}
"""The status of a migration, by the state of its job."""


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
    hosts: tuple[str, ...] = ()
    """Each of these names must be the migration's host."""
    since: datetime | None = None
    before: datetime | None = None


def list_migrations(session: Session, query: MigrationQuery) -> list[Job]:
    """Return a page of migrations, newest first. Raises BadRequest for an unknown marker."""
    after = _find_marker(session, query.marker, query.project_id) if query.marker is not None else None
    return fetch(session, select(Job).where(*_conditions(query)), NEWEST_FIRST, after, query.limit)


def _conditions(query: MigrationQuery) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [Job.flow == FLOW]
    if query.project_id:
        where.append(Job.project_id == query.project_id)
    if query.user_id:
        where.append(Job.user_id == query.user_id)
    if query.server_id:
        where.append(Job.subject == query.server_id)
    if query.status:
        where.append(Job.state.in_([state for state, shown in STATUSES.items() if shown == query.status]))
    if query.type not in (None, TYPE):
        where.append(false())
    where += [Job.data["host"].as_string() == host for host in query.hosts]
    if query.since:
        where.append(Job.updated_at >= query.since)
    if query.before:
        where.append(Job.updated_at <= query.before)
    return where


def _find_marker(session: Session, marker: str, project_id: str | None) -> Job:
    """Return the migration that a page begins after: it needn't pass the filters, but must be one of the project."""
    job = session.get(Job, marker)
    if job is None or job.flow != FLOW or project_id not in (None, job.project_id):
        raise BadRequest(why=f"Marker {marker} could not be found.")
    return job
