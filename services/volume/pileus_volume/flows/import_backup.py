"""Take in a backup that another record, of this cloud or another, has told about: if its objects are there."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages
from pileus_volume.core.states import move_backup
from pileus_volume.db.models import Backup
from pileus_volume.errors import BackupRefused
from pileus_volume.flows.object_store import holds
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import MANIFEST


def look(tools: Tools, work: Work) -> None:
    where = work.data["where"]
    if not holds(tools, where, MANIFEST):
        raise BackupRefused(why=f"container {where['container']} has no {where['prefix']}{MANIFEST}")


def finish(session: Session, tools: Tools, work: Work) -> None:
    move_backup(session, session.get_one(Backup, work.subject), "created")


def failed(session: Session, tools: Tools, work: Work) -> None:
    backup = session.get_one(Backup, work.subject)
    if work.cancelled or backup.status == "deleting":
        session.delete(backup)
        return
    if backup.status == "creating":
        move_backup(session, backup, "fail_creation", fail_reason=(work.error or "")[:255])
    messages.tell(session, backup, "back up", work.error or "")


import_backup = Flow("backup.import", Remote(look), Local(finish), failed=failed)
