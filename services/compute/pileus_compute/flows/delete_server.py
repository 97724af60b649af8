"""Delete a server: wait until its other jobs have ended, take everything apart, archive it."""

from sqlalchemy.orm import Session

from pileus_compute.clients import image, volume
from pileus_compute.core import (
    faults,
    leftovers,
    moves,
    server_jobs,
    server_ports,
    server_volumes,
    servers,
    states,
)
from pileus_compute.core.job_data import Added, DeleteServerData
from pileus_compute.core.server_jobs import server_id_of
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.steps import guests, ports, volumes
from pileus_kit.flow import Again, Flow, Local, Remote, Work

PATIENCE_S = 3600.0  # for the server's other jobs to end


def await_other_jobs(session: Session, tools: Tools, work: Work) -> Added:
    """Wait for the server's other jobs; then look at what is to be taken apart."""
    server_id = server_id_of(work.subject)
    running = server_jobs.unfinished_jobs(session, server_id)
    if running:
        for job in running:
            tools.ring(job.id)  # it may be waiting for something that doesn't matter any more
        raise Again(after=0.2, why=f"{running[0].flow} is not finished")
    server = session.get_one(Server, server_id)
    rows = server_volumes.list_volumes(session, server_id)
    return {
        "host": server.host,
        "others": sorted(_other_hosts(session, server)),
        "project_id": server.project_id,
        "users_ports": sorted(server_ports.users_ports(session, server_id)),
        "has_volumes": bool(rows),
        "volumes_to_delete": [v.volume_id for v in rows if v.delete_on_termination and v.volume_id],
        "image_id": (server.saved_state or {}).get("shelved_image"),
    }


def _other_hosts(session: Session, server: Server) -> set[str]:
    """The hosts beside its own on which a move has left something of the server."""
    return (moves.hosts_claimed(session, server.id) | leftovers.hosts_of(session, server.id)) - {server.host or ""}


def destroy(tools: Tools, work: Work) -> None:
    data = work.data_as(DeleteServerData)
    for host in (data.host, *data.others):
        if host:
            guests.destroy_on(tools, host, server_id_of(work.subject))


def disconnect_volumes(tools: Tools, work: Work) -> None:
    data = work.data_as(DeleteServerData)
    if data.has_volumes:
        volumes.detach(tools, data.project_id, server_id_of(work.subject))


def release_ports(tools: Tools, work: Work) -> None:
    ports.release(tools, server_id_of(work.subject), work.data_as(DeleteServerData).users_ports)


def delete_volumes(tools: Tools, work: Work) -> None:
    """Delete the volumes that go with the server. One that has snapshots (an image of the server has them) can't be
    deleted: its user keeps it."""
    data = work.data_as(DeleteServerData)
    for volume_id in data.volumes_to_delete:
        if not volume.has_snapshots(tools.peers, data.project_id, volume_id):
            volumes.delete_volume(tools, data.project_id, volume_id)


def delete_shelved_image(tools: Tools, work: Work) -> None:
    """The disk of a shelved server is an image."""
    image_id = work.data_as(DeleteServerData).image_id
    if image_id:
        image.ensure_image_deleted(tools.peers, image_id)


def archive(session: Session, tools: Tools, work: Work) -> None:
    servers.archive(session, session.get_one(Server, server_id_of(work.subject)))


def mark_failed(session: Session, tools: Tools, work: Work) -> None:
    """The server could not be taken apart: it shows why, and DELETE may be tried again."""
    server = session.get_one(Server, server_id_of(work.subject))
    server.deleting = False
    states.move(session, server.id, "failed", fault=faults.new_fault(500, work.error or "Deleting failed."))


delete_server = Flow(
    "server.delete",
    Local(await_other_jobs, patience_s=PATIENCE_S),
    Remote(destroy),
    Remote(disconnect_volumes),
    Remote(release_ports),
    Remote(delete_volumes),
    Remote(delete_shelved_image),
    Local(archive),
    failed=mark_failed,
    ends=True,
)
