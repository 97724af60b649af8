"""What follows a move: a server that didn't get to another host is put in order where it is, and one that did leaves
nothing on the host that it left."""

from sqlalchemy.orm import Session

from pileus_compute.core import faults, leftovers, states
from pileus_compute.core.job_data import Added, LeaveHostData, ReturnServerData
from pileus_compute.core.server_jobs import server_id_of
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.steps import guests, moves, volumes
from pileus_kit.errors import HostDown
from pileus_kit.flow import Flow, Local, Remote, Work


def connect(tools: Tools, work: Work) -> Added:
    server_id = server_id_of(work.subject)
    with tools.sessions.read() as session:
        host = str(session.get_one(Server, server_id).host)
    return moves.connect(tools, work, server_id, host) | {"host": host}


def boot(tools: Tools, work: Work) -> Added:
    return moves.boot(tools, server_id_of(work.subject)) if work.data_as(ReturnServerData).running else {}


def complete_attachments(tools: Tools, work: Work) -> None:
    volumes.complete_attachments(tools, work, volumes.project_of(tools, server_id_of(work.subject)))


def finish(session: Session, tools: Tools, work: Work) -> None:
    guests.record_devices(session, server_id_of(work.subject), work.data_as(ReturnServerData).booted)


def mark_failed(session: Session, tools: Tools, work: Work) -> None:
    fault = faults.new_fault(500, work.error or "The server could not be put in order after a move that failed.")
    states.move(session, server_id_of(work.subject), "failed", fault=fault)


def destroy(tools: Tools, work: Work) -> Added:
    """Have everything of the server destroyed on the host that it left. A host that is down is told when it reports."""
    host = work.data_as(LeaveHostData).host
    try:
        tools.agent(host).destroy(server_id_of(work.subject))
    except HostDown:
        if not moves.is_down(tools, host):
            raise
        return {"destroyed": False}
    return {"destroyed": True}


def forget(session: Session, tools: Tools, work: Work) -> None:
    data = work.data_as(LeaveHostData)
    if data.destroyed:
        leftovers.forget(session, data.host, [server_id_of(work.subject)])


return_server = Flow(
    moves.RETURN,
    Remote(connect),
    Local(volumes.record_connections),
    Remote(boot),
    Remote(complete_attachments),
    Local(finish),
    failed=mark_failed,
)

leave_host = Flow(moves.LEAVE_HOST, Remote(destroy), Local(forget))
