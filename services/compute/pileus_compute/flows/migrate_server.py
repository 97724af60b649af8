"""Move a server to another host while it is off, with the same flavor or another one; confirmed or reverted later.

Its local disks travel as images that exist only meanwhile. Until the move is confirmed, the host that the server comes
from keeps its disks, so a move that fails ends with the server where it was: its ports and volumes are brought back by
a job of its own (`return_server`).
"""

from dataclasses import replace

from sqlalchemy.orm import Session

from pileus_compute.clients import image
from pileus_compute.core import faults, migrations, moves, scheduler, server_jobs, states
from pileus_compute.core import guests as core_guests
from pileus_compute.core.guests import ImageTicket
from pileus_compute.core.job_data import Added, MigrateServerData, RevertMigrateData
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.flows.rebuild_server import DROP_KEPT_DISKS
from pileus_compute.rpc import Guest, Image, Upload
from pileus_compute.steps import guests, volumes
from pileus_compute.steps import moves as move_steps
from pileus_compute.steps.placement import claim_of
from pileus_kit.errors import HostDown
from pileus_kit.flow import Again, Flow, Local, Remote, Work

ROOT, FORMAT = "root", "qcow2"
SOURCE_PATIENCE_S = 60.0


def _data(work: Work) -> MigrateServerData:
    return work.data_as(MigrateServerData)


def check_source(tools: Tools, work: Work) -> None:
    """The host that the server leaves must answer, or nothing is begun."""
    tools.agent(_data(work).source).state(work.subject)


def delete_images(tools: Tools, work: Work) -> None:
    """Delete the images in which the disks travel."""
    for image_id in _data(work).images.values():
        image.ensure_image_deleted(tools.peers, image_id)


def select_host(session: Session, tools: Tools, work: Work) -> Added:
    """Claim another host beside the one that the server has."""
    server, data = session.get_one(Server, work.subject), _data(work)
    cleaning = (DROP_KEPT_DISKS, move_steps.LEAVE_HOST)
    if any(job.flow in cleaning for job in server_jobs.unfinished_jobs(session, server.id)):
        raise Again(after=0.3, why="disks of an earlier change are being removed")
    claim = claim_of(server, data.flavor)
    spec = scheduler.load_request_spec(session, server, claim, tools.config, avoided=tools.avoided)
    spec = scheduler.for_flavor(spec, server, data.flavor).elsewhere(data.source, data.requested_host)
    chosen = moves.claim(session, server.id, spec)
    migrations.set_destination(session, work.id, chosen.host.name)
    return {"host": chosen.host.name, "zone": chosen.zone}


def release_host(session: Session, tools: Tools, work: Work) -> None:
    """Undo of `select_host`."""
    moves.give_back(session, work.subject)


def power_off(tools: Tools, work: Work) -> None:
    tools.agent(_data(work).source).power_off(work.subject)


def upload_disks(tools: Tools, work: Work) -> None:
    """Have the host upload its disks, but for those that have arrived already."""
    data, agent = _data(work), tools.agent(_data(work).source)
    for disk, image_id in data.images.items():
        if image.is_active(tools.peers, image_id):
            continue
        ticket = image.create_ticket(tools.peers, image_id, "write")
        upload = Upload(image_id, ticket.url, ticket.ticket, FORMAT)
        if disk == ROOT:
            agent.snapshot(work.subject, upload)
        else:
            agent.upload_disk(work.subject, int(disk), upload)


def change_host(session: Session, tools: Tools, work: Work) -> None:
    """From here on the server is on the other host, with its new flavor."""
    server, data = session.get_one(Server, work.subject), _data(work)
    moves.change_flavor(server, data.flavor, running=data.running, zone=server.zone)
    server.host, server.zone = data.host, data.zone


def change_host_back(session: Session, tools: Tools, work: Work) -> None:
    """Undo of `change_host`."""
    server, data = session.get_one(Server, work.subject), _data(work)
    if server.saved_state is not None:
        server.host, server.zone = data.source, server.saved_state.get("zone")
    moves.restore_flavor(server)


def connect(tools: Tools, work: Work) -> Added:
    return move_steps.connect(tools, work, work.subject, _data(work).host)


def prepare(tools: Tools, work: Work) -> None:
    """Have the host make the disks of what the other one has uploaded."""
    data = _data(work)
    with tools.sessions.read() as session:
        server = session.get_one(Server, work.subject)
        side_images = [i for i in core_guests.image_ids(server) if i != server.image_id]
    tickets = image.create_read_tickets(tools.peers, [*data.images.values(), *side_images])
    guest = guests.describe_with_config_drive(tools, work.subject, tickets)
    tools.agent(data.host).prepare(_with_moved_disks(guest, data, tickets))


def _with_moved_disks(guest: Guest, data: MigrateServerData, tickets: dict[str, ImageTicket]) -> Guest:
    """The guest with the images that its disks are made of on the other host."""

    def image_of(disk: str) -> Image | None:
        image_id = data.images.get(disk)
        return core_guests.image_of(image_id, {"disk_format": FORMAT}, tickets) if image_id else None

    blank = tuple(replace(disk, image=image_of(str(number))) for number, disk in enumerate(guest.ephemeral))
    return replace(guest, image=image_of(ROOT), ephemeral=blank)


def destroy(tools: Tools, work: Work) -> None:
    """Undo of `prepare` and `boot`."""
    if _data(work).host:
        guests.destroy_on(tools, _data(work).host, work.subject)


def boot(tools: Tools, work: Work) -> Added:
    return move_steps.boot_or_define(tools, work.subject, _data(work).running)


def complete_attachments(tools: Tools, work: Work) -> None:
    volumes.complete_attachments(tools, work, volumes.project_of(tools, work.subject))


def mark_moved(session: Session, tools: Tools, work: Work) -> None:
    """The server waits on its new host for its user to confirm the move or to revert it."""
    data = _data(work)
    guests.record_devices(session, work.subject, data.booted)
    power_state = states.RUNNING if data.running else states.SHUTDOWN
    states.move(session, work.subject, "resized", power_state=power_state)
    migrations.set_status(session, work.id, migrations.FINISHED)


def come_back(session: Session, tools: Tools, work: Work) -> None:
    """Undone: the server is on the host where it was. If no other host was found it has noticed nothing."""
    server, data = session.get_one(Server, work.subject), _data(work)
    migrations.set_status(session, work.id, "error")
    if not data.host:
        server.fault = faults.new_fault(500, work.error or "The server could not be moved.")
    elif not server.deleting:
        guests.mark_failed(session, work, "Moving the server to another host failed.")
        move_steps.enqueue_leave(session, work, work.subject, data.host)
        move_steps.enqueue_return(session, work, work.subject, data.running)


migrate_server = Flow(
    "server.migrate",
    Remote(check_source, undo=delete_images, patience_s=SOURCE_PATIENCE_S),
    Local(select_host, undo=release_host),
    Remote(power_off),
    Remote(upload_disks),
    Local(change_host, undo=change_host_back),
    Remote(connect),
    Local(volumes.record_connections),
    Remote(prepare, undo=destroy),
    Remote(boot),
    Remote(complete_attachments),
    Remote(delete_images),
    Local(mark_moved),
    failed=come_back,
)


# -- revert --------------------------------------------------------------------------------------------------------


def power_off_there(tools: Tools, work: Work) -> None:
    """A host that is down isn't waited for: it will be told to destroy the guest when it reports."""
    host = work.data_as(RevertMigrateData).host
    try:
        tools.agent(host).power_off(work.subject)
    except HostDown:
        if not move_steps.is_down(tools, host):
            raise


def go_back(session: Session, tools: Tools, work: Work) -> None:
    """The server is on its old host again, with its old flavor. There is no way back: what the other host has of it is
    destroyed."""
    server, data = session.get_one(Server, work.subject), work.data_as(RevertMigrateData)
    server.host, server.zone = data.source, (server.saved_state or {}).get("zone")
    moves.restore_flavor(server)
    moves.give_back(session, server.id)
    migrations.settle(session, server.id, "reverted")
    move_steps.enqueue_leave(session, work, server.id, data.host)


def connect_back(tools: Tools, work: Work) -> Added:
    return move_steps.connect(tools, work, work.subject, work.data_as(RevertMigrateData).source)


def boot_back(tools: Tools, work: Work) -> Added:
    return move_steps.boot_or_define(tools, work.subject, work.data_as(RevertMigrateData).running)


def mark_reverted(session: Session, tools: Tools, work: Work) -> None:
    data = work.data_as(RevertMigrateData)
    guests.record_devices(session, work.subject, data.booted)
    event, power_state = ("reverted", states.RUNNING) if data.running else ("reverted off", states.SHUTDOWN)
    states.move(session, work.subject, event, power_state=power_state)


def stay(session: Session, tools: Tools, work: Work) -> None:
    """The server could not go back: it waits for another try on the host where it is, or shows why it doesn't run on
    its old one."""
    server, data = session.get_one(Server, work.subject), work.data_as(RevertMigrateData)
    if server.deleting:
        return
    fault = faults.new_fault(500, work.error or "Reverting failed.")
    if server.host == data.source:
        states.move(session, work.subject, "failed", fault=fault)
        move_steps.enqueue_return(session, work, work.subject, data.running)
    else:
        server.fault = fault
        move_steps.enqueue_return(session, work, work.subject, server.power_state == states.RUNNING)


revert_migrate = Flow(
    "server.revert_migrate",
    Remote(power_off_there),
    Local(go_back),
    Remote(connect_back),
    Local(volumes.record_connections),
    Remote(boot_back),
    Remote(complete_attachments),
    Local(mark_reverted),
    failed=stay,
)
