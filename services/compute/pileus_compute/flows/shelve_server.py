"""Shelve a server: its root disk becomes an image, its host is free; and put it on a host again."""

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.core import faults, guests, hosts, scheduler, server_jobs, states
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Job, Server
from pileus_compute.flows import images, ports, volumes
from pileus_compute.flows.create_server import claim_of
from pileus_compute.flows.drives import with_drive
from pileus_compute.flows.ports import server_id_of
from pileus_compute.flows.power import booted_as
from pileus_compute.rpc import Upload
from pileus_kit.flow import Flow, Local, Remote, Work, enqueue


def _server(tools: Tools, work: Work) -> Server:
    with tools.sessions.read() as session:
        return session.get_one(Server, work.subject)


def off(tools: Tools, work: Work) -> None:
    tools.agent(str(_server(tools, work).host)).power_off(work.subject)


def on_again(tools: Tools, work: Work) -> None:
    with tools.sessions.read() as session:
        server = session.get_one(Server, work.subject)
        guest = guests.describe(session, work.subject)
    if server.power_state == states.RUNNING:
        tools.agent(str(server.host)).boot(guest)


def upload(tools: Tools, work: Work) -> None:
    """Nothing to keep of a server that boots from a volume."""
    image_id = work.data["image_id"]
    if image_id and not images.is_whole(tools, image_id):
        given = images.ticket(tools, image_id, "write")
        agent = tools.agent(str(_server(tools, work).host))
        agent.snapshot(work.subject, Upload(image_id, given.url, given.ticket))


def unupload(tools: Tools, work: Work) -> None:
    if work.data["image_id"]:
        images.remove(tools, work.data["image_id"])


def shelved(session: Session, tools: Tools, work: Work) -> None:
    """The image holds everything from here on. Freeing the host can't undo that: it is a job of its own."""
    server = session.get_one(Server, work.subject)
    server.saved_state = {"shelved_image": work.data["image_id"], "host": server.host}
    session.flush()
    states.move(session, work.subject, "shelved", power_state=states.SHUTDOWN)
    enqueue(
        session, Job, flow="server.offload", subject=server_jobs.offload_subject(server.id), request_id=work.request_id
    )


def leave(tools: Tools, work: Work) -> None:
    """Nothing of it stays on the host; the user's volumes are kept for it, connected to nothing."""
    server_id = server_id_of(work)
    with tools.sessions.read() as session:
        server = session.get_one(Server, server_id)
        held = [str(v.volume_id) for v in volumes.rows(session, server_id) if v.attachment_id]
    if server.host:
        tools.agent(server.host).destroy(server_id)
    if held:
        volumes.detach(tools, server.project_id, server.id)
        for volume_id in held:
            volumes.reserve(tools, server.project_id, server.id, volume_id)
    ports.rebind(tools, server.id, "")


def offloaded(session: Session, tools: Tools, work: Work) -> None:
    server_id = server_id_of(work)
    hosts.release(session, server_id)
    for row in volumes.rows(session, server_id):
        row.connection_info = None
    server = session.get_one(Server, server_id)
    server.host = server.zone = None
    session.flush()
    states.move(session, server_id, "offloaded", power_state=states.SHUTDOWN)


def place(session: Session, tools: Tools, work: Work) -> dict[str, Any]:
    """A server that was not offloaded goes on where it is."""
    server = session.get_one(Server, work.subject)
    image_id = (server.saved_state or {}).get("shelved_image")
    if server.host:
        return {"host": server.host, "here": True, "image_id": image_id}
    if work.data.get("zone"):
        server.requested_zone = work.data["zone"]
    spec = scheduler.load_request_spec(session, server, claim_of(server), tools.config)
    chosen = scheduler.select_host(session, server.id, spec)
    server.host, server.zone = chosen.host.name, chosen.zone
    return {"host": chosen.host.name, "here": False, "image_id": image_id}


def unplace(session: Session, tools: Tools, work: Work) -> None:
    if not work.data.get("here", True):
        hosts.release(session, work.subject)
        server = session.get_one(Server, work.subject)
        server.host = server.zone = None


def bring(tools: Tools, work: Work) -> dict[str, Any]:
    """Its ports and volumes follow it."""
    server = _server(tools, work)
    ports.rebind(tools, server.id, work.data["host"])
    with tools.sessions.read() as session:
        rows = volumes.rows(session, work.subject)
    return {
        "plugs": {
            v.id: volumes.attach(tools, server.project_id, server.id, work.data["host"], str(v.volume_id), v.device)
            for v in rows
        }
    }


def unbring(tools: Tools, work: Work) -> None:
    if not work.data["here"]:
        ports.rebind(tools, work.subject, "")


def prepare(tools: Tools, work: Work) -> None:
    image_id = work.data["image_id"]
    tickets = images.tickets(tools, [image_id]) if image_id and not work.data["here"] else {}
    guest = with_drive(tools, work.subject)
    if image_id and not work.data["here"]:
        guest = replace(guest, image=guests.image_of(image_id, {"disk_format": "qcow2"}, tickets))
    tools.agent(work.data["host"]).prepare(guest)


def unprepare(tools: Tools, work: Work) -> None:
    if not work.data["here"]:
        tools.agent(work.data["host"]).destroy(work.subject)


def boot(tools: Tools, work: Work) -> dict[str, Any]:
    with tools.sessions.read() as session:
        guest = guests.describe(session, work.subject)
    return booted_as(tools.agent(work.data["host"]).boot(guest))


def complete(tools: Tools, work: Work) -> None:
    project_id = _server(tools, work).project_id
    for plug in work.data["plugs"].values():
        volumes.complete(tools, project_id, plug["attachment_id"])


def unshelved(session: Session, tools: Tools, work: Work) -> None:
    """The server has its disk again, so its image is of no more use. It goes in a job of its own, which is no part of
    the server's: it goes on when the server is deleted.
    """
    server = session.get_one(Server, work.subject)
    server.saved_state = None
    session.flush()
    volumes.note_devices(session, work.subject, work.data)
    states.move(session, work.subject, "unshelved", power_state=states.RUNNING, fault=None)
    if work.data["image_id"]:
        enqueue(
            session,
            Job,
            flow="server.drop_image",
            subject=f"image/{work.data['image_id']}",
            request_id=work.request_id,
            data={"image_id": work.data["image_id"]},
        )


def drop_shelved(tools: Tools, work: Work) -> None:
    images.remove(tools, work.data["image_id"])


def broken(session: Session, tools: Tools, work: Work) -> None:
    if not work.cancelled:
        session.get_one(Server, work.subject).fault = faults.new_fault(500, work.error or "It failed.")


shelve_server = Flow("server.shelve", Remote(off, undo=on_again), Remote(upload, undo=unupload), Local(shelved))
offload_server = Flow("server.offload", Remote(leave), Local(offloaded))
unshelve_server = Flow(
    "server.unshelve",
    Local(place, undo=unplace),
    Remote(bring, undo=unbring),
    Local(volumes.note_plugs),
    Remote(prepare, undo=unprepare),
    Remote(boot),
    Remote(complete),
    Local(unshelved),
    failed=broken,
)
drop_image_after = Flow("server.drop_image", Remote(drop_shelved))
