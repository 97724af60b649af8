"""A server on its way to another host: connected to it, and put in order where it is if it doesn't get there."""

from sqlalchemy.orm import Session

from pileus_compute.core import leftovers, server_jobs
from pileus_compute.core.job_data import Added, LeaveHostData, ReturnServerData, as_json
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Host, Job
from pileus_compute.errors import HypervisorFailed
from pileus_compute.rpc import Booted
from pileus_compute.steps import guests, ports, volumes
from pileus_kit import hosts as host_rows
from pileus_kit.errors import CloudError
from pileus_kit.flow import Again, Work, enqueue

RETURN, LEAVE_HOST = "server.return", "server.leave_host"
LOCKED = '" lock'
"""What QEMU says of a disk that another process has open (`Failed to get "write" lock`): an export that is just being
withdrawn."""
LOCK_PAUSE_S = 1.0


def connect(tools: Tools, work: Work, server_id: str, host: str) -> Added:
    """Bind the server's ports to the host and connect its volumes to it, and to no other host."""
    ports.move(tools, server_id, host)
    return volumes.connect_volumes(tools, server_id, volumes.project_of(tools, server_id), host)


def boot_or_define(tools: Tools, server_id: str, running: bool) -> Added:
    """Have the guest run on its server's host, or be known there if the server is off."""
    if running:
        return boot(tools, server_id)
    agent, guest = guests.load(tools, server_id)
    agent.define(guest)
    return {}


def boot(tools: Tools, server_id: str) -> Added:
    """Boot the guest on its server's host; wait while its volumes are still locked by the exports of the last one."""
    agent, guest = guests.load(tools, server_id)
    try:
        result: Booted = agent.boot(guest)
    except CloudError as err:
        if getattr(err, "kind", type(err).__name__) == HypervisorFailed.__name__ and LOCKED in str(err):
            raise Again(after=LOCK_PAUSE_S, why=str(err)) from err
        raise
    return guests.booted(result)


def is_down(tools: Tools, host: str) -> bool:
    """Whether the host has been silent for long, or was declared down."""
    with tools.sessions.read() as session:
        return is_row_down(session, tools, host)


def is_row_down(session: Session, tools: Tools, host: str) -> bool:
    """`is_down`, in a transaction. A host that was deleted is down."""
    row = session.get(Host, host)
    return row is None or not host_rows.is_up(row, tools.config.host_silence_s)


def enqueue_return(session: Session, work: Work, server_id: str, running: bool) -> None:
    """Enqueue the job that connects the server to the host where it is again, and boots it if it ran."""
    subject = server_jobs.return_subject(server_id)
    data = as_json(ReturnServerData(running))
    enqueue(session, Job, flow=RETURN, subject=subject, request_id=work.request_id, data=data)


def enqueue_leave(session: Session, work: Work, server_id: str, host: str) -> None:
    """Record that the server has left this host for good, and enqueue the job that has everything destroyed there."""
    leftovers.add(session, server_id, host)
    subject = server_jobs.part_subject(server_id, f"leave-{work.id}")
    data = as_json(LeaveHostData(host))
    enqueue(session, Job, flow=LEAVE_HOST, subject=subject, request_id=work.request_id, data=data)
