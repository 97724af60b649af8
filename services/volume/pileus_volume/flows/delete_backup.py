"""Delete a backup with its objects. What fails is in error_deleting and may be deleted again."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages
from pileus_volume.core.states import move_backup
from pileus_volume.db.models import Backup
from pileus_volume.flows.object_store import wipe
from pileus_volume.flows.tools import Tools


def erase(tools: Tools, work: Work) -> None:
    wipe(tools, work.data["where"], opened=work.data.get("opened", False))


def forget(session: Session, tools: Tools, work: Work) -> None:
    session.execute(delete(Backup).where(Backup.id == work.subject))


def failed(session: Session, tools: Tools, work: Work) -> None:
    backup = session.get(Backup, work.subject)
    if backup is not None and backup.status == "deleting":
        move_backup(session, backup, "fail_deletion", fail_reason=(work.error or "")[:255])
        messages.tell(session, backup, "unback", work.error or "")


delete_backup = Flow("backup.delete", Remote(erase), Local(forget), failed=failed, ends=True)
