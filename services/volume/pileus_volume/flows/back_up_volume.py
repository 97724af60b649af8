"""Copy the present content of a volume, or that of a snapshot, to the object store."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.clients.assisted_snapshots import remove_snapshot, take_snapshot
from pileus_volume.clients.objectstore import delete_objects, grant_location
from pileus_volume.core import messages
from pileus_volume.core.job_data import BackUpVolumeData
from pileus_volume.core.states import move, move_backup, move_snapshot
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Backup, Snapshot, Volume


def take_temporary_snapshot(tools: Tools, work: Work) -> None:
    """A volume may be written to meanwhile, so a snapshot of it, named like the backup, is copied."""
    data = work.data_as(BackUpVolumeData)
    if not data.snapshot_id:
        take_snapshot(tools.peers, tools.agent_of(data.host), data.volume_id, work.subject)


def remove_temporary_snapshot(tools: Tools, work: Work) -> None:
    data = work.data_as(BackUpVolumeData)
    if not data.snapshot_id:
        remove_snapshot(tools.peers, tools.agent_of(data.host), data.volume_id, work.subject)


def store(tools: Tools, work: Work) -> dict[str, object]:
    data = work.data_as(BackUpVolumeData)
    result = tools.agent_of(data.host).back_up(
        data.volume_id,
        data.stored_name or data.snapshot_id or work.subject,
        grant_location(tools.peers, tools.config, data.address, write=True),
        data.parent.manifest if data.parent else None,
    )
    return {"digest": result.digest, "objects": result.objects}


def delete_stored(tools: Tools, work: Work) -> None:
    delete_objects(tools.peers, work.data_as(BackUpVolumeData).address, opened=True)


def finish(session: Session, tools: Tools, work: Work) -> None:
    data = work.data_as(BackUpVolumeData)
    backup = session.get_one(Backup, work.subject)
    location = backup.location | {"digest": data.digest}
    move_backup(session, backup, "created", object_count=data.objects, location=location)
    _end_backing_up(session, data)


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Delete the row if the backup was deleted meanwhile; else set it to error and leave a message."""
    _end_backing_up(session, work.data_as(BackUpVolumeData))
    backup = session.get_one(Backup, work.subject)
    if work.cancelled or backup.status == "deleting":
        session.delete(backup)
        return
    if backup.status == "creating":  # else an administrator has set another status
        move_backup(session, backup, "fail_creation", fail_reason=(work.error or "")[:255])
    messages.create(session, backup, "create backup", work.error or "")


def _end_backing_up(session: Session, data: BackUpVolumeData) -> None:
    """Return the volume, or its snapshot, to the status that it had."""
    if data.snapshot_id:
        snapshot = session.get(Snapshot, data.snapshot_id)
        if snapshot is not None and snapshot.status == "backing-up":
            move_snapshot(session, snapshot, "backed_up")
        return
    volume = session.get(Volume, data.volume_id)
    if volume is not None and volume.status == "backing-up":
        move(session, volume, "backed_up")


back_up_volume = Flow(
    "backup.create",
    Remote(take_temporary_snapshot, undo=remove_temporary_snapshot),
    Remote(store, undo=delete_stored),
    Remote(remove_temporary_snapshot),
    Local(finish),
    failed=failed,
)
