"""A server's volumes: created and attached in the volume service, and let go again."""

from sqlalchemy.orm import Session

from pileus_compute.clients import volume
from pileus_compute.clients.volume import NewVolume
from pileus_compute.core import server_volumes
from pileus_compute.core.job_data import Added, ConnectionsData, CreateServerData, as_json
from pileus_compute.core.server_jobs import server_id_of
from pileus_compute.core.server_volumes import ConnectedVolume
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server, ServerVolume
from pileus_compute.errors import VolumeFailed
from pileus_kit.flow import Again, Work

USABLE = ("available", "reserved", "attaching", "in-use")


def project_of(tools: Tools, server_id: str) -> str:
    with tools.sessions.read() as session:
        return session.get_one(Server, server_id).project_id


# -- volumes that are made for a server ----------------------------------------------------------------------------


def create_volumes(tools: Tools, work: Work) -> Added:
    """Create the volumes that are to be made for the server. A repeated step finds those that it has made before."""
    project_id = str(work.project_id)
    with tools.sessions.read() as session:
        wanted = [v for v in server_volumes.list_volumes(session, work.subject) if _is_ours(v) and not v.volume_id]
    created = _find_created(tools, project_id, wanted)
    for row in wanted:
        if row.id not in created:
            created[row.id] = volume.create_volume(tools.peers, project_id, _new_volume(row)).id
    return {"created": created}


def delete_volumes(tools: Tools, work: Work) -> None:
    """Undo of `create_volumes`."""
    created = work.data_as(CreateServerData).created
    if not created:  # the answer may have been lost
        with tools.sessions.read() as session:
            wanted = [row for row in server_volumes.list_volumes(session, work.subject) if _is_ours(row)]
        created = _find_created(tools, str(work.project_id), wanted)
    for volume_id in created.values():
        delete_volume(tools, str(work.project_id), volume_id)


def delete_volume(tools: Tools, project_id: str, volume_id: str) -> None:
    """Delete a volume, and wait while it is in use."""
    if not volume.ensure_volume_deleted(tools.peers, project_id, volume_id):
        raise Again(why=f"volume {volume_id} can't be deleted yet")


def record_volumes(session: Session, tools: Tools, work: Work) -> None:
    server_volumes.set_volume_ids(session, work.subject, work.data_as(CreateServerData).created)


def forget_volumes(session: Session, tools: Tools, work: Work) -> None:
    server_volumes.clear_volume_ids(session, work.subject)


def await_volumes(tools: Tools, work: Work) -> None:
    """Wait until the volumes that were made are usable. Raises VolumeFailed."""
    for volume_id in work.data_as(CreateServerData).created.values():
        status = volume.show_volume(tools.peers, str(work.project_id), volume_id).status
        if status.startswith("error"):
            raise VolumeFailed(volume=volume_id, status=status)
        if status not in USABLE:
            raise Again(after=0.5, why=f"volume {volume_id} is {status}")


def _is_ours(row: ServerVolume) -> bool:
    """Whether the volume is made for the server, and wasn't there before."""
    return row.source != "volume"


def _new_volume(row: ServerVolume) -> NewVolume:
    return NewVolume(
        size_gib=row.size_gib,
        metadata={volume.SERVER_VOLUME: row.id},
        image_id=row.source_id if row.source == "image" else None,
        snapshot_id=row.source_id if row.source == "snapshot" else None,
        volume_type=row.volume_type,
    )


def _find_created(tools: Tools, project_id: str, wanted: list[ServerVolume]) -> dict[str, str]:
    """Row -> the volume that was made for it before."""
    found = ((row.id, volume.find_volume_for(tools.peers, project_id, row.id)) for row in wanted)
    return {row_id: created.id for row_id, created in found if created}


# -- attachments ---------------------------------------------------------------------------------------------------


def connect_volumes(tools: Tools, server_id: str, project_id: str, host: str) -> Added:
    """Attach all volumes of the server, and connect them to the host, and to no other one."""
    with tools.sessions.read() as session:
        rows = server_volumes.list_volumes(session, server_id)
    connected = {row.id: attach(tools, project_id, server_id, host, str(row.volume_id), row.device) for row in rows}
    return {"connected": as_json(connected)}


def record_connections(session: Session, tools: Tools, work: Work) -> None:
    server_volumes.set_connections(session, server_id_of(work.subject), work.data_as(ConnectionsData).connected)


def complete_attachments(tools: Tools, work: Work, project_id: str) -> None:
    for connected in work.data_as(ConnectionsData).connected.values():
        volume.complete_attachment(tools.peers, project_id, connected.attachment_id)


def attach(
    tools: Tools, project_id: str, server_id: str, host: str, volume_id: str, device: str | None
) -> ConnectedVolume:
    """Attach the volume to the server unless it is attached, and connect it to the host, if there is one."""
    attachment_id = reserve(tools, project_id, server_id, volume_id)
    if not host:
        return ConnectedVolume(attachment_id)
    connection_info = volume.connect_attachment(tools.peers, project_id, attachment_id, host, device)
    return ConnectedVolume(attachment_id, connection_info)


def reserve(tools: Tools, project_id: str, server_id: str, volume_id: str) -> str:
    """The id of the volume's attachment to the server, which is made unless it is there."""
    attachments = volume.list_attachments(tools.peers, project_id, server_id)
    existing = next((a for a in attachments if a.volume_id == volume_id), None)
    return (existing or volume.create_attachment(tools.peers, project_id, server_id, volume_id)).id


def detach(tools: Tools, project_id: str, server_id: str, only: str | None = None) -> None:
    """End the server's attachments, or that of one volume."""
    for attachment in volume.list_attachments(tools.peers, project_id, server_id):
        if only is None or attachment.volume_id == only:
            volume.delete_attachment(tools.peers, project_id, attachment.id)
