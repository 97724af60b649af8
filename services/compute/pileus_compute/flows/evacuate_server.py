"""Evacuate a server from a host that is down: its volumes and addresses, and a new root disk from its image.

The host that is down is fenced before the server boots elsewhere: its volumes are exported to the other host only, and
its ports are bound there. When it comes back it is told to start none of these guests, and to destroy them.
"""

from sqlalchemy.orm import Session

from pileus_compute.clients import image
from pileus_compute.core import faults, hosts, migrations, moves, scheduler, states
from pileus_compute.core import guests as core_guests
from pileus_compute.core.job_data import Added, EvacuateServerData
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.errors import SourceIsUp
from pileus_compute.steps import guests, volumes
from pileus_compute.steps import moves as move_steps
from pileus_compute.steps.placement import claim_of
from pileus_kit.db import now
from pileus_kit.flow import Flow, Local, Remote, Work


def _data(work: Work) -> EvacuateServerData:
    return work.data_as(EvacuateServerData)


def select_host(session: Session, tools: Tools, work: Work) -> Added:
    """Put the server on another host. Raises SourceIsUp if its own one came back meanwhile."""
    server, data = session.get_one(Server, work.subject), _data(work)
    if not move_steps.is_row_down(session, tools, data.source):
        raise SourceIsUp(host=data.source)
    spec = scheduler.load_request_spec(session, server, claim_of(server), tools.config, avoided=tools.avoided)
    spec = spec.elsewhere(data.source, data.requested_host)
    chosen = moves.claim(session, server.id, spec.forced() if data.forced else spec)
    zone, server.host, server.zone = server.zone, chosen.host.name, chosen.zone
    migrations.set_destination(session, work.id, chosen.host.name)
    return {"host": chosen.host.name, "zone": zone}


def go_back(session: Session, tools: Tools, work: Work) -> None:
    """Undo of `select_host`."""
    server, data = session.get_one(Server, work.subject), _data(work)
    if data.host:
        server.host, server.zone = data.source, data.zone
    moves.give_back(session, server.id)


def connect(tools: Tools, work: Work) -> Added:
    return move_steps.connect(tools, work, work.subject, _data(work).host)


def prepare(tools: Tools, work: Work) -> None:
    """Have the host make new disks: what was on those of the other host is not to be had."""
    with tools.sessions.read() as session:
        image_ids = core_guests.image_ids(session.get_one(Server, work.subject))
    tickets = image.create_read_tickets(tools.peers, image_ids)
    tools.agent(_data(work).host).prepare(guests.describe_with_config_drive(tools, work.subject, tickets))


def destroy(tools: Tools, work: Work) -> None:
    """Undo of `prepare` and `boot`."""
    if _data(work).host:
        guests.destroy_on(tools, _data(work).host, work.subject)


def boot(tools: Tools, work: Work) -> Added:
    return move_steps.boot_or_define(tools, work.subject, _data(work).running)


def complete_attachments(tools: Tools, work: Work) -> None:
    volumes.complete_attachments(tools, work, volumes.project_of(tools, work.subject))


def mark_evacuated(session: Session, tools: Tools, work: Work) -> None:
    """The server is on the other host, and there is no way back: what its old host has of it is destroyed."""
    data = _data(work)
    guests.record_devices(session, work.subject, data.booted)
    values = {"power_state": states.RUNNING, "launched_at": now(), "fault": None, "sealed_password": None}
    states.move(session, work.subject, "evacuated", **values)
    if not data.running:
        states.move(session, work.subject, "stopped", power_state=states.SHUTDOWN)
    hosts.release(session, work.subject, moves.OLD)
    migrations.set_status(session, work.id, "done")
    move_steps.enqueue_leave(session, work, work.subject, data.source)


def come_back(session: Session, tools: Tools, work: Work) -> None:
    """Undone: the server belongs to the host that is down, with its volumes and ports, and shows why."""
    server, data = session.get_one(Server, work.subject), _data(work)
    migrations.set_status(session, work.id, "error")
    server.admin_password = None
    if not data.host:
        server.fault = faults.new_fault(500, work.error or "The server could not be evacuated.")
    elif not server.deleting:
        session.flush()
        guests.mark_failed(session, work, "Evacuating the server failed.")
        move_steps.enqueue_leave(session, work, work.subject, data.host)
        move_steps.enqueue_return(session, work, work.subject, running=False)


evacuate_server = Flow(
    "server.evacuate",
    Local(select_host, undo=go_back),
    Remote(connect),
    Local(volumes.record_connections),
    Remote(prepare, undo=destroy),
    Remote(boot),
    Remote(complete_attachments),
    Local(mark_evacuated),
    failed=come_back,
)
