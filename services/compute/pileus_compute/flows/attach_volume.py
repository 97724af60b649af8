"""Attach, detach and extend volumes of a server that exists. Each attachment is a subject of its own."""

from sqlalchemy.orm import Session

from pileus_compute.clients import volume
from pileus_compute.core import guests, server_volumes
from pileus_compute.core.job_data import Added, AttachVolumeData, ExtendVolumeData, as_json
from pileus_compute.core.server_jobs import server_id_of
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server, ServerVolume
from pileus_compute.steps import guests as guest_steps
from pileus_compute.steps import volumes
from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_kit.rpc import Refused

NOT_EXTENDABLE = ("GuestUnsupported", "GuestAbsent", "GuestNotRunning")


def connect(tools: Tools, work: Work) -> Added:
    """Attach the volume to the server, and connect it to the server's host, if it is on one."""
    with tools.sessions.read() as session:
        server = session.get_one(Server, server_id_of(work.subject))
        row = session.get_one(ServerVolume, work.data_as(AttachVolumeData).row)
        volume_id, project_id, host = str(row.volume_id), server.project_id, server.host
    connected = volumes.attach(tools, project_id, server.id, host or "", volume_id, row.device)
    return {"connected": as_json(connected), "volume_id": volume_id, "project_id": project_id, "host": host}


def disconnect(tools: Tools, work: Work) -> None:
    """Undo of `connect`, whose answer may have been lost."""
    with tools.sessions.read() as session:
        row = session.get(ServerVolume, work.data_as(AttachVolumeData).row)
        server = session.get(Server, server_id_of(work.subject))
    if row and server:
        volumes.detach(tools, server.project_id, server.id, only=str(row.volume_id))


def record_connection(session: Session, tools: Tools, work: Work) -> None:
    data = work.data_as(AttachVolumeData)
    if data.connected is not None:
        server_volumes.set_connections(session, server_id_of(work.subject), {data.row: data.connected})


def plug(tools: Tools, work: Work) -> Added:
    """Give the volume to the guest. A server that is on no host (shelved) gets it when it is built again."""
    data = work.data_as(AttachVolumeData)
    with tools.sessions.read() as session:
        attached = guests.volume_of(session.get_one(ServerVolume, data.row))
    if data.host is None:
        return {}
    result = tools.agent(data.host).attach_volume(server_id_of(work.subject), attached)
    return {"device": result.device, "address": result.address}


def unplug(tools: Tools, work: Work) -> None:
    """Take the volume from the guest."""
    data = work.data_as(AttachVolumeData)
    if data.host:
        tools.agent(data.host).detach_volume(server_id_of(work.subject), data.volume_id)


def unplug_again(tools: Tools, work: Work) -> None:
    """Undo of `plug`."""
    with guest_steps.unless_gone(tools, server_id_of(work.subject)):
        unplug(tools, work)


def complete(tools: Tools, work: Work) -> None:
    """The volume shows as in use, as clients expect, also if the server is on no host yet: it is connected when the
    server is built."""
    data = work.data_as(AttachVolumeData)
    if data.connected is not None:
        volume.complete_attachment(tools.peers, data.project_id, data.connected.attachment_id)


def record_device(session: Session, tools: Tools, work: Work) -> None:
    data = work.data_as(AttachVolumeData)
    row = session.get_one(ServerVolume, data.row)
    row.device = data.device or row.device
    server_volumes.add_device_address(session, row.server_id, str(row.volume_id), data.address)


def forget_volume(session: Session, tools: Tools, work: Work) -> None:
    server_volumes.forget(session, work.data_as(AttachVolumeData).row)


def load_volume(session: Session, tools: Tools, work: Work) -> Added:
    server = session.get_one(Server, server_id_of(work.subject))
    row = session.get_one(ServerVolume, work.data_as(AttachVolumeData).row)
    return {"host": server.host, "project_id": server.project_id, "volume_id": row.volume_id}


def delete_attachment(tools: Tools, work: Work) -> None:
    data = work.data_as(AttachVolumeData)
    volumes.detach(tools, data.project_id, server_id_of(work.subject), only=data.volume_id)


def extend_guest_volume(tools: Tools, work: Work) -> None:
    """Let the guest see that an attached volume was extended. A transport that can't is no failure of the volume."""
    volume_id = work.data_as(ExtendVolumeData).volume_id
    with tools.sessions.read() as session:
        server = session.get_one(Server, server_id_of(work.subject))
        host, project_id = server.host, server.project_id
    size_gib = volume.show_volume(tools.peers, project_id, volume_id).size_gib
    if host:
        try:
            tools.agent(host).extend_volume(server.id, volume_id, size_gib << 30)
        except Refused as err:
            if err.kind not in NOT_EXTENDABLE:
                raise


attach_volume = Flow(
    "server.attach_volume",
    Remote(connect, undo=disconnect),
    Local(record_connection),
    Remote(plug, undo=unplug_again),
    Remote(complete),
    Local(record_device),
    failed=forget_volume,
)

detach_volume = Flow(
    "server.detach_volume",
    Local(load_volume),
    Remote(unplug),
    Remote(delete_attachment),
    Local(forget_volume),
)

extend_volume = Flow("server.extend_volume", Remote(extend_guest_volume))
