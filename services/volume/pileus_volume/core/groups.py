"""Groups of volumes: what may be asked for, and what happens to the record. The work itself is done by flows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from pileus_kit.auth import Caller
from pileus_kit.context import Work
from pileus_kit.db import new_id, now
from pileus_kit.flow import cancel, enqueue, live
from pileus_volume.core import group_types, hosts, messages, quotas, types, volumes
from pileus_volume.core.states import move_group
from pileus_volume.db.models import Group, GroupSnapshot, GroupVolumeType, Job, Snapshot, Volume, VolumeType
from pileus_volume.errors import GroupNotFound, Invalid, InvalidGroup, InvalidGroupType, InvalidVolume, NoBackend

ADDABLE = ("available", "in-use")
LEAVING = ("available", "in-use", "error", "error_deleting")  # what a volume may be that is taken out
REPLICATED = ("group_replication_enabled", "consistent_group_replication_enabled")


@dataclass(frozen=True)
class Wish:
    """A group as the caller asked for it; types by id or name."""

    type: str
    volume_types: Sequence[str]
    name: str | None = None
    description: str | None = None
    zone: str | None = None


@dataclass(frozen=True)
class Change:
    """What is to be different; ids of volumes."""

    values: Mapping[str, str] = field(default_factory=dict)  # name, description
    add: Sequence[str] = ()
    remove: Sequence[str] = ()


def find(session: Session, group_id: str, caller: Caller) -> Group:
    """The caller's group; an administrator's are all."""
    stmt = select(Group).where(Group.id == group_id)
    if not caller.is_admin:
        stmt = stmt.where(Group.project_id == caller.project_id)
    group = session.scalar(stmt)
    if group is None:
        raise GroupNotFound(group=group_id)
    return group


def usable(session: Session, group_id: str, caller: Caller) -> Group:
    """The same, held until the transaction ends, so that it isn't deleted while something becomes part of it."""
    group = find(session, group_id, caller)
    status = session.scalar(select(Group.status).where(Group.id == group.id).with_for_update())
    if status != "available":
        raise InvalidGroup(why=f"Group status must be available, but current status is: {status}.")
    return group


def members(session: Session, group_id: str) -> list[Volume]:
    return list(
        session.scalars(
            select(Volume).where(Volume.group_id == group_id).order_by(Volume.created_at, Volume.id).limit(10_000)
        )
    )


def member_ids(session: Session, group_ids: Sequence[str]) -> dict[str, list[str]]:
    """Of several groups, one statement."""
    found: dict[str, list[str]] = {group_id: [] for group_id in group_ids}
    for group_id, volume_id in session.execute(
        select(Volume.group_id, Volume.id)
        .where(Volume.group_id.in_(group_ids))
        .order_by(Volume.created_at, Volume.id)
        .limit(100_000)
    ):
        found[str(group_id)].append(volume_id)
    return found


def create(session: Session, caller: Caller, wish: Wish) -> Group:
    """An empty group, on a host that can take every type of it. Without one it is in error, and a message says why."""
    chosen = [types.choose(session, caller, name) for name in wish.volume_types]
    kinds = list({known.id: known for known in chosen}.values())
    kind = group_types.find(session, wish.type, caller)
    if wish.zone and wish.zone not in hosts.zones(session):
        raise Invalid(why=f"Availability zone '{wish.zone[:80]}' is invalid.")
    quotas.check_group(session, str(caller.project_id))
    group = Group(
        id=new_id(),
        project_id=str(caller.project_id),
        user_id=caller.user_id,
        name=wish.name,
        description=wish.description,
        type_id=kind.id,
        availability_zone=wish.zone or "nova",
        status="available",
    )
    wanted = [*(known.extra_specs for known in kinds), {key: value or "" for key, value in kind.specs.items()}]
    try:
        group.host = hosts.pick(session, *(hosts.Need(0, specs, wish.zone) for specs in wanted))
    except NoBackend as err:
        group.status = "error"
        messages.tell(session, group, "group", str(err))
    _record(session, group, kinds)
    return group


def _record(session: Session, group: Group, kinds: Sequence[VolumeType]) -> None:
    session.add(group)
    session.flush()
    session.add_all(GroupVolumeType(group_id=group.id, type_id=kind.id) for kind in kinds)
    session.flush()
    set_committed_value(group, "volume_types", list(kinds))


def copy(
    session: Session, caller: Caller, source: Group | GroupSnapshot, name: str | None, description: str | None
) -> tuple[Group, list[Job]]:
    """Record a group with a copy of each volume or snapshot of the source, and the jobs that make them; the group's
    own, which waits for the others, is the last."""
    of_group = isinstance(source, Group)
    origin = source if isinstance(source, Group) else session.get_one(Group, source.group_id)
    parts: Sequence[Volume | Snapshot] = members(session, source.id) if of_group else snapshots_of(session, source.id)
    if not parts:
        raise InvalidGroup(
            why=f"{'Source Group' if of_group else 'Group snapshot'} is empty. No group will be created."
        )
    quotas.check_group(session, str(caller.project_id))
    group = Group(
        id=new_id(),
        project_id=str(caller.project_id),
        user_id=caller.user_id,
        name=name,
        description=description,
        type_id=origin.type_id,
        availability_zone=origin.availability_zone,
        host=origin.host,
        source_group_id=source.id if of_group else None,
        group_snapshot_id=None if of_group else source.id,
    )
    also = {part.type_id for part in parts} - {kind.id for kind in origin.volume_types}
    _record(session, group, [*origin.volume_types, *session.scalars(select(VolumeType).where(VolumeType.id.in_(also)))])
    jobs = [
        volumes.create(
            session,
            caller,
            volumes.Wish(
                type=part.type_id,
                group=group,
                source_volid=part.id if of_group else None,
                snapshot_id=None if of_group else part.id,
            ),
        )[1]
        for part in parts
    ]
    return group, [*jobs, enqueue(session, Job, flow="group.copy", subject=group.id, caller=caller)]


def snapshots_of(session: Session, group_snapshot_id: str) -> list[Snapshot]:
    return list(
        session.scalars(
            select(Snapshot)
            .where(Snapshot.group_snapshot_id == group_snapshot_id)
            .order_by(Snapshot.created_at, Snapshot.id)
            .limit(10_000)
        )
    )


def change(session: Session, caller: Caller, group: Group, asked: Change) -> None:
    """Rename it, take volumes in and out. Storage hosts needn't know, so it has happened when this returns."""
    if both := [volume for volume in asked.add if volume in asked.remove]:
        raise InvalidVolume(why=f"UUIDs {both} are in both add and remove volume list.")
    values = {name: value for name, value in asked.values.items() if value != getattr(group, name)}
    inside = {volume.id: volume for volume in members(session, group.id)}
    add = [volume for volume in asked.add if volume not in inside]
    _addable(session, caller, group, add)
    for volume_id in asked.remove:
        _leaving(group, volume_id, inside.get(volume_id))
    if not (values or add or asked.remove):
        raise InvalidGroup(
            why=f"Cannot update group {group.id} because no valid name, description, add_volumes, or "
            "remove_volumes were provided."
        )
    for name, value in values.items():
        setattr(group, name, value)
    group.updated_at = now()
    _move_volumes(session, add, None, group.id)
    _move_volumes(session, asked.remove, group.id, None)


def _addable(session: Session, caller: Caller, group: Group, ids: Sequence[str]) -> None:
    stmt = select(Volume).where(Volume.id.in_(ids))
    if not caller.is_admin:
        stmt = stmt.where(Volume.project_id == caller.project_id)
    found = {volume.id: volume for volume in session.scalars(stmt)}
    for volume_id in ids:
        volume = found.get(volume_id)
        why = "because volume cannot be found" if volume is None else _unfit(group, volume)
        if why:
            raise InvalidVolume(why=f"Cannot add volume {volume_id} to group {group.id} {why}.")


def _unfit(group: Group, volume: Volume) -> str | None:
    if volume.group_id:
        return f"because it is already in group {volume.group_id}"
    if volume.project_id != group.project_id:
        return "as they belong to different projects"
    if volume.type_id not in [kind.id for kind in group.volume_types]:
        return f"because volume type {volume.type_id} is not supported by the group"
    if volume.status not in ADDABLE:
        return f"because volume is in an invalid state: {volume.status}. Valid states are: {ADDABLE}"
    if volume.host != group.host:
        return "because it is on another storage host"
    return None


def _leaving(group: Group, volume_id: str, volume: Volume | None) -> None:
    why = None
    if volume is None:
        why = "it is not in the group"
    elif volume.status not in LEAVING:
        why = f"volume is in an invalid state: {volume.status}. Valid states are: {LEAVING}"
    if why:
        raise InvalidVolume(why=f"Cannot remove volume {volume_id} from group {group.id} because {why}.")


def _move_volumes(session: Session, ids: Sequence[str], before: str | None, after: str | None) -> None:
    """Each only if it still is where it was when it was judged."""
    hit = session.execute(
        update(Volume)
        .where(
            Volume.id.in_(ids),
            Volume.group_id.is_(None) if before is None else Volume.group_id == before,
            Volume.status.in_(LEAVING),
        )
        .values(group_id=after, updated_at=now())
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != len(set(ids)):  # type: ignore[attr-defined]
        raise InvalidVolume(why="A volume has changed meanwhile.")


def remove(session: Session, caller: Caller, group: Group, with_volumes: bool) -> list[Job]:
    """Turn it to deleting, and its volumes if that is asked; the group's own job, which waits for the others, is the
    last. A group that is being copied: its job is turned round and removes it."""
    move_group(session, group, "delete_with_volumes" if with_volumes else "delete")
    if session.scalar(select(exists().where(GroupSnapshot.group_id == group.id))):
        raise InvalidGroup(why="Group has existing snapshots.")
    inside = members(session, group.id)
    if inside and not with_volumes:
        raise InvalidGroup(
            why=f"Group {group.id} still contains volumes. The delete-volumes flag is required to delete it."
        )
    if any(volume.attachments for volume in inside):
        raise InvalidGroup(why=f"Volume in group {group.id} is attached. Need to detach first.")
    if inside and session.scalar(select(exists().where(Snapshot.volume_id.in_([volume.id for volume in inside])))):
        raise InvalidGroup(why="Volume in group still has dependent snapshots.")
    running = live(session, Job, group.id)
    if running is not None and running.flow == "group.copy":
        cancel(session, Job, group.id, "the group was deleted meanwhile")
        return [running]
    jobs = [
        job
        for volume in inside
        if volume.status != "deleting" and (job := volumes.remove(session, caller, volume, with_group=True))
    ]
    return [*jobs, enqueue(session, Job, flow="group.delete", subject=group.id, caller=caller)]


def clear(session: Session, work: Work, group_id: str) -> list[Job]:
    """Turn every volume to deleting that nobody has begun to use. What failed to be deleted waits for its owner."""
    jobs = []
    for volume in members(session, group_id):
        if volume.status in ("deleting", "error_deleting"):
            continue
        try:
            job = volumes.remove(session, work, volume, with_group=True)
        except InvalidVolume:
            continue
        if job:
            jobs.append(job)
    return jobs


def replicated(group: Group, specs: Mapping[str, str | None]) -> None:
    """Raise unless groups of such a type are replicated."""
    if not any(specs.get(name) == "<is> True" for name in REPLICATED):
        raise InvalidGroupType(why=f"Group {group.id} is not a replication group type.")


def reset(group: Group, status: str) -> None:
    """An administrator knows better."""
    group.status, group.updated_at = status, now()
