"""Copy a volume's content of one moment, or a snapshot's, to the object store."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import hosts, messages
from pileus_volume.core.states import move, move_backup, move_snapshot
from pileus_volume.db.models import Backup, Snapshot, Volume
from pileus_volume.flows.freezing import freeze, melt
from pileus_volume.flows.object_store import shelf, wipe
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import Manifest, StorageAgent


def _agent(tools: Tools, work: Work) -> StorageAgent:
    return tools.agent(hosts.name_of(work.data["host"]))


def hold(tools: Tools, work: Work) -> None:
    """Whoever writes meanwhile; a snapshot is held already."""
    if not work.data["snapshot_id"]:
        freeze(tools, _agent(tools, work), work.data["volume_id"], work.subject)


def release(tools: Tools, work: Work) -> None:
    if not work.data["snapshot_id"]:
        melt(tools, _agent(tools, work), work.data["volume_id"], work.subject)


def store(tools: Tools, work: Work) -> dict[str, object]:
    parent = work.data["parent"]
    stored = _agent(tools, work).back_up(
        work.data["volume_id"],
        work.data["snapshot_id"] or work.subject,
        shelf(tools, work.data["where"], write=True),
        Manifest(parent["prefix"], parent["digest"]) if parent else None,
    )
    return {"digest": stored.digest, "objects": stored.objects}


def unstore(tools: Tools, work: Work) -> None:
    wipe(tools, work.data["where"], opened=True)


def finish(session: Session, tools: Tools, work: Work) -> None:
    backup = session.get_one(Backup, work.subject)
    move_backup(
        session,
        backup,
        "created",
        object_count=work.data["objects"],
        place=backup.place | {"digest": work.data["digest"]},
    )
    _let_go(session, work)


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Deleted meanwhile: gone. Else the record stays, in error, and says why."""
    _let_go(session, work)
    backup = session.get_one(Backup, work.subject)
    if work.cancelled or backup.status == "deleting":
        session.delete(backup)
        return
    if backup.status == "creating":  # else an administrator has decided otherwise
        move_backup(session, backup, "fail_creation", fail_reason=(work.error or "")[:255])
    messages.tell(session, backup, "back up", work.error or "")


def _let_go(session: Session, work: Work) -> None:
    if work.data["snapshot_id"]:
        snapshot = session.get(Snapshot, work.data["snapshot_id"])
        if snapshot is not None and snapshot.status == "backing-up":
            move_snapshot(session, snapshot, "backed_up")
        return
    volume = session.get(Volume, work.data["volume_id"])
    if volume is not None and volume.status == "backing-up":
        move(session, volume, "backed_up")


back_up_volume = Flow(
    "backup.create",
    Remote(hold, undo=release),
    Remote(store, undo=unstore),
    Remote(release),
    Local(finish),
    failed=failed,
)
