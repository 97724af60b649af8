"""Backup records: a backup's row as text, which an administrator exports here and imports into another cloud.

The text is base64 of JSON: the fields of `BackupRecord`. The backup's objects stay where they are.
"""

import base64
import binascii
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from pileus_kit import decoding
from pileus_kit.auth import Caller
from pileus_kit.flow import enqueue
from pileus_volume.core import quotas
from pileus_volume.core.backup_addresses import VolumeFacts, address_of
from pileus_volume.core.job_data import ImportBackupData, as_json
from pileus_volume.db.models import Backup, Job
from pileus_volume.errors import InvalidBackup

SERVICE = "cinder.backup.drivers.pileus"  # clients refuse names that don't begin with cinder.backup.drivers
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
Text = Annotated[str, Meta(max_length=255)]
Id = Annotated[str, Meta(pattern=rf"^{UUID}\Z")]


@dataclass(frozen=True)
class BackupRecord:
    """What another database has to know to restore the backup."""

    id: Id
    volume_id: Id
    size: Annotated[int, Meta(ge=1, le=2147483647)]
    container: Annotated[str, Meta(pattern=r"^[^/]{1,255}\Z")]
    account: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
    prefix: Annotated[str, Meta(pattern=rf"^volume_{UUID}/backup_{UUID}/\Z")]
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    object_count: Annotated[int, Meta(ge=1, le=2147483647)]
    data_timestamp: datetime
    bootable: bool = False
    image_meta: dict[Text, object] | None = None
    meta: dict[Text, Text] = field(default_factory=dict)
    metadata: dict[Text, Text] = field(default_factory=dict)
    name: Text | None = None
    description: Text | None = None
    snapshot_id: Id | None = None
    parent_id: Id | None = None
    availability_zone: Text | None = None


def export_record(backup: Backup) -> dict[str, str]:
    """`backup_service` and `backup_url` of a complete backup. Raises InvalidBackup for any other."""
    if backup.status != "available":
        raise InvalidBackup(why=f"Backup status must be available and not {backup.status}.")
    columns = (
        "id",
        "volume_id",
        "size",
        "container",
        "object_count",
        "data_timestamp",
        "name",
        "description",
        "snapshot_id",
        "parent_id",
        "availability_zone",
    )
    facts = {name: getattr(backup, name) for name in columns}
    facts |= backup.location | backup.volume_facts | {"metadata": backup.meta}
    record = decoding.convert(facts, BackupRecord)
    return {"backup_service": SERVICE, "backup_url": base64.b64encode(msgspec.json.encode(record)).decode()}


def parse_record(service: str, text: str) -> BackupRecord:
    """The record in a text that `export_record` made. Raises InvalidBackup for any other text."""
    if service != SERVICE:
        raise InvalidBackup(why=f"backup_service must be {SERVICE}: what another service stored can't be read here.")
    try:
        return decoding.decode(base64.b64decode(text, validate=True), BackupRecord)
    except (binascii.Error, ValueError, RecursionError, msgspec.MsgspecError) as err:
        raise InvalidBackup(why=f"backup_url can't be decoded: {err}"[:300]) from None


def import_record(session: Session, caller: Caller, record: BackupRecord) -> tuple[Backup, Job]:
    """Write a row that belongs to the caller, and the job that checks whether its objects exist."""
    if session.get(Backup, record.id) is not None:
        raise InvalidBackup(why="Backup already exists in database.")
    quotas.check_backup(session, str(caller.project_id), record.size)
    parent = session.get(Backup, record.parent_id) if record.parent_id else None
    backup = Backup(
        id=record.id,
        project_id=str(caller.project_id),
        user_id=caller.user_id,
        name=record.name,
        description=record.description,
        volume_id=record.volume_id,
        snapshot_id=record.snapshot_id,
        size=record.size,
        parent_id=parent.id if parent else None,
        container=record.container,
        object_count=record.object_count,
        location={"account": record.account, "prefix": record.prefix, "digest": record.digest},
        availability_zone=record.availability_zone,
        data_timestamp=record.data_timestamp,
        meta=record.metadata,
        volume_facts=asdict(VolumeFacts(record.bootable, record.image_meta, record.meta)),
    )
    session.add(backup)
    session.flush()
    set_committed_value(backup, "has_increments", False)
    data = as_json(ImportBackupData(address_of(backup)))
    return backup, enqueue(session, Job, flow="backup.import", subject=backup.id, caller=caller, data=data)
