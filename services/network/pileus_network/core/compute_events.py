"""What compute must hear of. Recorded in the same transaction as the change, so it can't be lost."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pileus_kit.db import new_id, now
from pileus_kit.flow import enqueue
from pileus_kit.flow.jobs import REST
from pileus_network.db.models import Event, Job, Port

FLOW = "compute.notify"
TOPIC = "network.jobs"
KEY = "rings"
RETENTION = timedelta(days=7)


def record_port_change(session: Session, port: Port) -> None:
    """A server's port got or lost an address, inside or outside, or a security group. Other ports concern nobody."""
    if not port.device_owner.startswith("compute:") or not port.device_id:
        return
    data: dict[str, Any] = {"server": port.device_id, "port": port.id}
    job = enqueue(session, Job, flow=FLOW, subject=new_id(), data=data)
    session.info.setdefault(KEY, []).append(job.id)


def record_change_of(session: Session, port_id: str | None) -> None:
    if port_id:
        port = session.scalars(select(Port).where(Port.id == port_id)).one_or_none()
        if port is not None:
            record_port_change(session, port)


def delete_old(session: Session) -> None:
    """Drop the records of what was told long ago."""
    horizon = now() - RETENTION
    session.execute(delete(Job).where(Job.state.in_(REST), Job.updated_at < horizon))
    session.execute(delete(Event).where(Event.finished_at < horizon))


def pop_job_ids(session: Session) -> list[str]:
    """The jobs that this transaction enqueued; to be rung after the commit."""
    found: list[str] = session.info.pop(KEY, [])
    return found
