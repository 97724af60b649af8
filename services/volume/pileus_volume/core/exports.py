"""Exports: which disks a storage host serves over NBD, and under which names."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_volume.db.models import Attachment, StorageHost
from pileus_volume.rpc import DesiredExports, Export


def raise_generation(session: Session, host: str) -> None:
    """Record that the host's exports change with this transaction: agents refuse lists of an older generation."""
    session.execute(
        update(StorageHost)
        .where(StorageHost.name == host)
        .values(generation=StorageHost.generation + 1)
        .execution_options(synchronize_session=False)
    )


def get_desired(session: Session, host: str) -> DesiredExports:
    """What the host should export, read in one transaction with its generation."""
    generation = session.scalar(select(StorageHost.generation).where(StorageHost.name == host)) or 0
    rows = session.scalars(
        select(Attachment)
        .where(Attachment.export_host == host, Attachment.sealed_export_name.is_not(None))
        .order_by(Attachment.id)
        .limit(100_000)
    )
    exports = [Export(row.volume_id, row.id, row.export_name or "", row.attach_mode != "ro") for row in rows]
    return DesiredExports(generation, exports)
