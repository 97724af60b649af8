"""Groups of volumes: which may be created, copied, changed and deleted, and what happens to their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from pileus_kit.auth import Caller
from pileus_kit.context import Work
from pileus_kit.db import new_id, now
from pileus_kit.flow import cancel, enqueue, live
from pileus_volume.core import group_types, hosts, messages, quotas, types, volumes
from pileus_volume.core.group_volumes import (
    change_group,
    check_may_join,
    check_may_leave,
    list_snapshots,
    list_volumes,
)
from pileus_volume.core.scheduler import RequestSpec, pick_pool
from pileus_volume.core.states import move_group
from pileus_volume.core.volumes import VolumeRequest
from pileus_volume.db.models import (
    Group,
    GroupSnapshot,
    GroupType,
    GroupVolumeType,
    Job,
    Snapshot,
    Volume,
    VolumeType,
)
from pileus_volume.errors import GroupNotFound, Invalid, InvalidGroup, InvalidGroupType, InvalidVolume, NoValidBackend

REPLICATED = ("group_replication_enabled", "consistent_group_replication_enabled")


@dataclass(frozen=True)
class GroupRequest:
    """A group as the caller asked for it; types by id or name."""

    type: str
    volume_types: Sequence[str]
    name: str | None = None
    description: str | None = None
    availability_zone: str | None = None


@dataclass(frozen=True)
class GroupUpdate:
    """What is to change: name and description, and the ids of volumes to add and to remove."""

    values: Mapping[str, str] = field(default_factory=dict)
    add: Sequence[str] = ()
    remove: Sequence[str] = ()


def find(session: Session, group_id: str, caller: Caller) -> Group:
    """The group if the caller may see it: their project's, or any for administrators. Raises GroupNotFound."""
    stmt = select(Group).where(Group.id == group_id)
    if not caller.is_admin:
        stmt = stmt.where(Group.project_id == caller.project_id)
    group = session.scalar(stmt)
    if group is None:
        raise GroupNotFound(group=group_id)
    return group


def find_available(session: Session, group_id: str, caller: Caller) -> Group:
    """An available group, locked until the transaction ends, so that it isn't deleted while something joins it."""
    group = find(session, group_id, caller)
    status = session.scalar(select(Group.status).where(Group.id == group.id).with_for_update())
    if status != "available":
        raise InvalidGroup(why=f"Group status must be available, but current status is: {status}.")
    return group


def create(session: Session, caller: Caller, request: GroupRequest) -> Group:
    """Write the row of an empty group on a host that can take volumes of all its types.

    If there is no such host the group is in error, and a message says why.
    """
    chosen = [types.choose(session, caller, name) for name in request.volume_types]
    volume_types = list({volume_type.id: volume_type for volume_type in chosen}.values())
    group_type = group_types.choose(session, request.type, caller)
    zone = request.availability_zone
    if zone and zone not in hosts.list_zones(session):
        raise Invalid(why=f"Availability zone '{zone[:80]}' is invalid.")
    quotas.check_group(session, str(caller.project_id))
    group = Group(
        id=new_id(),
        project_id=str(caller.project_id),
        user_id=caller.user_id,
        name=request.name,
        description=request.description,
        type_id=group_type.id,
        availability_zone=zone or hosts.DEFAULT_ZONE,
        status="available",
    )
    group_specs = {key: value or "" for key, value in group_type.specs.items()}
    all_specs = [*(volume_type.extra_specs for volume_type in volume_types), group_specs]
    try:
        group.host = pick_pool(session, *(RequestSpec(0, specs, zone) for specs in all_specs))
    except NoValidBackend as err:
        group.status = "error"
        messages.create(session, group, "create group", str(err))
    _add(session, group, volume_types)
    return group


def _add(session: Session, group: Group, volume_types: Sequence[VolumeType]) -> None:
    session.add(group)
    session.flush()
    session.add_all(GroupVolumeType(group_id=group.id, type_id=volume_type.id) for volume_type in volume_types)
    session.flush()
    set_committed_value(group, "volume_types", list(volume_types))


def copy(
    session: Session, caller: Caller, source: Group | GroupSnapshot, name: str | None, description: str | None
) -> tuple[Group, list[Job]]:
    """Write a group with a copy of each volume of a group, or of each snapshot of a group snapshot.

    Each copy has a job of its own. The group's job, which waits for them, is the last one.
    """
    from_group = isinstance(source, Group)
    origin = source if isinstance(source, Group) else session.get_one(Group, source.group_id)
    parts: Sequence[Volume | Snapshot] = (
        list_volumes(session, source.id) if from_group else list_snapshots(session, source.id)
    )
    if not parts:
        kind = "Source Group" if from_group else "Group snapshot"
        raise InvalidGroup(why=f"{kind} is empty. No group will be created.")
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
        source_group_id=source.id if from_group else None,
        group_snapshot_id=None if from_group else source.id,
    )
    missing = {part.type_id for part in parts} - {volume_type.id for volume_type in origin.volume_types}
    others = session.scalars(select(VolumeType).where(VolumeType.id.in_(missing)))
    _add(session, group, [*origin.volume_types, *others])
    jobs = []
    for part in parts:
        request = VolumeRequest(
            type=part.type_id,
            group=group,
            source_volid=part.id if from_group else None,
            snapshot_id=None if from_group else part.id,
        )
        jobs.append(volumes.create(session, caller, request)[1])
    return group, [*jobs, enqueue(session, Job, flow="group.copy", subject=group.id, caller=caller)]


def update(session: Session, caller: Caller, group: Group, request: GroupUpdate) -> None:
    """Rename the group, add and remove volumes. Storage hosts needn't know, so all is done when this returns."""
    if both := [volume_id for volume_id in request.add if volume_id in request.remove]:
        raise InvalidVolume(why=f"UUIDs {both} are in both add and remove volume list.")
    values = {name: value for name, value in request.values.items() if value != getattr(group, name)}
    inside = {volume.id: volume for volume in list_volumes(session, group.id)}
    add = [volume_id for volume_id in request.add if volume_id not in inside]
    check_may_join(session, caller, group, add)
    for volume_id in request.remove:
        check_may_leave(group, volume_id, inside.get(volume_id))
    if not (values or add or request.remove):
        raise InvalidGroup(
            why=f"Cannot update group {group.id} because no valid name, description, add_volumes, or "
            "remove_volumes were provided."
        )
    for name, value in values.items():
        setattr(group, name, value)
    group.updated_at = now()
    change_group(session, add, None, group.id)
    change_group(session, request.remove, group.id, None)


def delete(session: Session, caller: Caller, group: Group, with_volumes: bool) -> list[Job]:
    """Set the group to deleting and, if asked, its volumes.

    The group's job, which waits for those of the volumes, is the last one. The job of a group that is being copied is
    cancelled and removes it.
    """
    move_group(session, group, "delete_with_volumes" if with_volumes else "delete")
    if session.scalar(select(exists().where(GroupSnapshot.group_id == group.id))):
        raise InvalidGroup(why="Group has existing snapshots.")
    inside = list_volumes(session, group.id)
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
        if volume.status != "deleting" and (job := volumes.delete(session, caller, volume, with_group=True))
    ]
    return [*jobs, enqueue(session, Job, flow="group.delete", subject=group.id, caller=caller)]


def delete_volumes(session: Session, work: Work, group_id: str) -> list[Job]:
    """Set every volume to deleting that isn't in use yet; one whose deletion failed waits for its owner."""
    jobs = []
    for volume in list_volumes(session, group_id):
        if volume.status in ("deleting", "error_deleting"):
            continue
        try:
            job = volumes.delete(session, work, volume, with_group=True)
        except InvalidVolume:
            continue
        if job:
            jobs.append(job)
    return jobs


def check_replicated(session: Session, group: Group) -> None:
    """Raise InvalidGroupType unless the group's type asks for replication."""
    specs = session.get_one(GroupType, group.type_id).specs
    if not any(specs.get(name) == "<is> True" for name in REPLICATED):
        raise InvalidGroupType(why=f"Group {group.id} is not a replication group type.")


def reset_status(group: Group, status: str) -> None:
    """Set the status as an administrator asks, whatever it was."""
    group.status, group.updated_at = status, now()
