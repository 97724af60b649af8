"""Resize a server on its host: a second claim, bigger disks made from a copy, confirmed or reverted later."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from pileus_compute.core import faults, guests, hosts, scheduler, server_jobs, states
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Allocation, Job, Server
from pileus_compute.flows import volumes
from pileus_compute.flows.create_server import claim_of
from pileus_compute.flows.drives import with_drive
from pileus_compute.flows.power import agent_of, booted_as
from pileus_compute.flows.rebuild_server import TIDY, on_again
from pileus_kit.flow import Again, Flow, Local, Remote, Work, enqueue

KEPT = ("flavor_id", "flavor", "vcpus", "memory_mib")


def claim_more(session: Session, tools: Tools, work: Work) -> dict[str, Any]:
    """Both sizes are claimed until it is decided. Local disks tie a server to its host."""
    server = session.get_one(Server, work.subject)
    if any(job.flow == TIDY for job in server_jobs.unfinished_jobs(session, server.id)):
        raise Again(after=0.3, why="disks of an earlier change are being removed")
    _rename(session, server.id, "run", "old")
    wanted = claim_of(server, work.data["flavor"])
    spec = scheduler.load_request_spec(session, server, wanted, tools.config, host=server.host)
    scheduler.select_host(session, server.id, spec)
    return {"host": server.host}


def unclaim_more(session: Session, tools: Tools, work: Work) -> None:
    if session.get(Allocation, (work.subject, "old")):
        hosts.release(session, work.subject, "run")
        _rename(session, work.subject, "old", "run")


def _rename(session: Session, server_id: str, purpose: str, now: str) -> None:
    session.execute(
        update(Allocation)
        .where(Allocation.server_id == server_id, Allocation.purpose == purpose)
        .values(purpose=now)
        .execution_options(synchronize_session=False)
    )


def off(tools: Tools, work: Work) -> None:
    agent_of(tools, work).power_off(work.subject)


def keep(tools: Tools, work: Work) -> None:
    agent_of(tools, work).keep_disks(work.subject, copy=True)


def unkeep(tools: Tools, work: Work) -> None:
    agent = agent_of(tools, work)
    agent.power_off(work.subject, timeout_s=0)
    agent.restore_disks(work.subject)


def change(session: Session, tools: Tools, work: Work) -> None:
    server = session.get_one(Server, work.subject)
    server.saved_state = {key: getattr(server, key) for key in KEPT} | {"running": work.data["running"]}
    flavor = work.data["flavor"]
    server.flavor_id, server.flavor = flavor["id"], flavor
    server.vcpus, server.memory_mib = flavor["vcpus"], flavor["memory_mib"]


def unchange(session: Session, tools: Tools, work: Work) -> None:
    server = session.get_one(Server, work.subject)
    for key in KEPT:
        if server.saved_state:
            setattr(server, key, server.saved_state[key])
    server.saved_state = None


def grow(tools: Tools, work: Work) -> None:
    agent_of(tools, work).prepare(with_drive(tools, work.subject))


def boot_new(tools: Tools, work: Work) -> dict[str, Any]:
    """A server that was off stays off."""
    if not work.data["running"]:
        return {}
    with tools.sessions.read() as session:
        guest = guests.describe(session, work.subject)
    return booted_as(agent_of(tools, work).boot(guest))


def resized(session: Session, tools: Tools, work: Work) -> None:
    volumes.note_devices(session, work.subject, work.data)
    states.move(
        session, work.subject, "resized", power_state=states.RUNNING if work.data["running"] else states.SHUTDOWN
    )


def broken(session: Session, tools: Tools, work: Work) -> None:
    """Undone: the server is what it was before, and shows why it isn't bigger."""
    if not work.cancelled:
        states.move(session, work.subject, "failed", fault=faults.new_fault(500, work.error or "Resizing failed."))


def confirm(session: Session, tools: Tools, work: Work) -> None:
    """No way back from here: the kept disks go in a job of their own."""
    server = session.get_one(Server, work.subject)
    hosts.release(session, server.id, "old")
    server.saved_state = None
    running = server.power_state == states.RUNNING
    session.flush()
    states.move(session, server.id, "confirmed" if running else "confirmed off")
    enqueue(
        session,
        Job,
        flow=TIDY,
        subject=server_jobs.part_subject(server.id, f"tidy-{work.id}"),
        request_id=work.request_id,
    )


def off_now(tools: Tools, work: Work) -> None:
    agent_of(tools, work).power_off(work.subject)


def restore(tools: Tools, work: Work) -> None:
    agent_of(tools, work).restore_disks(work.subject)


def change_back(session: Session, tools: Tools, work: Work) -> dict[str, Any]:
    server = session.get_one(Server, work.subject)
    running = bool((server.saved_state or {}).get("running"))
    unchange(session, tools, work)
    unclaim_more(session, tools, work)
    return {"running": running}


def boot_old(tools: Tools, work: Work) -> dict[str, Any]:
    return boot_new(tools, work)


def reverted(session: Session, tools: Tools, work: Work) -> None:
    running = work.data["running"]
    states.move(
        session,
        work.subject,
        "reverted" if running else "reverted off",
        power_state=states.RUNNING if running else states.SHUTDOWN,
    )


resize_server = Flow(
    "server.resize",
    Local(claim_more, undo=unclaim_more),
    Remote(off, undo=on_again),
    Remote(keep, undo=unkeep),
    Local(change, undo=unchange),
    Remote(grow),
    Remote(boot_new),
    Local(resized),
    failed=broken,
)

confirm_resize = Flow("server.confirm_resize", Local(confirm))

revert_resize = Flow(
    "server.revert_resize",
    Remote(off_now),
    Remote(restore),
    Local(change_back),
    Remote(boot_old),
    Local(reverted),
    failed=broken,
)
