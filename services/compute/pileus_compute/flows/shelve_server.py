"""Shelve a server: its root disk becomes an image, its host is free; and put it on a host again."""

from dataclasses import replace

from sqlalchemy.orm import Session

from pileus_compute.clients import image
from pileus_compute.core import guests as core_guests
from pileus_compute.core import hosts, scheduler, server_jobs, server_volumes, states
from pileus_compute.core.faults import new_fault
from pileus_compute.core.job_data import Added, DeleteImageData, ShelveServerData, UnshelveServerData, as_json
from pileus_compute.core.server_jobs import server_id_of
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Job, Server
from pileus_compute.steps import guests, ports, volumes
from pileus_compute.steps.guests import agent_of, boot_if_it_ran
from pileus_compute.steps.images import upload_root_disk
from pileus_compute.steps.placement import claim_of
from pileus_compute.steps.volumes import project_of
from pileus_kit.flow import Flow, Local, Remote, Work, enqueue

OFFLOAD, DELETE_SHELVED_IMAGE = "server.offload", "server.delete_shelved_image"


# -- shelve --------------------------------------------------------------------------------------------------------


def power_off(tools: Tools, work: Work) -> None:
    agent_of(tools, work.subject).power_off(work.subject)


def upload(tools: Tools, work: Work) -> None:
    """Make the image of the root disk. A server that boots from a volume has none."""
    image_id = work.data_as(ShelveServerData).image_id
    if image_id:
        upload_root_disk(tools, work.subject, image_id)


def delete_image(tools: Tools, work: Work) -> None:
    """Undo of `upload`."""
    image_id = work.data_as(ShelveServerData).image_id
    if image_id:
        image.ensure_image_deleted(tools.peers, image_id)


def mark_shelved(session: Session, tools: Tools, work: Work) -> None:
    """The image holds everything from here on. A job of its own frees the host: it can't undo this one."""
    server = session.get_one(Server, work.subject)
    server.saved_state = {"shelved_image": work.data_as(ShelveServerData).image_id, "host": server.host}
    session.flush()
    states.move(session, work.subject, "shelved", power_state=states.SHUTDOWN)
    subject = server_jobs.offload_subject(server.id)
    enqueue(session, Job, flow=OFFLOAD, subject=subject, request_id=work.request_id)


# -- offload -------------------------------------------------------------------------------------------------------


def leave_host(tools: Tools, work: Work) -> None:
    """Have everything of the server removed from its host. Its volumes stay reserved for it, connected to no host."""
    server_id = server_id_of(work.subject)
    with tools.sessions.read() as session:
        server = session.get_one(Server, server_id)
        attached = [str(v.volume_id) for v in server_volumes.list_volumes(session, server_id) if v.attachment_id]
    if server.host:
        tools.agent(server.host).destroy(server_id)
    if attached:
        volumes.detach(tools, server.project_id, server.id)
        for volume_id in attached:
            volumes.reserve(tools, server.project_id, server.id, volume_id)
    ports.move(tools, server.id, "")


def mark_offloaded(session: Session, tools: Tools, work: Work) -> None:
    server_id = server_id_of(work.subject)
    hosts.release(session, server_id)
    server_volumes.disconnect_all(session, server_id)
    server = session.get_one(Server, server_id)
    server.host = server.zone = None
    session.flush()
    states.move(session, server_id, "offloaded", power_state=states.SHUTDOWN)


# -- unshelve ------------------------------------------------------------------------------------------------------


def select_host(session: Session, tools: Tools, work: Work) -> Added:
    """Choose a host. A server that was not offloaded stays where it is."""
    server, zone = session.get_one(Server, work.subject), work.data_as(UnshelveServerData).zone
    image_id = (server.saved_state or {}).get("shelved_image")
    if server.host:
        return {"host": server.host, "here": True, "image_id": image_id}
    if zone:
        server.requested_zone = zone
    spec = scheduler.load_request_spec(session, server, claim_of(server), tools.config)
    chosen = scheduler.select_host(session, server.id, spec)
    server.host, server.zone = chosen.host.name, chosen.zone
    return {"host": chosen.host.name, "here": False, "image_id": image_id}


def release_host(session: Session, tools: Tools, work: Work) -> None:
    """Undo of `select_host`."""
    if not work.data_as(UnshelveServerData).here:
        hosts.release(session, work.subject)
        server = session.get_one(Server, work.subject)
        server.host = server.zone = None


def connect(tools: Tools, work: Work) -> Added:
    """Bind the server's ports to the host and connect its volumes."""
    host = work.data_as(UnshelveServerData).host
    ports.move(tools, work.subject, host)
    return volumes.connect_volumes(tools, work.subject, project_of(tools, work.subject), host)


def unbind_ports(tools: Tools, work: Work) -> None:
    """Undo of `connect`."""
    if not work.data_as(UnshelveServerData).here:
        ports.move(tools, work.subject, "")


def prepare(tools: Tools, work: Work) -> None:
    """Have the host make the disks; the root disk of an offloaded server from its image."""
    data = work.data_as(UnshelveServerData)
    guest = guests.describe_with_config_drive(tools, work.subject)
    if data.image_id and not data.here:
        tickets = image.create_read_tickets(tools.peers, [data.image_id])
        guest = replace(guest, image=core_guests.image_of(data.image_id, {"disk_format": "qcow2"}, tickets))
    tools.agent(data.host).prepare(guest)


def destroy(tools: Tools, work: Work) -> None:
    """Undo of `prepare` and `boot`."""
    data = work.data_as(UnshelveServerData)
    if not data.here:
        tools.agent(data.host).destroy(work.subject)


def boot(tools: Tools, work: Work) -> Added:
    return guests.boot(tools, work.subject)


def complete_attachments(tools: Tools, work: Work) -> None:
    volumes.complete_attachments(tools, work, project_of(tools, work.subject))


def mark_unshelved(session: Session, tools: Tools, work: Work) -> None:
    """The server has its disk again, so its image is of no more use. A job that isn't the server's deletes the image:
    it goes on when the server is deleted."""
    data, server = work.data_as(UnshelveServerData), session.get_one(Server, work.subject)
    server.saved_state = None
    session.flush()
    guests.record_devices(session, work.subject, data.booted)
    states.move(session, work.subject, "unshelved", power_state=states.RUNNING, fault=None)
    if data.image_id:
        enqueue(
            session,
            Job,
            flow=DELETE_SHELVED_IMAGE,
            subject=f"image/{data.image_id}",
            request_id=work.request_id,
            data=as_json(DeleteImageData(data.image_id)),
        )


def record_fault(session: Session, tools: Tools, work: Work) -> None:
    """The server stays shelved, and shows why."""
    if not work.cancelled:
        session.get_one(Server, work.subject).fault = new_fault(500, work.error or "It failed.")


def delete_shelved_image(tools: Tools, work: Work) -> None:
    image.ensure_image_deleted(tools.peers, work.data_as(DeleteImageData).image_id)


shelve_server = Flow(
    "server.shelve", Remote(power_off, undo=boot_if_it_ran), Remote(upload, undo=delete_image), Local(mark_shelved)
)
offload_server = Flow(OFFLOAD, Remote(leave_host), Local(mark_offloaded))
unshelve_server = Flow(
    "server.unshelve",
    Local(select_host, undo=release_host),
    Remote(connect, undo=unbind_ports),
    Local(volumes.record_connections),
    Remote(prepare, undo=destroy),
    Remote(boot),
    Remote(complete_attachments),
    Local(mark_unshelved),
    failed=record_fault,
)
delete_image_after_unshelve = Flow(DELETE_SHELVED_IMAGE, Remote(delete_shelved_image))
