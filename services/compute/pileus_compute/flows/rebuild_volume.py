"""Rebuild a server that boots from a volume (2.93): the volume gets an image's content, in its place.

The volume service replaces the content of a volume that is reserved and connected to no host. So the server gets a
second attachment, which only reserves, the first one goes, and the second is connected when the content has come. From
`swap_attachments` on there is no way back: a server whose volume got no image is in ERROR and off, and may be rebuilt
again.
"""

from sqlalchemy.orm import Session

from pileus_compute.clients import volume
from pileus_compute.clients.volume import Attachment
from pileus_compute.core import faults, server_volumes, states
from pileus_compute.core.job_data import Added, RebuildServerData
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server, ServerVolume
from pileus_compute.errors import VolumeFailed
from pileus_compute.flows.rebuild_server import (
    boot,
    change_server,
    change_server_back,
    finish,
    keep_disks,
    mark_rebuild_failed,
    power_off,
    power_off_again,
    prepare,
    restore_disks,
)
from pileus_compute.steps.guests import boot_if_it_ran
from pileus_compute.steps.volumes import project_of
from pileus_kit.flow import Again, Flow, Local, Remote, Work

PATIENCE_S = 3600.0  # a large image takes its time
RESERVED, DOWNLOADING = "reserved", "downloading"


def boot_unless_swapped(tools: Tools, work: Work) -> None:
    """Undo of the power off."""
    if not work.data_as(RebuildServerData).swapped:
        boot_if_it_ran(tools, work)


def hold_volume(tools: Tools, work: Work) -> Added:
    """Reserve the volume for the server a second time, so that nothing else can have it meanwhile."""
    project_id, volume_id = project_of(tools, work.subject), work.data_as(RebuildServerData).volume_id
    held = next((a for a in _attachments(tools, work) if a.status == RESERVED), None)
    return {"held": (held or volume.create_attachment(tools.peers, project_id, work.subject, volume_id)).id}


def release_held_volume(tools: Tools, work: Work) -> None:
    """Undo of `hold_volume`: delete what only reserves, if there is an attachment beside it."""
    attachments = [] if work.data_as(RebuildServerData).swapped else _attachments(tools, work)
    if any(a.status != RESERVED for a in attachments):
        project_id = project_of(tools, work.subject)
        for attachment in attachments:
            if attachment.status == RESERVED:
                volume.delete_attachment(tools.peers, project_id, attachment.id)


def swap_attachments(session: Session, tools: Tools, work: Work) -> Added:
    row = _row(session, work)
    row.attachment_id, row.connection_info = work.data_as(RebuildServerData).held, None
    return {"swapped": True}


def delete_old_attachment(tools: Tools, work: Work) -> None:
    project_id, held = project_of(tools, work.subject), work.data_as(RebuildServerData).held
    for attachment in _attachments(tools, work):
        if attachment.id != held:
            volume.delete_attachment(tools.peers, project_id, attachment.id)


def reimage(tools: Tools, work: Work) -> None:
    """Begin to replace the volume's content, unless that is under way: the answer may have been lost."""
    project_id, data = project_of(tools, work.subject), work.data_as(RebuildServerData)
    if volume.show_volume(tools.peers, project_id, data.volume_id).status in ("available", RESERVED, "error"):
        volume.reimage_volume(tools.peers, project_id, data.volume_id, data.image_id)


def await_content(tools: Tools, work: Work) -> None:
    volume_id = work.data_as(RebuildServerData).volume_id
    status = volume.show_volume(tools.peers, project_of(tools, work.subject), volume_id).status
    if status == DOWNLOADING:
        raise Again(after=0.5, why=f"volume {volume_id} is {status}")
    if status not in ("available", RESERVED):
        raise VolumeFailed(volume=volume_id, status=status)


def connect_volume(tools: Tools, work: Work) -> Added:
    with tools.sessions.read() as session:
        host, device = str(session.get_one(Server, work.subject).host), _row(session, work).device
    project_id, held = project_of(tools, work.subject), work.data_as(RebuildServerData).held
    return {"connection_info": volume.connect_attachment(tools.peers, project_id, held, host, device)}


def record_connection(session: Session, tools: Tools, work: Work) -> None:
    _row(session, work).connection_info = work.data["connection_info"]


def complete_attachment(tools: Tools, work: Work) -> None:
    held = work.data_as(RebuildServerData).held
    volume.complete_attachment(tools.peers, project_of(tools, work.subject), held)


def mark_failed(session: Session, tools: Tools, work: Work) -> None:
    if not work.data_as(RebuildServerData).swapped:
        mark_rebuild_failed(session, tools, work)
        return
    session.get_one(Server, work.subject).admin_password = None
    session.flush()
    fault = faults.new_fault(500, work.error or "Rebuilding failed.")
    states.move(session, work.subject, "failed", power_state=states.SHUTDOWN, fault=fault)


def _attachments(tools: Tools, work: Work) -> list[Attachment]:
    """Those of the volume to this server."""
    volume_id = work.data_as(RebuildServerData).volume_id
    listed = volume.list_attachments(tools.peers, project_of(tools, work.subject), work.subject)
    return [attachment for attachment in listed if attachment.volume_id == volume_id]


def _row(session: Session, work: Work) -> ServerVolume:
    volume_id = work.data_as(RebuildServerData).volume_id
    return next(row for row in server_volumes.list_volumes(session, work.subject) if row.volume_id == volume_id)


rebuild_volume = Flow(
    "server.rebuild_volume",
    Remote(power_off, undo=boot_unless_swapped),
    Remote(keep_disks, undo=restore_disks),
    Local(change_server, undo=change_server_back),
    Remote(hold_volume, undo=release_held_volume),
    Local(swap_attachments),
    Remote(delete_old_attachment),
    Remote(reimage),
    Remote(await_content, patience_s=PATIENCE_S),
    Remote(connect_volume),
    Local(record_connection),
    Remote(prepare),
    Remote(boot),
    Remote(complete_attachment),
    Remote(power_off_again),
    Local(finish),
    failed=mark_failed,
)
