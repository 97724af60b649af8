"""Rebuild a server on its host: new root disk from an image, the same addresses and volumes."""

from sqlalchemy.orm import Session

from pileus_compute.clients import image
from pileus_compute.core import guests as core_guests
from pileus_compute.core import server_jobs, states
from pileus_compute.core.job_data import Added, RebuildServerData
from pileus_compute.core.server_jobs import server_id_of
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Job, Server
from pileus_compute.steps import guests
from pileus_compute.steps.guests import agent_of, boot_if_it_ran
from pileus_kit.db import now
from pileus_kit.flow import Again, Flow, Local, Remote, Work, enqueue

DROP_KEPT_DISKS = "server.drop_kept_disks"


def power_off(tools: Tools, work: Work) -> None:
    """Disks that an earlier rebuild kept must be gone first: a host keeps one set for each guest."""
    with tools.sessions.read() as session:
        jobs = server_jobs.unfinished_jobs(session, work.subject)
        dropping = [job.id for job in jobs if job.flow == DROP_KEPT_DISKS]
        for job_id in dropping:
            tools.ring(job_id)
        if dropping:
            raise Again(after=0.3, why="the last rebuild's disks are being removed")
    agent_of(tools, work.subject).power_off(work.subject, timeout_s=0)


def keep_disks(tools: Tools, work: Work) -> None:
    agent_of(tools, work.subject).keep_disks(work.subject, copy=False)


def restore_disks(tools: Tools, work: Work) -> None:
    """Undo of `keep_disks`."""
    agent = agent_of(tools, work.subject)
    with guests.unless_gone(tools, work.subject):
        agent.power_off(work.subject, timeout_s=0)
        agent.restore_disks(work.subject)


def change_server(session: Session, tools: Tools, work: Work) -> Added:
    """Make the server what the rebuild asks for. What it was is kept for undo."""
    server = session.get_one(Server, work.subject)
    change = work.data_as(RebuildServerData).change
    old = {key: getattr(server, key) for key in change}
    for key, value in change.items():
        setattr(server, key, value)
    return {"old": old}


def change_server_back(session: Session, tools: Tools, work: Work) -> None:
    server = session.get_one(Server, work.subject)
    for key, value in work.data_as(RebuildServerData).old.items():
        setattr(server, key, value)


def prepare(tools: Tools, work: Work) -> None:
    """Have the host make the new disks."""
    with tools.sessions.read() as session:
        server = session.get_one(Server, work.subject)
        host, image_ids = str(server.host), core_guests.image_ids(server)
    tickets = image.create_read_tickets(tools.peers, image_ids)
    tools.agent(host).prepare(guests.describe_with_config_drive(tools, work.subject, tickets))


def boot(tools: Tools, work: Work) -> Added:
    return guests.boot(tools, work.subject)


def power_off_again(tools: Tools, work: Work) -> None:
    """A server that was off is off again."""
    if not work.data_as(RebuildServerData).running:
        agent_of(tools, work.subject).power_off(work.subject, timeout_s=0)


def finish(session: Session, tools: Tools, work: Work) -> None:
    """The server is rebuilt, and there is no way back: the old disks are dropped by a job that can't undo this one."""
    data = work.data_as(RebuildServerData)
    guests.record_devices(session, work.subject, data.booted)
    states.move(
        session,
        work.subject,
        "rebuilt",
        power_state=states.RUNNING,
        launched_at=now(),
        fault=None,
        sealed_password=None,
    )
    if not data.running:
        states.move(session, work.subject, "stopped", power_state=states.SHUTDOWN)
    enqueue_drop(session, work)


def enqueue_drop(session: Session, work: Work) -> None:
    """Enqueue the job that drops the disks which this one has kept."""
    subject = server_jobs.part_subject(work.subject, f"disks-{work.id}")
    enqueue(session, Job, flow=DROP_KEPT_DISKS, subject=subject, request_id=work.request_id)


def drop_disks(tools: Tools, work: Work) -> None:
    server_id = server_id_of(work.subject)
    agent_of(tools, server_id).drop_kept_disks(server_id)


def mark_rebuild_failed(session: Session, tools: Tools, work: Work) -> None:
    session.get_one(Server, work.subject).admin_password = None
    session.flush()
    guests.mark_failed(session, work, "Rebuilding failed.")


rebuild_server = Flow(
    "server.rebuild",
    Remote(power_off, undo=boot_if_it_ran),
    Remote(keep_disks, undo=restore_disks),
    Local(change_server, undo=change_server_back),
    Remote(prepare),
    Remote(boot),
    Remote(power_off_again),
    Local(finish),
    failed=mark_rebuild_failed,
)

drop_kept_disks = Flow(DROP_KEPT_DISKS, Remote(drop_disks))
