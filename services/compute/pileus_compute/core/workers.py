"""Workers: who runs jobs, and since when nobody has heard of them. They are OpenStack's schedulers and conductors."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_compute.db.models import Worker
from pileus_kit.db import now
from pileus_kit.liveness import is_silent

BEAT_S = 20.0
ZONE = "internal"  # of whatever runs no servers
FIRST = 1_000_000  # numbers of services before 2.53: those of hosts are below


@dataclass(frozen=True)
class WorkerService:
    """What a worker is to who lists services."""

    id: str
    number: int
    binary: str
    host: str
    up: bool
    seen_at: datetime


def record_heartbeat(session: Session, name: str) -> None:
    """The worker on this host is there."""
    worker = session.get(Worker, name)
    if worker:
        worker.seen_at = now()
        return
    last = session.scalar(select(func.max(Worker.number)))
    session.add(Worker(name=name, number=FIRST if last is None else last + 2))


def list_services(session: Session, silence_s: int) -> list[WorkerService]:
    found = []
    for row in session.scalars(select(Worker).order_by(Worker.number)):
        up = not is_silent(row.seen_at, timedelta(seconds=silence_s))
        found += [
            WorkerService(row.scheduler_id, row.number, "nova-scheduler", row.name, up, row.seen_at),
            WorkerService(row.conductor_id, row.number + 1, "nova-conductor", row.name, up, row.seen_at),
        ]
    return found
