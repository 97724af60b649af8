"""Which events change the status of a volume, a snapshot, a backup, a group or a group snapshot, from which status to
which. Every other change is refused."""

from sqlalchemy import ColumnElement, case, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from pileus_kit.db import now
from pileus_volume.db.models import Backup, Group, GroupSnapshot, Snapshot, Volume
from pileus_volume.errors import InvalidBackup, InvalidGroup, InvalidGroupSnapshot, InvalidSnapshot, InvalidVolume

PREVIOUS = "previous"  # stands for the status before the present one, which `previous_status` keeps
DELETABLE = (
    "available",
    "error",
    "error_deleting",
    "error_restoring",
    "error_extending",
    "error_managing",
    "creating",
    "downloading",
)
STATUSES = (
    "available",
    "in-use",
    "reserved",
    "attaching",
    "detaching",
    "error",
    "error_deleting",
    "error_extending",
    "error_restoring",
    "error_managing",
    "creating",
    "downloading",
    "uploading",
    "extending",
    "retyping",
    "reverting",
    "maintenance",
    "awaiting-transfer",
    "backing-up",
    "restoring-backup",
    "deleting",
)

MOVES: dict[str, dict[str, str]] = {
    "download": {"creating": "downloading"},
    "managed": {"creating": "available"},
    "fail_managing": {"creating": "error_managing"},
    "created": {"creating": "available", "downloading": "available"},
    "fail_creation": {"creating": "error", "downloading": "error"},
    "delete": dict.fromkeys(DELETABLE, "deleting"),
    "force_delete": dict.fromkeys(STATUSES, "deleting"),
    "fail_deletion": {"deleting": "error_deleting"},
    "reserve": {"available": "reserved", "in-use": "reserved", "reserved": "reserved", "attaching": "reserved"},
    "unreserve": {"reserved": "available", "attaching": "available"},
    "begin_detaching": {"in-use": "detaching"},
    "roll_detaching": {"detaching": "in-use"},
    "extend": {"available": "extending", "in-use": "extending"},
    "extended": {"extending": PREVIOUS},
    "fail_extension": {"extending": "error_extending"},
    "upload": {"available": "uploading", "in-use": "uploading"},
    "uploaded": {"uploading": PREVIOUS},
    "revert": {"available": "reverting"},
    "reverted": {"reverting": "available"},
    "fail_reversion": {"reverting": "error"},
    "reimage": {"available": "downloading", "error": "downloading"},
    "reimage_reserved": {"available": "downloading", "error": "downloading", "reserved": "downloading"},
    "migrate": {"available": "available"},
    "migrate_locked": {"available": "maintenance"},
    "migrated": {"available": "available", "maintenance": PREVIOUS},
    "retype": {"available": "retyping"},
    "retyped": {"retyping": PREVIOUS},
    "begin_transfer": {"available": "awaiting-transfer"},
    "end_transfer": {"awaiting-transfer": "available"},
    "back_up": {"available": "backing-up", "in-use": "backing-up"},
    "backed_up": {"backing-up": PREVIOUS},
    "restore": {"available": "restoring-backup", "error_restoring": "restoring-backup"},
    "restored": {"restoring-backup": "available"},
    "fail_restoration": {"restoring-backup": "error_restoring"},
}

MIGRATING = ("starting", "migrating", "completing")
"""Values of `migration_status` while a volume is copied to another backend: what is written meanwhile would be lost."""
WHILE_MIGRATING = ("migrated", "retyped", "force_delete", "fail_deletion")
"""Events that may happen to a volume that is being migrated; its status may be available then."""

SNAPSHOT_MOVES: dict[str, dict[str, str]] = {
    "created": {"creating": "available"},
    "fail_creation": {"creating": "error"},
    "delete": dict.fromkeys(("available", "error", "error_deleting", "creating"), "deleting"),
    "force_delete": dict.fromkeys(("available", "error", "error_deleting", "creating", "deleting"), "deleting"),
    "fail_deletion": {"deleting": "error_deleting"},
    "restore": {"available": "restoring"},
    "restored": {"restoring": "available"},
    "back_up": {"available": "backing-up"},
    "backed_up": {"backing-up": "available"},
}

BACKUP_MOVES: dict[str, dict[str, str]] = {
    "created": {"creating": "available"},
    "fail_creation": {"creating": "error"},
    "restore": {"available": "restoring"},
    "restored": {"restoring": "available"},
    "delete": dict.fromkeys(("available", "error"), "deleting"),
    "force_delete": dict.fromkeys(
        ("available", "error", "error_deleting", "creating", "restoring", "deleting"), "deleting"
    ),
    "fail_deletion": {"deleting": "error_deleting"},
}

GROUP_MOVES: dict[str, dict[str, str]] = {
    "created": {"creating": "available"},
    "fail_creation": {"creating": "error"},
    "delete": dict.fromkeys(("available", "error"), "deleting"),
    "delete_with_volumes": dict.fromkeys(("available", "error", "error_deleting", "creating", "updating"), "deleting"),
    "fail_deletion": {"deleting": "error_deleting"},
}

GROUP_SNAPSHOT_MOVES: dict[str, dict[str, str]] = {
    "created": {"creating": "available"},
    "fail_creation": {"creating": "error"},
    "delete": dict.fromkeys(("available", "error", "error_deleting"), "deleting"),
    "fail_deletion": {"deleting": "error_deleting"},
}


def move(session: Session, volume: Volume | str, event: str, **columns: object) -> None:
    """Apply an event if the volume's status still allows it, in one UPDATE; else raise InvalidVolume.

    `columns` are set in the same UPDATE. A flow's step that needs nothing else of the volume gives its id, which saves
    reading the row.
    """
    volume_id = volume if isinstance(volume, str) else volume.id
    table = MOVES[event]
    before = Volume.status
    after = case({a: Volume.previous_status if b == PREVIOUS else b for a, b in table.items()}, value=before)
    hit = session.execute(
        update(Volume)
        .where(Volume.id == volume_id, before.in_(table), *(() if event in WHILE_MIGRATING else (not_migrating(),)))
        .values(status=after, previous_status=before, updated_at=now(), **columns)
        .returning(Volume.status)
        .execution_options(synchronize_session=False)
    ).scalar()
    if hit is None:
        status, migration = session.execute(
            select(Volume.status, Volume.migration_status).where(Volume.id == volume_id)
        ).one_or_none() or (None, None)
        if migration in MIGRATING and event not in WHILE_MIGRATING:
            raise InvalidVolume(why=f"Volume {volume_id} is being migrated.")
        raise InvalidVolume(
            why=f"Volume {volume_id} status must be {' or '.join(table)}, but current status is: {status}."
        )
    if not isinstance(volume, str):
        _refresh(volume, status=hit, **columns)


def not_migrating() -> ColumnElement[bool]:
    """The condition that the volume isn't being migrated."""
    return or_(Volume.migration_status.is_(None), Volume.migration_status.not_in(MIGRATING))


def check_not_migrating(volume: Volume) -> None:
    """Raise InvalidVolume if the volume is being migrated."""
    if volume.migration_status in MIGRATING:
        raise InvalidVolume(why=f"Volume {volume.id} is being migrated.")


def move_snapshot(session: Session, snapshot: Snapshot, event: str, **columns: object) -> None:
    """Apply an event to a snapshot as `move` does to a volume; else raise InvalidSnapshot."""
    if not _moved(session, snapshot, SNAPSHOT_MOVES[event], columns):
        raise InvalidSnapshot(
            why=f"Snapshot {snapshot.id} status must be {' or '.join(SNAPSHOT_MOVES[event])}, "
            f"but current status is: {snapshot.status}."
        )


def move_backup(session: Session, backup: Backup, event: str, **columns: object) -> None:
    """Apply an event to a backup as `move` does to a volume; else raise InvalidBackup."""
    if not _moved(session, backup, BACKUP_MOVES[event], columns):
        raise InvalidBackup(
            why=f"Backup {backup.id} status must be {' or '.join(BACKUP_MOVES[event])}, "
            f"but current status is: {backup.status}."
        )


def move_group(session: Session, group: Group, event: str) -> None:
    """Apply an event to a group as `move` does to a volume; else raise InvalidGroup."""
    if not _moved(session, group, GROUP_MOVES[event], {}):
        raise InvalidGroup(
            why=f"Group status must be {' or '.join(GROUP_MOVES[event])}, but current status is: {group.status}"
        )


def move_group_snapshot(session: Session, group_snapshot: GroupSnapshot, event: str) -> None:
    """Apply an event to a group snapshot as `move` does to a volume; else raise InvalidGroupSnapshot."""
    if not _moved(session, group_snapshot, GROUP_SNAPSHOT_MOVES[event], {}):
        raise InvalidGroupSnapshot(
            why=f"GroupSnapshot status must be {' or '.join(GROUP_SNAPSHOT_MOVES[event])}, "
            f"but current status is: {group_snapshot.status}."
        )


def _moved(
    session: Session, row: Snapshot | Backup | Group | GroupSnapshot, table: dict[str, str], columns: dict[str, object]
) -> bool:
    kind = type(row)
    hit = session.execute(
        update(kind)
        .where(kind.id == row.id, kind.status.in_(table))
        .values(status=case(table, value=kind.status), updated_at=now(), **columns)
        .returning(kind.status)
        .execution_options(synchronize_session=False)
    ).scalar()
    if hit is not None:
        _refresh(row, status=hit, **columns)
    return hit is not None


def _refresh(row: Volume | Snapshot | Backup | Group | GroupSnapshot, **values: object) -> None:
    """Set the object's attributes to what the row has now, without marking them as changed."""
    for name, value in values.items():
        set_committed_value(row, name, value)
