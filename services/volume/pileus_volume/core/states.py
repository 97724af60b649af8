"""Which events change a volume's or a snapshot's status, and from where. Everything else is refused."""

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from pileus_kit.db import now
from pileus_volume.db.models import Snapshot, Volume
from pileus_volume.errors import InvalidSnapshot, InvalidVolume

BACK = "back"  # to what it was before: `previous_status`
REMOVABLE = ("available", "error", "error_deleting", "error_restoring", "error_extending", "error_managing",
             "creating", "downloading")
ANY = ("available", "in-use", "reserved", "attaching", "detaching", "error", "error_deleting", "error_extending",
       "error_restoring", "error_managing", "creating", "downloading", "uploading", "extending", "retyping",
       "reverting", "maintenance", "awaiting-transfer", "deleting")

MOVES: dict[str, dict[str, str]] = {
    "download": {"creating": "downloading"},
    "created": {"creating": "available", "downloading": "available"},
    "fail_creation": {"creating": "error", "downloading": "error"},
    "delete": dict.fromkeys(REMOVABLE, "deleting"),
    "force_delete": dict.fromkeys(ANY, "deleting"),
    "fail_deletion": {"deleting": "error_deleting"},
    "reserve": {"available": "reserved", "in-use": "reserved", "reserved": "reserved", "attaching": "reserved"},
    "unreserve": {"reserved": "available", "attaching": "available"},
    "begin_detaching": {"in-use": "detaching"},
    "roll_detaching": {"detaching": "in-use"},
    "extend": {"available": "extending", "in-use": "extending"},
    "extended": {"extending": BACK},
    "fail_extension": {"extending": "error_extending"},
    "upload": {"available": "uploading", "in-use": "uploading"},
    "uploaded": {"uploading": BACK},
    "revert": {"available": "reverting"},
    "reverted": {"reverting": "available"},
    "fail_reversion": {"reverting": "error"},
    "reimage": {"available": "downloading", "error": "downloading"},
    "reimage_reserved": {"available": "downloading", "error": "downloading", "reserved": "downloading"},
    "offer": {"available": "awaiting-transfer"},
    "withdraw": {"awaiting-transfer": "available"},
}

SNAPSHOT_MOVES: dict[str, dict[str, str]] = {
    "created": {"creating": "available"},
    "fail_creation": {"creating": "error"},
    "delete": dict.fromkeys(("available", "error", "error_deleting", "creating"), "deleting"),
    "force_delete": dict.fromkeys(("available", "error", "error_deleting", "creating", "deleting"), "deleting"),
    "fail_deletion": {"deleting": "error_deleting"},
    "restore": {"available": "restoring"},
    "restored": {"restoring": "available"},
}


def move(session: Session, volume: Volume | str, event: str, **also: object) -> None:
    """Apply an event if the status still allows it, in one UPDATE; else InvalidVolume. `also`: columns to set.

    A flow's step that needs nothing else of the volume names it by id, which saves reading it.
    """
    volume_id = volume if isinstance(volume, str) else volume.id
    table = MOVES[event]
    before = Volume.status
    after = case({a: Volume.previous_status if b == BACK else b for a, b in table.items()}, value=before)
    hit = session.execute(
        update(Volume).where(Volume.id == volume_id, before.in_(table))
        .values(status=after, previous_status=before, updated_at=now(), **also)
        .returning(Volume.status).execution_options(synchronize_session=False)).scalar()
    if hit is None:
        status = session.scalar(select(Volume.status).where(Volume.id == volume_id))
        raise InvalidVolume(why=f"Volume {volume_id} status must be {' or '.join(table)}, "
                                f"but current status is: {status}.")
    if not isinstance(volume, str):
        _refresh(volume, status=hit, **also)


def move_snapshot(session: Session, snapshot: Snapshot, event: str, **also: object) -> None:
    """The same for a snapshot; else InvalidSnapshot."""
    table = SNAPSHOT_MOVES[event]
    hit = session.execute(
        update(Snapshot).where(Snapshot.id == snapshot.id, Snapshot.status.in_(table))
        .values(status=case(table, value=Snapshot.status), updated_at=now(), **also)
        .returning(Snapshot.status).execution_options(synchronize_session=False)).scalar()
    if hit is None:
        raise InvalidSnapshot(why=f"Snapshot {snapshot.id} status must be {' or '.join(table)}, "
                                  f"but current status is: {snapshot.status}.")
    _refresh(snapshot, status=hit, **also)


def _refresh(row: Volume | Snapshot, **values: object) -> None:
    """Tell the object what the row now has, without writing it again."""
    for name, value in values.items():
        set_committed_value(row, name, value)
