"""Exports: which disks a storage host serves over NBD, under which names, and to which machine."""

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from pileus_volume.core.pools import machine_of
from pileus_volume.db.models import Attachment, StorageHost
from pileus_volume.errors import InvalidVolume
from pileus_volume.rpc import DesiredExports, Export

CLIENTS = 1000
"""The largest number of machines that a storage host serves by TLS; each has a port, from the host's `nbd_port` on."""


def raise_generation(session: Session, host: str) -> None:
    """Record that the host's exports change with this transaction: agents refuse lists of an older generation."""
    session.execute(
        update(StorageHost)
        .where(StorageHost.name == host)
        .values(generation=StorageHost.generation + 1)
        .execution_options(synchronize_session=False)
    )


def hold_machine(session: Session, name: str) -> None:
    """Hold the rows of all backends of the storage host's machine until the transaction ends."""
    machine = machine_of(name)
    is_here = or_(StorageHost.name == machine, StorageHost.name.startswith(f"{machine}@", autoescape=True))
    session.execute(select(StorageHost.name).where(is_here).order_by(StorageHost.name).with_for_update().limit(1000))


def get_desired(session: Session, host: str) -> DesiredExports:
    """What the host should export, read in one transaction with its generation."""
    generation = session.scalar(select(StorageHost.generation).where(StorageHost.name == host)) or 0
    rows = session.scalars(
        select(Attachment)
        .where(Attachment.export_host == host, Attachment.sealed_export_name.is_not(None))
        .order_by(Attachment.id)
        .limit(100_000)
    )
    return DesiredExports(generation, [_export(row) for row in rows])


def _export(row: Attachment) -> Export:
    is_writable = row.attach_mode != "ro"
    return Export(
        row.volume_id, row.id, row.export_name or "", is_writable, row.export_client or "", row.export_port or 0
    )


def choose_port(session: Session, host: StorageHost, client: str) -> int:
    """The port at which the machine opens what the host serves it: the one it has, or a free one.

    All backends of a machine share its ports. Raises InvalidVolume if all are given. The caller holds the machine's
    rows (`hold_machine`), so that two clients don't get the same.
    """
    machine = machine_of(host.name)
    is_here = or_(Attachment.export_host == machine, Attachment.export_host.startswith(f"{machine}@", autoescape=True))
    rows = session.execute(
        select(Attachment.export_host, Attachment.export_client, Attachment.export_port)
        .where(is_here, Attachment.export_port.is_not(None))
        .distinct()
        .limit(CLIENTS)
    )
    given = {(at, known): port for at, known, port in rows if port is not None}
    if (host.name, client) in given:
        return given[host.name, client]
    free = set(range(host.nbd_port, host.nbd_port + CLIENTS)) - set(given.values())
    if not free:
        raise InvalidVolume(why=f"Storage host {host.name} serves {CLIENTS} machines already, the largest number.")
    return min(free)
