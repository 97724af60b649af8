"""Import a backup from a record of this cloud or of another one, if its objects exist."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.clients.objectstore import has_object
from pileus_volume.core import messages
from pileus_volume.core.job_data import ImportBackupData
from pileus_volume.core.states import move_backup
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Backup
from pileus_volume.errors import BackupRefused
from pileus_volume.rpc import MANIFEST


def check_manifest(tools: Tools, work: Work) -> None:
    address = work.data_as(ImportBackupData).address
    if not has_object(tools.peers, address, MANIFEST):
        raise BackupRefused(why=f"container {address.container} has no {address.prefix}{MANIFEST}")


def finish(session: Session, tools: Tools, work: Work) -> None:
    move_backup(session, session.get_one(Backup, work.subject), "created")


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Delete the row if the backup was deleted meanwhile; else set it to error and leave a message."""
    backup = session.get_one(Backup, work.subject)
    if work.cancelled or backup.status == "deleting":
        session.delete(backup)
        return
    if backup.status == "creating":
        move_backup(session, backup, "fail_creation", fail_reason=(work.error or "")[:255])
    messages.create(session, backup, "create backup", work.error or "")


import_backup = Flow("backup.import", Remote(check_manifest), Local(finish), failed=failed)
