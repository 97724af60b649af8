"""Delete a server: let running work come to rest, take everything apart, forget it."""

from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.core import faults, server_jobs, servers, states
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.flows import images, ports, volumes
from pileus_compute.flows.create_server import destroy_on
from pileus_compute.flows.ports import server_id_of
from pileus_kit.flow import Again, Flow, Local, Remote, Work


def settle(session: Session, tools: Tools, work: Work) -> dict[str, Any]:
    """Wait for the server's other jobs; then know what there is to take apart."""
    server_id = server_id_of(work)
    busy = server_jobs.unfinished_jobs(session, server_id)
    if busy:
        for job in busy:
            tools.ring(job.id)  # it may be waiting for something that doesn't matter any more
        raise Again(after=0.2, why=f"{busy[0].flow} is not finished")
    server = session.get_one(Server, server_id)
    rows = volumes.rows(session, server_id)
    return {
        "host": server.host,
        "project_id": server.project_id,
        "foreign": sorted(ports.foreign_of(session, server_id)),
        "volumes": bool(rows),
        "doomed": [v.volume_id for v in rows if v.delete_on_termination and v.volume_id],
        "image": (server.saved_state or {}).get("shelved_image"),
    }


def destroy(tools: Tools, work: Work) -> None:
    if work.data["host"]:
        destroy_on(tools, work.data["host"], server_id_of(work))


def unplug(tools: Tools, work: Work) -> None:
    if work.data["volumes"]:
        volumes.detach(tools, work.data["project_id"], server_id_of(work))


def unport(tools: Tools, work: Work) -> None:
    ports.let_go(tools, server_id_of(work), set(work.data["foreign"]))


def drop_volumes(tools: Tools, work: Work) -> None:
    """A volume of which there are snapshots (an image of the server has them) can't go: it stays with its user."""
    for volume_id in work.data["doomed"]:
        if not volumes.has_snapshots(tools, work.data["project_id"], volume_id):
            volumes.remove(tools, work.data["project_id"], volume_id)


def drop_image(tools: Tools, work: Work) -> None:
    """A shelved server's disk is an image."""
    if work.data["image"]:
        images.remove(tools, work.data["image"])


def forget(session: Session, tools: Tools, work: Work) -> None:
    servers.archive(session, session.get_one(Server, server_id_of(work)))


def give_up(session: Session, tools: Tools, work: Work) -> None:
    """It could not be taken apart: it shows why, and DELETE may be tried again."""
    server = session.get_one(Server, server_id_of(work))
    server.deleting = False
    states.move(session, server.id, "failed", fault=faults.new_fault(500, work.error or "Deleting failed."))


delete_server = Flow(
    "server.delete",
    Local(settle, patience_s=3600.0),
    Remote(destroy),
    Remote(unplug),
    Remote(unport),
    Remote(drop_volumes),
    Remote(drop_image),
    Local(forget),
    failed=give_up,
    ends=True,
)
