"""What projects used in a span of time: the hours of their servers, deleted ones included."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_compute.core.servers import DELETED
from pileus_compute.db.models import DeletedServer, Server
from pileus_kit.db import now
from pileus_kit.json_types import JsonObject

MAX_SERVERS = 10_000  # read for one answer


@dataclass(frozen=True)
class ServerUsage:
    """What one server used in the span."""

    server_id: str
    name: str
    project_id: str
    flavor: JsonObject
    started: datetime
    ended: datetime | None
    state: str
    hours: float
    uptime_s: int


def list_usage(session: Session, start: datetime, end: datetime, project_id: str | None = None) -> list[ServerUsage]:
    """Return what each server that existed between `start` and `end` used. `project_id` None: of all projects."""
    mine = [Server.project_id == project_id] if project_id is not None else []
    past = [DeletedServer.project_id == project_id] if project_id is not None else []
    living = session.execute(
        select(
            Server.id,
            Server.name,
            Server.project_id,
            Server.flavor,
            Server.launched_at,
            Server.created_at,
            Server.status,
        )
        .where(*mine, Server.created_at < end)
        .order_by(Server.created_at)
        .limit(MAX_SERVERS)
    )
    gone = session.execute(
        select(
            DeletedServer.id,
            DeletedServer.name,
            DeletedServer.project_id,
            DeletedServer.flavor,
            DeletedServer.launched_at,
            DeletedServer.created_at,
            DeletedServer.deleted_at,
        )
        .where(*past, DeletedServer.created_at < end, DeletedServer.deleted_at > start)
        .limit(MAX_SERVERS)
    )
    found = [_usage_of(_Existence(*row[:6]), row.status, None, start, end) for row in living]
    return found + [_usage_of(_Existence(*row[:6]), DELETED, row.deleted_at, start, end) for row in gone]


@dataclass(frozen=True)
class _Existence:
    id: str
    name: str
    project_id: str
    flavor: JsonObject
    launched_at: datetime | None
    created_at: datetime


def _usage_of(server: _Existence, state: str, ended: datetime | None, start: datetime, end: datetime) -> ServerUsage:
    began = server.launched_at or server.created_at
    seconds = max(0.0, (min(ended or now(), end) - max(began, start)).total_seconds())
    uptime_s = max(0, int(((ended or now()) - began).total_seconds()))
    return ServerUsage(
        server.id, server.name, server.project_id, server.flavor, began, ended, state, seconds / 3600, uptime_s
    )


def count_servers(session: Session) -> int:
    """Return how many servers exist in the cloud."""
    return session.scalar(select(func.count()).select_from(Server)) or 0


def totals(used: Iterable[ServerUsage]) -> dict[str, float]:
    """Return the sums of hours, and of hours times memory in MiB, CPUs and disk in GiB."""
    sums = dict.fromkeys(("total_hours", "total_memory_mb_usage", "total_vcpus_usage", "total_local_gb_usage"), 0.0)
    for one in used:
        sums["total_hours"] += one.hours
        sums["total_memory_mb_usage"] += one.hours * one.flavor["memory_mib"]
        sums["total_vcpus_usage"] += one.hours * one.flavor["vcpus"]
        sums["total_local_gb_usage"] += one.hours * (one.flavor["disk_gib"] + one.flavor["ephemeral_gib"])
    return sums
