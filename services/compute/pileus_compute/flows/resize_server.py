"""Resize a server on its host: a second claim, bigger disks made from a copy, confirmed or reverted later."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from pileus_compute.core import hosts, scheduler, server_jobs, states
from pileus_compute.core.job_data import Added, ResizeServerData, RevertResizeData
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Allocation, Server
from pileus_compute.flows.rebuild_server import DROP_KEPT_DISKS, enqueue_drop
from pileus_compute.steps import guests
from pileus_compute.steps.guests import agent_of, boot_if_it_ran
from pileus_compute.steps.placement import claim_of
from pileus_kit.flow import Again, Flow, Local, Remote, Work

SAVED = ("flavor_id", "flavor", "vcpus", "memory_mib")
"""Columns of a server that a revert restores."""
RUN, OLD = "run", "old"
"""Purposes of a server's allocations: a resize holds one of each until it is confirmed."""


def claim_new_size(session: Session, tools: Tools, work: Work) -> Added:
    """Claim the new size beside the old one, on the server's host: its local disks are there."""
    server = session.get_one(Server, work.subject)
    if any(job.flow == DROP_KEPT_DISKS for job in server_jobs.unfinished_jobs(session, server.id)):
        raise Again(after=0.3, why="disks of an earlier change are being removed")
    _change_purpose(session, server.id, RUN, OLD)
    claim = claim_of(server, work.data_as(ResizeServerData).flavor)
    spec = scheduler.load_request_spec(session, server, claim, tools.config, host=server.host)
    scheduler.select_host(session, server.id, spec)
    return {"host": server.host}


def release_new_size(session: Session, tools: Tools, work: Work) -> None:
    """Undo of `claim_new_size`."""
    if session.get(Allocation, (work.subject, OLD)):
        hosts.release(session, work.subject, RUN)
        _change_purpose(session, work.subject, OLD, RUN)


def _change_purpose(session: Session, server_id: str, purpose: str, now: str) -> None:
    session.execute(
        update(Allocation)
        .where(Allocation.server_id == server_id, Allocation.purpose == purpose)
        .values(purpose=now)
        .execution_options(synchronize_session=False)
    )


def power_off(tools: Tools, work: Work) -> None:
    agent_of(tools, work.subject).power_off(work.subject)


def keep_disks(tools: Tools, work: Work) -> None:
    """Keep a copy of the disks: the new ones are grown."""
    agent_of(tools, work.subject).keep_disks(work.subject, copy=True)


def restore_disks(tools: Tools, work: Work) -> None:
    """Undo of `keep_disks`."""
    agent = agent_of(tools, work.subject)
    agent.power_off(work.subject, timeout_s=0)
    agent.restore_disks(work.subject)


def change_flavor(session: Session, tools: Tools, work: Work) -> None:
    server, data = session.get_one(Server, work.subject), work.data_as(ResizeServerData)
    server.saved_state = {key: getattr(server, key) for key in SAVED} | {"running": data.running}
    server.flavor_id, server.flavor = data.flavor["id"], dict(data.flavor)
    server.vcpus, server.memory_mib = data.flavor["vcpus"], data.flavor["memory_mib"]


def restore_flavor(session: Session, tools: Tools, work: Work) -> None:
    """Undo of `change_flavor`."""
    server = session.get_one(Server, work.subject)
    for key in SAVED if server.saved_state else ():
        setattr(server, key, (server.saved_state or {})[key])
    server.saved_state = None


def grow_disks(tools: Tools, work: Work) -> None:
    agent_of(tools, work.subject).prepare(guests.describe_with_config_drive(tools, work.subject))


def boot(tools: Tools, work: Work) -> Added:
    """A server that was off stays off."""
    return guests.boot(tools, work.subject) if work.data_as(RevertResizeData).running else {}


def mark_resized(session: Session, tools: Tools, work: Work) -> None:
    data = work.data_as(ResizeServerData)
    guests.record_devices(session, work.subject, data.booted)
    power_state = states.RUNNING if data.running else states.SHUTDOWN
    states.move(session, work.subject, "resized", power_state=power_state)


def mark_failed(session: Session, tools: Tools, work: Work) -> None:
    """Undone: the server is what it was before, and shows why it isn't bigger."""
    guests.mark_failed(session, work, "Resizing failed.")


def release_old_size(session: Session, tools: Tools, work: Work) -> None:
    """The resize is confirmed, and there is no way back: a job of its own drops the kept disks."""
    server = session.get_one(Server, work.subject)
    hosts.release(session, server.id, OLD)
    server.saved_state = None
    running = server.power_state == states.RUNNING
    session.flush()
    states.move(session, server.id, "confirmed" if running else "confirmed off")
    enqueue_drop(session, work)


def restore_old_disks(tools: Tools, work: Work) -> None:
    agent_of(tools, work.subject).restore_disks(work.subject)


def restore_old_size(session: Session, tools: Tools, work: Work) -> Added:
    server = session.get_one(Server, work.subject)
    running = bool((server.saved_state or {}).get("running"))
    restore_flavor(session, tools, work)
    release_new_size(session, tools, work)
    return {"running": running}


def mark_reverted(session: Session, tools: Tools, work: Work) -> None:
    running = work.data_as(RevertResizeData).running
    states.move(
        session,
        work.subject,
        "reverted" if running else "reverted off",
        power_state=states.RUNNING if running else states.SHUTDOWN,
    )


resize_server = Flow(
    "server.resize",
    Local(claim_new_size, undo=release_new_size),
    Remote(power_off, undo=boot_if_it_ran),
    Remote(keep_disks, undo=restore_disks),
    Local(change_flavor, undo=restore_flavor),
    Remote(grow_disks),
    Remote(boot),
    Local(mark_resized),
    failed=mark_failed,
)

confirm_resize = Flow("server.confirm_resize", Local(release_old_size))

revert_resize = Flow(
    "server.revert_resize",
    Remote(power_off),
    Remote(restore_old_disks),
    Local(restore_old_size),
    Remote(boot),
    Local(mark_reverted),
    failed=mark_failed,
)
