"""Write a backup to a new volume, which can be undone, or over an existing one, which can't but may be repeated."""

from dataclasses import asdict

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.clients.objectstore import grant_location
from pileus_volume.core import messages
from pileus_volume.core.job_data import CreateVolumeData, RestoreBackupData
from pileus_volume.core.states import move, move_backup
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Backup, Volume
from pileus_volume.flows.create_volume import delete_disk, disk_and_agent
from pileus_volume.flows.create_volume import failed as fail_creation
from pileus_volume.flows.create_volume import finish as finish_creation
from pileus_volume.rpc import Disk


def fill_new_disk(tools: Tools, work: Work) -> None:
    disk, agent = disk_and_agent(tools, work)
    address = work.data_as(CreateVolumeData).backup
    assert address is not None
    agent.restore(disk, grant_location(tools.peers, tools.config, address), address.manifest)


def finish_new(session: Session, tools: Tools, work: Work) -> None:
    finish_creation(session, tools, work)
    _end_restoring(session, work.data_as(CreateVolumeData).backup_id)


def failed_new(session: Session, tools: Tools, work: Work) -> None:
    fail_creation(session, tools, work)
    _end_restoring(session, work.data_as(CreateVolumeData).backup_id)


def fill_disk(tools: Tools, work: Work) -> None:
    data = work.data_as(RestoreBackupData)
    location = grant_location(tools.peers, tools.config, data.address)
    tools.agent_of(data.host).restore(Disk(work.subject, data.size), location, data.address.manifest)


def finish(session: Session, tools: Tools, work: Work) -> None:
    data = work.data_as(RestoreBackupData)
    move(session, work.subject, "restored", **asdict(data.facts))
    _end_restoring(session, data.backup_id)


def failed(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, work.subject)
    if volume is not None and volume.status == "restoring-backup":
        move(session, volume, "fail_restoration")
        messages.create(session, volume, "restore backup", work.error or "")
    _end_restoring(session, work.data_as(RestoreBackupData).backup_id)


def _end_restoring(session: Session, backup_id: str | None) -> None:
    """Let the backup be available again."""
    backup = session.get(Backup, backup_id)
    if backup is not None and backup.status == "restoring":
        move_backup(session, backup, "restored")


create_volume_from_backup = Flow(
    "volume.create_from_backup", Remote(fill_new_disk, undo=delete_disk), Local(finish_new), failed=failed_new
)
restore_volume = Flow("volume.restore", Remote(fill_disk), Local(finish), failed=failed)
