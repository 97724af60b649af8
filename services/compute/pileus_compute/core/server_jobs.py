"""The jobs of a server: how their subjects are named, which of them are live, how they are started and cancelled.

A job's subject is the server's id, or `ID/part` for what may go on beside other work on the server: one attachment, or
its deletion. Jobs of one subject run one after the other.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.orm import Session

from pileus_compute.core import states
from pileus_compute.db.models import Event, Job, Server
from pileus_kit.auth import Caller
from pileus_kit.db import now
from pileus_kit.flow import enqueue
from pileus_kit.flow.jobs import alive
from pileus_kit.json_types import JsonObject

HOUSEKEEPING = (
    "server.drop_kept_disks",
    "server.refresh_addresses",
    "server.return",
    "server.leave_host",
)  # flows that no user asked for: they are no instance actions
MAX_LISTED = 1000
PART_LENGTH = 27  # of a part's id: a subject has at most 64 characters


# -- subjects ------------------------------------------------------------------------------------------------------


def delete_subject(server_id: str) -> str:
    """Return the subject of the server's deletion, which waits for the server's other jobs to come to rest."""
    return f"{server_id}/delete"


def part_subject(server_id: str, part_id: str) -> str:
    """Return the subject of one attachment: several attachments of a server may be changed at the same time."""
    return f"{server_id}/{part_id[:PART_LENGTH]}"


def server_id_of(subject: str) -> str:
    """Return the id of the server that a subject is of."""
    return subject.partition("/")[0]


def offload_subject(server_id: str) -> str:
    """Return the subject of the offload that follows a shelve. The server counts as busy meanwhile."""
    return f"{server_id}/offload"


def return_subject(server_id: str) -> str:
    """Return the subject of the job that puts a server in order again after a move that failed. The server counts as
    busy meanwhile."""
    return f"{server_id}/return"


def has_server() -> ColumnElement[bool]:
    """Return the condition that a job's server exists: its jobs are shown as instance actions for that long."""
    return exists().where(Server.id == func.substr(Job.subject, 1, 36))


def _of_server(server_id: str) -> ColumnElement[bool]:
    """Return the condition for jobs of the server and its parts, as an index serves it under every collation."""
    return or_(Job.subject == server_id, Job.subject.between(f"{server_id}/", f"{server_id}/zzzz"))


# -- live jobs -----------------------------------------------------------------------------------------------------


def live_jobs(session: Session, server_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the flow and step of the live job of each of these servers that has one, by server id."""
    subjects = {of(s): s for of in (str, offload_subject, return_subject) for s in server_ids}
    return {
        subjects[subject]: (flow, step)
        for subject, flow, step in session.execute(
            select(Job.subject, Job.flow, Job.step).where(Job.subject.in_(list(subjects)), alive(Job))
        )
    }


def current_task_state(session: Session, server: Server) -> str | None:
    """Return the server's task_state, for the check before an action."""
    flow, step = live_jobs(session, [server.id]).get(server.id, (None, None))
    return states.task_state(server, flow, step)


def is_part_busy(session: Session, server_id: str, part_id: str) -> bool:
    """Whether a live job works on this attachment of the server."""
    subject = part_subject(server_id, part_id)
    return session.scalar(select(Job.id).where(Job.subject == subject, alive(Job))) is not None


def unfinished_jobs(session: Session, server_id: str) -> list[Job]:
    """Return the live jobs of the server and its parts, except its deletion."""
    not_deletion = Job.subject != delete_subject(server_id)
    return list(session.scalars(select(Job).where(_of_server(server_id), not_deletion, alive(Job))))


# -- start and cancel ----------------------------------------------------------------------------------------------


def start_job(
    session: Session, server: Server, action: str, flow: str, caller: Caller, data: JsonObject | None = None
) -> Job:
    """Enqueue `flow` for the server. Raises BadState if its status or its live job doesn't allow the action."""
    states.require(server, action, current_task_state(session, server))
    return enqueue(session, Job, flow=flow, subject=server.id, data=data, caller=caller)


def start_part_job(
    session: Session, server_id: str, part_id: str, flow: str, caller: Caller, data: JsonObject | None = None
) -> Job:
    """Enqueue `flow` for one attachment of the server. Raises Busy if a job works on that attachment."""
    subject = part_subject(server_id, part_id)
    return enqueue(session, Job, flow=flow, subject=subject, data=data, caller=caller)


def cancel_jobs(session: Session, server_id: str, why: str) -> None:
    """Have every running job of the server and its parts undone, except its deletion."""
    session.execute(
        update(Job)
        .where(_of_server(server_id), Job.subject != delete_subject(server_id), Job.state == "running")
        .values(state="undoing", cancelled=True, error=why, run_at=0.0, waiting_since=None, tries=0, updated_at=now())
        .execution_options(synchronize_session=False)
    )


# -- records -------------------------------------------------------------------------------------------------------


def list_jobs(session: Session, server_id: str) -> list[Job]:
    """Return the jobs that users asked for on this server, newest first."""
    return list(
        session.scalars(
            select(Job)
            .where(_of_server(server_id), Job.flow.not_in(HOUSEKEEPING))
            .order_by(Job.created_at.desc(), Job.id)
            .limit(MAX_LISTED)
        )
    )


def find_job(session: Session, job_id: str) -> Job:
    """Return a job that is known to exist."""
    return session.get_one(Job, job_id)


def list_events(session: Session, job_id: str) -> list[Event]:
    """Return the events of a job in the order in which its steps ended."""
    return list(session.scalars(select(Event).where(Event.job_id == job_id).order_by(Event.id)))
