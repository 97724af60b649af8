"""Transfers: a volume is offered to another project, which accepts it with a key that is shown once."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import new_id
from pileus_volume.core import quotas
from pileus_volume.core.states import move
from pileus_volume.db.models import Snapshot, Transfer, Volume
from pileus_volume.errors import Invalid, InvalidVolume, TransferNotFound

KEY_BYTES = 24


@dataclass(frozen=True)
class NewTransfer:
    """A transfer and its key, which isn't stored."""

    transfer: Transfer
    auth_key: str


def find(session: Session, transfer_id: str, caller: Caller) -> Transfer:
    """The transfer if the caller's project offers it, or the caller is an administrator. Raises TransferNotFound."""
    found = session.get(Transfer, transfer_id)
    if found is None or (found.source_project_id != caller.project_id and not caller.is_admin):
        raise TransferNotFound(transfer=transfer_id)
    return found


def create(session: Session, volume: Volume, name: str | None, no_snapshots: bool) -> NewTransfer:
    """Offer the volume, with its snapshots unless `no_snapshots`."""
    if volume.attachments:
        raise InvalidVolume(why="status must be available")
    if volume.group_id:
        raise InvalidVolume(why=f"Volume {volume.id} must not be part of a group.")
    move(session, volume, "begin_transfer")
    if not no_snapshots and session.scalar(
        select(Snapshot.id)
        .where(
            Snapshot.volume_id == volume.id,
            or_(Snapshot.status != "available", Snapshot.group_snapshot_id.is_not(None)),
        )
        .limit(1)
    ):
        raise InvalidVolume(why=f"Snapshots of volume {volume.id} must be available and not part of a group.")
    key = secrets.token_urlsafe(KEY_BYTES)
    transfer = Transfer(
        id=new_id(),
        volume_id=volume.id,
        name=name,
        key_hash=_hash(key),
        no_snapshots=no_snapshots,
        source_project_id=volume.project_id,
    )
    session.add(transfer)
    session.flush()
    return NewTransfer(transfer, key)


def accept(session: Session, caller: Caller, transfer_id: str, key: str) -> Transfer:
    """Give the volume and its snapshots to the caller's project. The key is the right to do so.

    Raises TransferNotFound, or Invalid for a wrong key.
    """
    transfer = session.get(Transfer, transfer_id)
    if transfer is None:
        raise TransferNotFound(transfer=transfer_id)
    if not hmac.compare_digest(transfer.key_hash, _hash(key)):
        raise Invalid(why=f"Attempt to transfer {transfer_id} with invalid auth key.")
    volume = session.get_one(Volume, transfer.volume_id)
    snapshots = list(session.scalars(select(Snapshot).where(Snapshot.volume_id == volume.id).limit(10_000)))
    if snapshots and transfer.no_snapshots:
        raise InvalidVolume(why=f"Volume {volume.id} has snapshots, which were not offered.")
    project = str(caller.project_id)
    quotas.check(
        session,
        project,
        volume.type,
        volumes=1,
        snapshots=len(snapshots),
        volume_size=volume.size,
        gigabytes=volume.size + sum(s.volume_size for s in snapshots),
    )
    move(session, volume, "end_transfer", project_id=project, user_id=caller.user_id)
    session.execute(
        update(Snapshot).where(Snapshot.volume_id == volume.id).values(project_id=project, user_id=caller.user_id)
    )
    session.delete(transfer)
    return transfer


def delete(session: Session, transfer: Transfer) -> None:
    """Withdraw the offer; its volume is available again."""
    move(session, session.get_one(Volume, transfer.volume_id), "end_transfer")
    session.delete(transfer)


def _hash(key: str) -> str:
    """A fast hash suffices because the key has 192 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()
