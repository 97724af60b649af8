"""What projects used in a span of time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.db.models import DeletedServer, Server
from pileus_kit.db import now

MOST = 10_000  # servers looked at for one answer


@dataclass(frozen=True)
class ServerUsage:
    """One server's share of the span."""

    server_id: str
    name: str
    project_id: str
    flavor: dict[str, Any]
    started: datetime
    ended: datetime | None
    state: str
    hours: float
    uptime_s: int


def list_usage(session: Session, start: datetime, end: datetime, project_id: str | None = None) -> list[ServerUsage]:
    """Servers that were there between `start` and `end`, those that are gone included."""
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
        .limit(MOST)
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
        .limit(MOST)
    )
    found = [_used(row[0], row[1], row[2], row[3], row[4] or row[5], None, row[6], start, end) for row in living]
    return found + [
        _used(row[0], row[1], row[2], row[3], row[4] or row[5], row[6], "DELETED", start, end) for row in gone
    ]


def _used(
    server_id: str,
    name: str,
    project_id: str,
    flavor: dict[str, Any],
    started: datetime,
    ended: datetime | None,
    state: str,
    start: datetime,
    end: datetime,
) -> ServerUsage:
    until = min(ended or now(), end)
    seconds = max(0.0, (until - max(started, start)).total_seconds())
    uptime = int(((ended or now()) - started).total_seconds())
    return ServerUsage(server_id, name, project_id, flavor, started, ended, state, seconds / 3600, max(0, uptime))


def totals(used: Iterable[ServerUsage]) -> dict[str, float]:
    """Hours, and hours times memory, CPUs and disk."""
    sums = dict.fromkeys(("total_hours", "total_memory_mb_usage", "total_vcpus_usage", "total_local_gb_usage"), 0.0)
    for one in used:
        sums["total_hours"] += one.hours
        sums["total_memory_mb_usage"] += one.hours * one.flavor["memory_mib"]
        sums["total_vcpus_usage"] += one.hours * one.flavor["vcpus"]
        sums["total_local_gb_usage"] += one.hours * (one.flavor["disk_gib"] + one.flavor["ephemeral_gib"])
    return sums
