"""Workers: the processes that run jobs. OpenStack's clients see each as a scheduler and a conductor."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_compute.db.models import Worker
from pileus_kit import hosts as host_rows

HEARTBEAT_S = 20.0
ZONE = "internal"  # of services that run no servers
FIRST_NUMBER = 1_000_000  # of a service before microversion 2.53; the services of hosts have lower ones


@dataclass(frozen=True)
class WorkerService:
    """One of the two services that a worker is shown as."""

    id: str
    number: int
    binary: str
    host: str
    up: bool
    seen_at: datetime


def record_heartbeat(session: Session, name: str) -> None:
    """Record that the worker on this host is alive."""
    worker = session.get(Worker, name)
    if worker:
        host_rows.mark_seen(worker)
        return
    last = session.scalar(select(func.max(Worker.number)))
    session.add(Worker(name=name, number=FIRST_NUMBER if last is None else last + 2))


def list_services(session: Session, silence_s: float) -> list[WorkerService]:
    """Return the services of all workers. A worker without a heartbeat for `silence_s` seconds is down."""
    found = []
    for row in session.scalars(select(Worker).order_by(Worker.number)):
        up = host_rows.is_up(row, silence_s)
        found += [
            WorkerService(row.scheduler_id, row.number, "nova-scheduler", row.name, up, row.seen_at),
            WorkerService(row.conductor_id, row.number + 1, "nova-conductor", row.name, up, row.seen_at),
        ]
    return found
