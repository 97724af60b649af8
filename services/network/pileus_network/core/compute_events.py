"""Events for compute. A job is recorded in the transaction that changes the port, so that no event is lost."""

from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pileus_kit.db import new_id, now
from pileus_kit.flow import enqueue
from pileus_kit.flow.jobs import REST
from pileus_network.db.models import Event, Job, Port

FLOW = "compute.notify"
TOPIC = "network.jobs"
SESSION_KEY = "recorded_jobs"
"""Where a session carries the ids of the jobs that its transaction recorded, until the worker is notified of them."""
RETENTION = timedelta(days=7)


@dataclass(frozen=True)
class PortChanged:
    """The data of a job: the ids of a server and its port."""

    server: str
    port: str


def record_port_change(session: Session, port: Port) -> None:
    """Record that a server's port got or lost an address, a floating IP or a security group.

    Compute only knows the ports of its servers, so changes of other ports are not recorded.
    """
    if not port.device_owner.startswith("compute:") or not port.device_id:
        return
    data = asdict(PortChanged(server=port.device_id, port=port.id))
    job = enqueue(session, Job, flow=FLOW, subject=new_id(), data=data)
    session.info.setdefault(SESSION_KEY, []).append(job.id)


def record_change_of(session: Session, port_id: str | None) -> None:
    """Do what `record_port_change` does for the port with this id, if it still exists."""
    if port_id:
        port = session.scalars(select(Port).where(Port.id == port_id)).one_or_none()
        if port is not None:
            record_port_change(session, port)


def delete_old(session: Session) -> None:
    """Delete the records of jobs that ended longer than the retention time ago."""
    horizon = now() - RETENTION
    session.execute(delete(Job).where(Job.state.in_(REST), Job.updated_at < horizon))
    session.execute(delete(Event).where(Event.finished_at < horizon))


def pop_job_ids(session: Session) -> list[str]:
    """Return the jobs that this transaction recorded. After the commit, the workers are notified of them."""
    found: list[str] = session.info.pop(SESSION_KEY, [])
    return found
