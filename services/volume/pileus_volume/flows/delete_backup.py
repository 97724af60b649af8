"""Delete a backup with its objects. A backup that can't be deleted is in error_deleting and may be deleted again."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.clients import objectstore
from pileus_volume.core import messages
from pileus_volume.core.job_data import DeleteBackupData
from pileus_volume.core.states import move_backup
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Backup


def delete_objects(tools: Tools, work: Work) -> None:
    data = work.data_as(DeleteBackupData)
    objectstore.delete_objects(tools.peers, data.address, opened=data.opened)


def delete_row(session: Session, tools: Tools, work: Work) -> None:
    session.execute(delete(Backup).where(Backup.id == work.subject))


def failed(session: Session, tools: Tools, work: Work) -> None:
    backup = session.get(Backup, work.subject)
    if backup is not None and backup.status == "deleting":
        move_backup(session, backup, "fail_deletion", fail_reason=(work.error or "")[:255])
        messages.create(session, backup, "delete backup", work.error or "")


delete_backup = Flow("backup.delete", Remote(delete_objects), Local(delete_row), failed=failed, ends=True)
