"""Attach and detach volumes of a server that exists. Each attachment is a subject of its own."""

from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.core import guests
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server, ServerVolume
from pileus_compute.flows import volumes
from pileus_compute.flows.ports import server_id_of
from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_kit.rpc import Refused


def row_of(session: Session, work: Work) -> ServerVolume:
    return session.get_one(ServerVolume, work.data["row"])


def reserve(tools: Tools, work: Work) -> dict[str, Any]:
    """The volume is ours from here on; connected to the host, if the server is on one."""
    with tools.sessions.read() as session:
        server = session.get_one(Server, server_id_of(work))
        row = row_of(session, work)
        volume_id, project_id, host = str(row.volume_id), server.project_id, server.host
    return volumes.attach(tools, project_id, server.id, host or "", volume_id, row.device) | {
        "volume_id": volume_id,
        "project_id": project_id,
        "host": host,
    }


def unreserve(tools: Tools, work: Work) -> None:
    with tools.sessions.read() as session:
        row = session.get(ServerVolume, work.data["row"])
        server = session.get(Server, server_id_of(work))
    if row and server:
        volumes.detach(tools, server.project_id, server.id, only=str(row.volume_id))


def note_plug(session: Session, tools: Tools, work: Work) -> None:
    row = row_of(session, work)
    row.attachment_id, row.connection_info = work.data["attachment_id"], work.data["connection"]


def plug(tools: Tools, work: Work) -> dict[str, Any]:
    """Into the guest. A server that is on no host (shelved) gets it when it is built again."""
    with tools.sessions.read() as session:
        volume = guests.volume_of(row_of(session, work))
    if work.data["host"] is None:
        return {}
    attached = tools.agent(work.data["host"]).attach_volume(server_id_of(work), volume)
    return {"device": attached.device, "address": attached.address}


def unplug(tools: Tools, work: Work) -> None:
    if work.data.get("host"):
        tools.agent(work.data["host"]).detach_volume(server_id_of(work), work.data["volume_id"])


def complete(tools: Tools, work: Work) -> None:
    """In use, as clients expect, also by a server that is on no host yet: it is connected when the server is built."""
    volumes.complete(tools, work.data["project_id"], work.data["attachment_id"])


def attached(session: Session, tools: Tools, work: Work) -> None:
    row = row_of(session, work)
    row.device = work.data.get("device") or row.device
    volumes.note_address(session, row.server_id, str(row.volume_id), work.data.get("address", ""))


def forget_row(session: Session, tools: Tools, work: Work) -> None:
    row = session.get(ServerVolume, work.data["row"])
    if row:
        session.delete(row)


def look(session: Session, tools: Tools, work: Work) -> dict[str, Any]:
    """What there is to unplug."""
    server = session.get_one(Server, server_id_of(work))
    row = row_of(session, work)
    return {"host": server.host, "project_id": server.project_id, "volume_id": row.volume_id}


def release(tools: Tools, work: Work) -> None:
    volumes.detach(tools, work.data["project_id"], server_id_of(work), only=work.data["volume_id"])


def grow(tools: Tools, work: Work) -> None:
    """A volume was extended while attached: the guest is told. A transport that can't is not an error of the volume."""
    with tools.sessions.read() as session:
        server = session.get_one(Server, server_id_of(work))
        host, project_id = server.host, server.project_id
    size = volumes.show(tools, project_id, work.data["volume_id"])["size"]
    if host:
        try:
            tools.agent(host).extend_volume(server.id, work.data["volume_id"], size << 30)
        except Refused as err:
            if err.kind not in ("GuestUnsupported", "GuestAbsent", "GuestNotRunning"):
                raise


attach_volume = Flow(
    "server.attach_volume",
    Remote(reserve, undo=unreserve),
    Local(note_plug),
    Remote(plug, undo=unplug),
    Remote(complete),
    Local(attached),
    failed=forget_row,
)

detach_volume = Flow("server.detach_volume", Local(look), Remote(unplug), Remote(release), Local(forget_row))

extend_volume = Flow("server.extend_volume", Remote(grow))
