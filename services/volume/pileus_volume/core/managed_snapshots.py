"""Managing snapshots: one that a volume's disk has already becomes a snapshot of the service, and one is forgotten
while the disk keeps it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import new_id
from pileus_kit.flow import enqueue
from pileus_volume.core import quotas, snapshots
from pileus_volume.core.job_data import ManageSnapshotData, as_json
from pileus_volume.core.managed_volumes import MANAGED, VOLUME_FILE, check_usable
from pileus_volume.core.pools import find_host
from pileus_volume.core.snapshots import SnapshotRequest
from pileus_volume.core.states import check_not_migrating
from pileus_volume.core.volumes import is_being_copied
from pileus_volume.db.models import Job, Snapshot, Volume
from pileus_volume.errors import InvalidSnapshot, InvalidVolume
from pileus_volume.rpc import GIB, StoredSnapshot

MAY_BE_MANAGED = ("available", "error")


@dataclass(frozen=True)
class ManageableSnapshot:
    """A snapshot in a disk as lists show it. `size` in GiB; `snapshot_id`: the service's snapshot that it is."""

    disk: str
    name: str
    size: int
    unsafe: str | None
    snapshot_id: str | None


def manage(
    session: Session, caller: Caller, volume: Volume, source_name: str, request: SnapshotRequest
) -> tuple[Snapshot, Job]:
    """Write the snapshot's row and the job that looks whether the volume's disk has it."""
    host = find_host(session, volume.host or "")
    if host is None:
        raise InvalidVolume(why=f"Volume {volume.id} has no storage host.")
    check_usable(host, host.name)
    check_not_migrating(volume)
    if busy := _why_busy(session, volume):
        raise InvalidVolume(why=f"Volume {volume.id} {busy}; its snapshots can't be managed now.")
    check_unmanaged(session, volume.id, source_name)
    quotas.check(session, volume.project_id, volume.type, snapshots=1, gigabytes=volume.size)
    snapshot = Snapshot(
        id=new_id(),
        project_id=volume.project_id,
        user_id=caller.user_id,
        name=request.name,
        description=request.description,
        volume_id=volume.id,
        volume_size=volume.size,
        type_id=volume.type_id,
        meta=dict(request.metadata),
    )
    session.add(snapshot)
    session.flush()
    data = as_json(ManageSnapshotData(volume.id, volume.host, source_name))
    return snapshot, enqueue(session, Job, flow="snapshot.manage", subject=snapshot.id, caller=caller, data=data)


def _why_busy(session: Session, volume: Volume) -> str | None:
    """Why snapshots in the disk may be temporary ones: of a backup, an upload or a copy."""
    if volume.status not in ("available", "in-use"):
        return f"is {volume.status}"
    return "is being copied" if is_being_copied(session, volume.id) else None


def check_unmanaged(session: Session, volume_id: str, name: str) -> None:
    """Raise InvalidSnapshot if the snapshot of that name in the volume's disk is one of the service's."""
    is_it = or_(Snapshot.stored_name == name, Snapshot.id == name)
    if session.scalar(select(Snapshot.id).where(Snapshot.volume_id == volume_id, is_it).limit(1)):
        raise InvalidSnapshot(why="Unable to manage existing snapshot. The snapshot is already managed")


def describe(session: Session, stored: Sequence[StoredSnapshot]) -> list[ManageableSnapshot]:
    """The snapshots with those of the service that they are; two statements for all."""
    volume_ids = {found[1] for one in stored if (found := VOLUME_FILE.fullmatch(one.disk))}
    states = session.execute(
        select(Volume.id, Volume.status).where(Volume.id.in_(volume_ids)).limit(len(volume_ids) + 1)
    )
    statuses = {row.id: row.status for row in states}
    rows = session.execute(
        select(Snapshot.volume_id, Snapshot.stored_name, Snapshot.id)
        .where(Snapshot.volume_id.in_(volume_ids))
        .limit(100_000)
    )
    known = {(volume_id, stored_name or snapshot_id): snapshot_id for volume_id, stored_name, snapshot_id in rows}
    return list(_described(stored, statuses, known))


def _described(
    stored: Iterable[StoredSnapshot], statuses: dict[str, str], known: dict[tuple[str, str], str]
) -> Iterable[ManageableSnapshot]:
    for one in stored:
        found = VOLUME_FILE.fullmatch(one.disk)
        volume_id = found[1] if found else ""
        snapshot_id, unsafe = known.get((volume_id, one.name)), None
        if snapshot_id:
            unsafe = MANAGED
        elif volume_id not in statuses:
            unsafe = "its disk is not managed"
        elif statuses[volume_id] not in ("available", "in-use"):
            unsafe = f"its volume is {statuses[volume_id]}"
        yield ManageableSnapshot(one.disk, one.name, -(-one.size_bytes // GIB), unsafe, snapshot_id)


def unmanage(session: Session, snapshot: Snapshot) -> None:
    """Forget the snapshot; the disk keeps it, under the name that it has there. Raises InvalidSnapshot for one that
    something else needs."""
    if snapshot.status not in MAY_BE_MANAGED:
        raise InvalidSnapshot(
            why=f"Snapshot {snapshot.id} status must be {' or '.join(MAY_BE_MANAGED)}, but current status is: "
            f"{snapshot.status}."
        )
    snapshots.check_deletable(session, snapshot)
    session.delete(snapshot)
