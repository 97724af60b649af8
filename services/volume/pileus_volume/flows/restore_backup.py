"""Write a backup to a new volume, which can be undone, or over another, which can't and may be tried again."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import hosts, messages
from pileus_volume.core.states import move, move_backup
from pileus_volume.db.models import Backup, Volume
from pileus_volume.flows import creations
from pileus_volume.flows.creations import place_of, unmake
from pileus_volume.flows.object_store import shelf
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import Disk, Manifest


def _fetch(tools: Tools, work: Work, disk: Disk) -> None:
    where = work.data["where"]
    tools.agent(hosts.name_of(work.data["host"])).restore(
        disk, shelf(tools, where), Manifest(where["prefix"], where["digest"])
    )


def fill(tools: Tools, work: Work) -> None:
    disk, _ = place_of(tools, work)
    _fetch(tools, work, disk)


def created(session: Session, tools: Tools, work: Work) -> None:
    creations.finish(session, tools, work)
    _give_back(session, work)


def not_created(session: Session, tools: Tools, work: Work) -> None:
    creations.failed(session, tools, work)
    _give_back(session, work)


def refill(tools: Tools, work: Work) -> None:
    _fetch(tools, work, Disk(work.subject, work.data["size"]))


def finish(session: Session, tools: Tools, work: Work) -> None:
    move(session, work.subject, "restored", **work.data["known"])
    _give_back(session, work)


def failed(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, work.subject)
    if volume is not None and volume.status == "restoring-backup":
        move(session, volume, "fail_restoration")
        messages.tell(session, volume, "restore", work.error or "")
    _give_back(session, work)


def _give_back(session: Session, work: Work) -> None:
    backup = session.get(Backup, work.data["backup_id"])
    if backup is not None and backup.status == "restoring":
        move_backup(session, backup, "restored")


create_volume_from_backup = Flow(
    "volume.create_from_backup", Remote(fill, undo=unmake), Local(created), failed=not_created
)
restore_volume = Flow("volume.restore", Remote(refill), Local(finish), failed=failed)
