"""Rebuild a server on its host: new root disk from an image, the same addresses and volumes."""

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.core import faults, guests, server_jobs, states
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Job, Server
from pileus_compute.flows import volumes
from pileus_compute.flows.create_server import prepare as make_disks
from pileus_compute.flows.ports import server_id_of
from pileus_compute.flows.power import agent_of, booted_as
from pileus_kit.db import now
from pileus_kit.flow import Again, Flow, Local, Remote, Work, enqueue

TIDY = "server.tidy"


def off(tools: Tools, work: Work) -> None:
    """Disks that an earlier rebuild kept must be gone first: a host keeps one set."""
    with tools.sessions.read() as session:
        tidying = [job.id for job in server_jobs.unfinished_jobs(session, work.subject) if job.flow == TIDY]
        for job_id in tidying:
            tools.ring(job_id)
        if tidying:
            raise Again(after=0.3, why="the last rebuild's disks are being removed")
    agent_of(tools, work).power_off(work.subject, timeout_s=0)


def on_again(tools: Tools, work: Work) -> None:
    """Undo: the old disks are back by now."""
    with tools.sessions.read() as session:
        server = session.get_one(Server, work.subject)
        guest = guests.describe(session, work.subject)
    if server.power_state == states.RUNNING:
        tools.agent(str(server.host)).boot(guest)


def keep(tools: Tools, work: Work) -> None:
    agent_of(tools, work).keep_disks(work.subject, copy=False)


def unkeep(tools: Tools, work: Work) -> None:
    agent = agent_of(tools, work)
    agent.power_off(work.subject, timeout_s=0)
    agent.restore_disks(work.subject)


def renew(session: Session, tools: Tools, work: Work) -> dict[str, Any]:
    """The server is now what the rebuild asks for; what it was is kept for undo."""
    server = session.get_one(Server, work.subject)
    change = work.data["change"]
    old = {key: getattr(server, key) for key in change}
    for key, value in change.items():
        setattr(server, key, value)
    return {"old": old}


def unrenew(session: Session, tools: Tools, work: Work) -> None:
    server = session.get_one(Server, work.subject)
    for key, value in work.data.get("old", {}).items():
        setattr(server, key, value)


def prepare(tools: Tools, work: Work) -> None:
    make_disks(tools, _placed(tools, work))


def _placed(tools: Tools, work: Work) -> Work:
    """The same work with what the steps of a creation expect to find."""
    with tools.sessions.read() as session:
        host = session.get_one(Server, work.subject).host
    return replace(work, data=work.data | {"host": host})


def boot(tools: Tools, work: Work) -> dict[str, Any]:
    with tools.sessions.read() as session:
        host = session.get_one(Server, work.subject).host
        guest = guests.describe(session, work.subject)
    return booted_as(tools.agent(str(host)).boot(guest))


def rest(tools: Tools, work: Work) -> None:
    """A server that was off is off again."""
    if not work.data["running"]:
        agent_of(tools, work).power_off(work.subject, timeout_s=0)


def finish(session: Session, tools: Tools, work: Work) -> None:
    """From here on there is no way back: the old disks go, in a job that can't undo this one."""
    volumes.note_devices(session, work.subject, work.data)
    states.move(
        session,
        work.subject,
        "rebuilt",
        power_state=states.RUNNING,
        launched_at=now(),
        fault=None,
        sealed_password=None,
    )
    if not work.data["running"]:
        states.move(session, work.subject, "stopped", power_state=states.SHUTDOWN)
    enqueue(
        session,
        Job,
        flow=TIDY,
        subject=server_jobs.part_subject(work.subject, f"tidy-{work.id}"),
        request_id=work.request_id,
    )


def drop(tools: Tools, work: Work) -> None:
    server_id = server_id_of(work)
    with tools.sessions.read() as session:
        host = session.get_one(Server, server_id).host
    tools.agent(str(host)).drop_kept_disks(server_id)


def broken(session: Session, tools: Tools, work: Work) -> None:
    session.get_one(Server, work.subject).admin_password = None
    session.flush()
    if not work.cancelled:
        states.move(session, work.subject, "failed", fault=faults.new_fault(500, work.error or "Rebuilding failed."))


rebuild_server = Flow(
    "server.rebuild",
    Remote(off, undo=on_again),
    Remote(keep, undo=unkeep),
    Local(renew, undo=unrenew),
    Remote(prepare),
    Remote(boot),
    Remote(rest),
    Local(finish),
    failed=broken,
)

tidy_server = Flow(TIDY, Remote(drop))
