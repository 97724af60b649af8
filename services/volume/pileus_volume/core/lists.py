"""The lists of all nouns: which rows a caller sees, and by what they may be filtered and sorted."""

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_volume.core import (
    attachments,
    backups,
    filters,
    group_snapshots,
    group_types,
    groups,
    messages,
    qos_specs,
    snapshots,
    transfers,
    types,
    volumes,
)
from pileus_volume.core.filters import Column, Conditions, Filter, equals
from pileus_volume.core.queries import ListRequest, Query
from pileus_volume.core.visibility import sees_all_projects
from pileus_volume.db.models import (
    Attachment,
    Backup,
    Group,
    GroupSnapshot,
    GroupType,
    Message,
    QosSpec,
    Snapshot,
    Transfer,
    Volume,
    VolumeType,
)


def summarize_volumes(session: Session, caller: Caller, request: ListRequest) -> tuple[int, int]:
    """How many volumes meet the filters, and their GiB."""
    found = VOLUMES.statement(caller, request).subquery()
    number, size = session.execute(
        select(func.count(), func.coalesce(func.sum(found.c.size), 0)).select_from(found)
    ).one()
    return number, int(size)


def summarize_metadata(session: Session, caller: Caller, request: ListRequest) -> dict[str, list[str]]:
    """The metadata of the volumes that meet the filters: for each key its values."""
    statement = VOLUMES.statement(caller, request).subquery()
    found: dict[str, set[str]] = {}
    for metadata in session.scalars(select(statement.c.meta).limit(10_000)):
        for key, value in (metadata or {}).items():
            found.setdefault(key, set()).add(value)
    return {key: sorted(values) for key, values in found.items()}


def _of_type(text: str, name: str) -> Conditions:
    named = select(VolumeType.id).where((VolumeType.id == text) | (VolumeType.name == text))
    return [Volume.type_id.in_(named)]


def _attached_to(text: str, name: str) -> Conditions:
    return [exists().where(Attachment.volume_id == Volume.id, Attachment.attached_host == text)]


def _owner(column: Column) -> dict[str, Filter]:
    return {name: equals(column, admin=True) for name in ("project_id", "tenant_id")}


VOLUMES = Query(
    Volume,
    volumes.find,
    sortable={
        "id": Volume.id,
        "status": Volume.status,
        "size": Volume.size,
        "availability_zone": Volume.availability_zone,
        "name": Volume.name,
        "display_name": Volume.name,
        "bootable": Volume.bootable,
        "created_at": Volume.created_at,
        "updated_at": Volume.updated_at,
        "host": Volume.host,
        "project_id": Volume.project_id,
        "user_id": Volume.user_id,
    },
    filters={
        "id": filters.one_of(Volume.id),
        "status": filters.one_of(Volume.status),
        "availability_zone": filters.one_of(Volume.availability_zone),
        "size": filters.one_of_numbers(Volume.size),
        "user_id": filters.one_of(Volume.user_id),
        "attach_status": filters.one_of(Volume.attach_status),
        "snapshot_id": filters.one_of(Volume.snapshot_id),
        "source_volid": filters.one_of(Volume.source_volid),
        "name": equals(Volume.name),
        "display_name": equals(Volume.name),
        "name~": filters.contains(Volume.name),
        "description~": filters.contains(Volume.description),
        "bootable": filters.flag(Volume.bootable),
        "multiattach": filters.flag(Volume.multiattach),
        "consumes_quota": filters.consumes_quota(Volume.id),
        "metadata": filters.has_items(Volume.meta),
        "glance_metadata": filters.has_items(Volume.image_meta, (3, 4)),
        "group_id": equals(Volume.group_id, (3, 10)),
        "created_at": filters.compares_time(Volume.created_at),
        "updated_at": filters.compares_time(Volume.updated_at),
        "volume_type": Filter(_of_type),
        "volume_type_id": Filter(_of_type),
        "type": Filter(_of_type),
        "host": equals(Volume.host, admin=True),
        "migration_status": equals(Volume.migration_status),
        "attached_host": Filter(_attached_to, admin=True),
        **_owner(Volume.project_id),
    },
    project=Volume.project_id,
)
SNAPSHOTS = Query(
    Snapshot,
    snapshots.find,
    sortable={
        "id": Snapshot.id,
        "status": Snapshot.status,
        "name": Snapshot.name,
        "display_name": Snapshot.name,
        "created_at": Snapshot.created_at,
        "updated_at": Snapshot.updated_at,
        "volume_id": Snapshot.volume_id,
        "volume_size": Snapshot.volume_size,
        "size": Snapshot.volume_size,
        "project_id": Snapshot.project_id,
        "description": Snapshot.description,
    },
    filters={
        "id": equals(Snapshot.id),
        "status": equals(Snapshot.status),
        "name": equals(Snapshot.name),
        "display_name": equals(Snapshot.name),
        "volume_id": equals(Snapshot.volume_id),
        "user_id": equals(Snapshot.user_id),
        "group_snapshot_id": equals(Snapshot.group_snapshot_id, (3, 14)),
        "name~": filters.contains(Snapshot.name),
        "metadata": filters.has_items(Snapshot.meta, (3, 22)),
        "created_at": filters.compares_time(Snapshot.created_at),
        "updated_at": filters.compares_time(Snapshot.updated_at),
        "consumes_quota": filters.consumes_quota(Snapshot.id),
        **_owner(Snapshot.project_id),
    },
    project=Snapshot.project_id,
    sees_all=sees_all_projects,
)
BACKUPS = Query(
    Backup,
    backups.find,
    sortable={
        "id": Backup.id,
        "status": Backup.status,
        "name": Backup.name,
        "created_at": Backup.created_at,
        "updated_at": Backup.updated_at,
        "volume_id": Backup.volume_id,
        "size": Backup.size,
        "project_id": Backup.project_id,
        "data_timestamp": Backup.data_timestamp,
    },
    filters={
        "id": equals(Backup.id),
        "status": equals(Backup.status),
        "name": equals(Backup.name),
        "volume_id": equals(Backup.volume_id),
        "snapshot_id": equals(Backup.snapshot_id),
        "name~": filters.contains(Backup.name),
        **_owner(Backup.project_id),
    },
    project=Backup.project_id,
)
ATTACHMENTS = Query(
    Attachment,
    attachments.find,
    sortable={
        "id": Attachment.id,
        "created_at": Attachment.created_at,
        "volume_id": Attachment.volume_id,
        "attach_status": Attachment.attach_status,
        "instance_uuid": Attachment.instance_id,
    },
    filters={
        "id": equals(Attachment.id),
        "volume_id": equals(Attachment.volume_id),
        "instance_id": equals(Attachment.instance_id),
        "instance_uuid": equals(Attachment.instance_id),
        "status": equals(Attachment.attach_status),
        "attach_status": equals(Attachment.attach_status),
        "attached_host": equals(Attachment.attached_host, admin=True),
        "project_id": equals(Attachment.project_id, admin=True),
    },
    project=Attachment.project_id,
    sees_all=sees_all_projects,
)
GROUPS = Query(
    Group,
    groups.find,
    sortable={
        "id": Group.id,
        "status": Group.status,
        "name": Group.name,
        "created_at": Group.created_at,
        "updated_at": Group.updated_at,
        "group_type": Group.type_id,
        "availability_zone": Group.availability_zone,
        "project_id": Group.project_id,
    },
    filters={
        "id": equals(Group.id),
        "status": equals(Group.status),
        "name": equals(Group.name),
        "group_type": equals(Group.type_id),
        "group_type_id": equals(Group.type_id),
        "availability_zone": equals(Group.availability_zone),
        "group_snapshot_id": equals(Group.group_snapshot_id),
        "source_group_id": equals(Group.source_group_id),
        "name~": filters.contains(Group.name),
        "host": equals(Group.host, admin=True),
        **_owner(Group.project_id),
    },
    project=Group.project_id,
    ignored=("list_volume",),
)
GROUP_SNAPSHOTS = Query(
    GroupSnapshot,
    group_snapshots.find,
    sortable={
        "id": GroupSnapshot.id,
        "status": GroupSnapshot.status,
        "name": GroupSnapshot.name,
        "created_at": GroupSnapshot.created_at,
        "updated_at": GroupSnapshot.updated_at,
        "group_id": GroupSnapshot.group_id,
        "project_id": GroupSnapshot.project_id,
    },
    filters={
        "id": equals(GroupSnapshot.id),
        "status": equals(GroupSnapshot.status),
        "name": equals(GroupSnapshot.name),
        "group_id": equals(GroupSnapshot.group_id),
        "group_type_id": equals(GroupSnapshot.group_type_id),
        "name~": filters.contains(GroupSnapshot.name),
        **_owner(GroupSnapshot.project_id),
    },
    project=GroupSnapshot.project_id,
)
MESSAGES = Query(
    Message,
    messages.find,
    sortable={
        "id": Message.id,
        "created_at": Message.created_at,
        "event_id": Message.event_id,
        "resource_type": Message.resource_type,
        "resource_uuid": Message.resource_id,
        "request_id": Message.request_id,
        "guaranteed_until": Message.expires_at,
    },
    filters={
        "resource_uuid": equals(Message.resource_id),
        "resource_type": equals(Message.resource_type),
        "event_id": equals(Message.event_id),
        "request_id": equals(Message.request_id),
    },
    project=Message.project_id,
    sees_all=lambda caller: False,
    strict=False,
)
TRANSFERS = Query(
    Transfer,
    transfers.find,
    sortable={"id": Transfer.id, "name": Transfer.name, "created_at": Transfer.created_at},
    project=Transfer.source_project_id,
    strict=False,
)
QOS_SPECS = Query(
    QosSpec,
    lambda session, qos_id, caller: qos_specs.find(session, qos_id),
    sortable={
        "id": QosSpec.id,
        "name": QosSpec.name,
        "consumer": QosSpec.consumer,
        "created_at": QosSpec.created_at,
    },
    strict=False,
)
VOLUME_TYPES = Query(
    VolumeType,
    types.find,
    sortable={
        "id": VolumeType.id,
        "name": VolumeType.name,
        "created_at": VolumeType.created_at,
        "is_public": VolumeType.is_public,
    },
    filters={
        "name": equals(VolumeType.name),
        "extra_specs": filters.has_items(VolumeType.extra_specs, (3, 52)),
    },
    strict=False,
)
GROUP_TYPES = Query(
    GroupType,
    group_types.find,
    sortable={
        "id": GroupType.id,
        "name": GroupType.name,
        "is_public": GroupType.is_public,
        "created_at": GroupType.created_at,
        "updated_at": GroupType.updated_at,
    },
    strict=False,
)


def types_seen(caller: Caller, public: bool | None, every: bool) -> list[ColumnElement[bool]]:
    """Conditions on volume types: those that the caller's project may use; for administrators those that are public or
    not as `public` says, or with `every` all of them."""
    if caller.is_admin and every:
        return []
    if caller.is_admin and public is not None:
        return [VolumeType.is_public.is_(public)]
    return [types.visible_to(caller)]


def group_types_seen(caller: Caller, public: bool | None) -> list[ColumnElement[bool]]:
    """Conditions on group types: the public ones; for administrators those that are public or not as `public` says, or
    all of them if it is None."""
    if not caller.is_admin:
        public = True
    return [] if public is None else [GroupType.is_public.is_(public)]
