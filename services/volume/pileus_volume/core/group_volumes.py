"""The volumes of a group and the snapshots of a group snapshot: which they are, and which may join or leave."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import now
from pileus_volume.core.states import MIGRATING
from pileus_volume.db.models import Group, Snapshot, Volume
from pileus_volume.errors import InvalidVolume

MAX_MEMBERS = 10_000
MAY_JOIN = ("available", "in-use")
MAY_LEAVE = ("available", "in-use", "error", "error_deleting")


def list_volumes(session: Session, group_id: str) -> list[Volume]:
    """The group's volumes, the oldest first."""
    stmt = select(Volume).where(Volume.group_id == group_id)
    return list(session.scalars(stmt.order_by(Volume.created_at, Volume.id).limit(MAX_MEMBERS)))


def list_volume_ids(session: Session, group_ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of the volumes of several groups, by group; one statement."""
    found: dict[str, list[str]] = {group_id: [] for group_id in group_ids}
    for group_id, volume_id in session.execute(
        select(Volume.group_id, Volume.id)
        .where(Volume.group_id.in_(group_ids))
        .order_by(Volume.created_at, Volume.id)
        .limit(100_000)
    ):
        found[str(group_id)].append(volume_id)
    return found


def list_snapshots(session: Session, group_snapshot_id: str) -> list[Snapshot]:
    """The group snapshot's snapshots, the oldest first."""
    stmt = select(Snapshot).where(Snapshot.group_snapshot_id == group_snapshot_id)
    return list(session.scalars(stmt.order_by(Snapshot.created_at, Snapshot.id).limit(MAX_MEMBERS)))


def check_may_join(session: Session, caller: Caller, group: Group, ids: Sequence[str]) -> None:
    """Raise InvalidVolume unless the caller may add all these volumes to the group."""
    stmt = select(Volume).where(Volume.id.in_(ids))
    if not caller.is_admin:
        stmt = stmt.where(Volume.project_id == caller.project_id)
    found = {volume.id: volume for volume in session.scalars(stmt)}
    for volume_id in ids:
        volume = found.get(volume_id)
        why = "because volume cannot be found" if volume is None else _why_not_join(group, volume)
        if why:
            raise InvalidVolume(why=f"Cannot add volume {volume_id} to group {group.id} {why}.")


def _why_not_join(group: Group, volume: Volume) -> str | None:
    if volume.group_id:
        return f"because it is already in group {volume.group_id}"
    if volume.project_id != group.project_id:
        return "as they belong to different projects"
    if volume.type_id not in [volume_type.id for volume_type in group.volume_types]:
        return f"because volume type {volume.type_id} is not supported by the group"
    if volume.status not in MAY_JOIN:
        return f"because volume is in an invalid state: {volume.status}. Valid states are: {MAY_JOIN}"
    if volume.migration_status in MIGRATING:
        return "because it is being migrated"
    if volume.host != group.host:
        return "because it is on another storage host"
    return None


def check_may_leave(group: Group, volume_id: str, volume: Volume | None) -> None:
    """Raise InvalidVolume unless the volume, if it is the group's, may be taken out of it."""
    why = None
    if volume is None:
        why = "it is not in the group"
    elif volume.status not in MAY_LEAVE:
        why = f"volume is in an invalid state: {volume.status}. Valid states are: {MAY_LEAVE}"
    if why:
        raise InvalidVolume(why=f"Cannot remove volume {volume_id} from group {group.id} because {why}.")


def change_group(session: Session, ids: Sequence[str], before: str | None, after: str | None) -> None:
    """Move volumes from one group (None: from no group) to another, each only if its row hasn't changed since it was
    checked. Raises InvalidVolume if one has."""
    moved = session.execute(
        update(Volume)
        .where(
            Volume.id.in_(ids),
            Volume.group_id.is_(None) if before is None else Volume.group_id == before,
            Volume.status.in_(MAY_LEAVE),
        )
        .values(group_id=after, updated_at=now())
        .execution_options(synchronize_session=False)
    )
    if moved.rowcount != len(set(ids)):  # type: ignore[attr-defined]
        raise InvalidVolume(why="A volume has changed meanwhile.")
