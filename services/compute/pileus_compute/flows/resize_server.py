"""Resize a server on its host: a second claim, bigger disks made from a copy, confirmed or reverted later."""

from sqlalchemy.orm import Session

from pileus_compute.core import faults, hosts, migrations, moves, scheduler, server_jobs, states
from pileus_compute.core.job_data import Added, ResizeServerData, RevertResizeData
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.errors import NoValidHost
from pileus_compute.flows.rebuild_server import DROP_KEPT_DISKS, enqueue_drop
from pileus_compute.steps import guests
from pileus_compute.steps.guests import agent_of, boot_if_it_ran
from pileus_compute.steps.moves import enqueue_leave
from pileus_compute.steps.placement import claim_of
from pileus_kit.flow import Again, Flow, Local, Remote, Work


def claim_new_size(session: Session, tools: Tools, work: Work) -> Added:
    """Claim the new size beside the old one, on the server's host: its local disks are there."""
    server = session.get_one(Server, work.subject)
    if any(job.flow == DROP_KEPT_DISKS for job in server_jobs.unfinished_jobs(session, server.id)):
        raise Again(after=0.3, why="disks of an earlier change are being removed")
    flavor = work.data_as(ResizeServerData).flavor
    claim = claim_of(server, flavor)
    spec = scheduler.load_request_spec(session, server, claim, tools.config, host=server.host)
    moves.claim(session, server.id, scheduler.for_flavor(spec, server, flavor))
    migrations.set_destination(session, work.id, str(server.host))
    return {"host": server.host}


def release_new_size(session: Session, tools: Tools, work: Work) -> None:
    """Undo of `claim_new_size`."""
    moves.give_back(session, work.subject)


def power_off(tools: Tools, work: Work) -> None:
    agent_of(tools, work.subject).power_off(work.subject)


def keep_disks(tools: Tools, work: Work) -> None:
    """Keep a copy of the disks: the new ones are grown."""
    agent_of(tools, work.subject).keep_disks(work.subject, copy=True)


def restore_disks(tools: Tools, work: Work) -> None:
    """Undo of `keep_disks`."""
    agent = agent_of(tools, work.subject)
    with guests.unless_gone(tools, work.subject):
        agent.power_off(work.subject, timeout_s=0)
        agent.restore_disks(work.subject)


def change_flavor(session: Session, tools: Tools, work: Work) -> None:
    data = work.data_as(ResizeServerData)
    moves.change_flavor(session.get_one(Server, work.subject), data.flavor, running=data.running)


def restore_flavor(session: Session, tools: Tools, work: Work) -> None:
    """Undo of `change_flavor`."""
    moves.restore_flavor(session.get_one(Server, work.subject))


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
    migrations.set_status(session, work.id, migrations.FINISHED)


def mark_resize_failed(session: Session, tools: Tools, work: Work) -> None:
    """Undone: the server is what it was before, and shows why it isn't bigger. If there was no room it has noticed
    nothing, and goes on."""
    migrations.set_status(session, work.id, "error")
    if work.data.get("failed") == NoValidHost.__name__:
        session.get_one(Server, work.subject).fault = faults.new_fault(500, work.error or "")
    else:
        guests.mark_failed(session, work, "Resizing failed.")


def mark_failed(session: Session, tools: Tools, work: Work) -> None:
    guests.mark_failed(session, work, "Reverting failed.")


def release_old_size(session: Session, tools: Tools, work: Work) -> None:
    """The move is confirmed, and there is no way back: a job of its own drops the kept disks, or everything on the host
    that the server left."""
    server = session.get_one(Server, work.subject)
    source = moves.source_of(session, server)
    hosts.release(session, server.id, moves.OLD)
    migrations.settle(session, server.id, "confirmed")
    server.saved_state = None
    running = server.power_state == states.RUNNING
    session.flush()
    states.move(session, server.id, "confirmed" if running else "confirmed off")
    if source:
        enqueue_leave(session, work, server.id, source)
    else:
        enqueue_drop(session, work)


def restore_old_disks(tools: Tools, work: Work) -> None:
    agent_of(tools, work.subject).restore_disks(work.subject)


def restore_old_size(session: Session, tools: Tools, work: Work) -> Added:
    server = session.get_one(Server, work.subject)
    running = bool((server.saved_state or {}).get("running"))
    restore_flavor(session, tools, work)
    release_new_size(session, tools, work)
    migrations.settle(session, server.id, "reverted")
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
    failed=mark_resize_failed,
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
