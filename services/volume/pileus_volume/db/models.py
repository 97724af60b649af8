"""The tables, one class a noun. What Cinder keeps in key-value tables is a JSON column here: one row, one read."""

from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, exists
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column, relationship

from pileus_kit import sealing
from pileus_kit.db import Json, Utc, new_id, now
from pileus_kit.flow import EventColumns, JobColumns
from pileus_kit.hosts import SeenColumns


class Model(DeclarativeBase):
    """Every table of block storage."""


class StoredConnection(TypedDict):
    """OpenStack's connection_info as the database and the API have it."""

    driver_volume_type: str
    data: dict[str, object]


class OwnedColumns:
    """The columns of a noun that belongs to a project."""

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[str] = mapped_column(String(64), default="")
    name: Mapped[str | None] = mapped_column(String(255), default=None)
    description: Mapped[str | None] = mapped_column(String(255), default=None)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    updated_at: Mapped[datetime | None] = mapped_column(Utc, default=None)


class VolumeType(Model):
    """What volumes may be asked for."""

    __tablename__ = "volume_types"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    description: Mapped[str | None] = mapped_column(String(255), default=None)
    is_public: Mapped[bool] = mapped_column(default=True)
    extra_specs: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    qos_id: Mapped[str | None] = mapped_column(ForeignKey("qos_specs.id"), default=None)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    updated_at: Mapped[datetime | None] = mapped_column(Utc, default=None)


class TypeAccess(Model):
    """A project that may use a private type."""

    __tablename__ = "volume_type_access"

    type_id: Mapped[str] = mapped_column(ForeignKey("volume_types.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(64), primary_key=True)


class DefaultType(Model):
    """The type of a project's volumes when a request names none."""

    __tablename__ = "default_types"

    project_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    type_id: Mapped[str] = mapped_column(ForeignKey("volume_types.id", ondelete="CASCADE"))


class QosSpec(Model):
    """A named set of keys that types refer to."""

    __tablename__ = "qos_specs"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    consumer: Mapped[str] = mapped_column(String(16), default="back-end")
    specs: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)


class Volume(OwnedColumns, Model):
    """A disk. Its snapshots, attachments and backups name it."""

    __tablename__ = "volumes"

    size: Mapped[int]  # GiB, as users see it
    claimed: Mapped[int]  # GiB that quotas and the scheduler count: the new size while it is being extended
    status: Mapped[str] = mapped_column(String(32), default="creating")
    previous_status: Mapped[str | None] = mapped_column(String(32), default=None)
    attach_status: Mapped[str] = mapped_column(String(32), default="detached")
    migration_status: Mapped[str | None] = mapped_column(String(32), default=None)
    type_id: Mapped[str] = mapped_column(ForeignKey("volume_types.id"))
    availability_zone: Mapped[str | None] = mapped_column(String(255), default=None)
    host: Mapped[str | None] = mapped_column(String(255), default=None)  # name@backend#pool
    bootable: Mapped[bool] = mapped_column(default=False)
    multiattach: Mapped[bool] = mapped_column(default=False)
    readonly: Mapped[bool | None] = mapped_column(default=None)
    snapshot_id: Mapped[str | None] = mapped_column(String(36), default=None)
    source_volid: Mapped[str | None] = mapped_column(String(36), default=None)
    group_id: Mapped[str | None] = mapped_column(String(36), default=None)
    meta: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    image_meta: Mapped[dict[str, object] | None] = mapped_column(Json, default=None)
    launched_at: Mapped[datetime | None] = mapped_column(Utc, default=None)
    attachments: Mapped[list["Attachment"]] = relationship(
        lazy="selectin", viewonly=True, order_by="Attachment.created_at"
    )
    type: Mapped[VolumeType] = relationship(lazy="joined", innerjoin=True, viewonly=True)

    __table_args__ = (
        Index("volumes_of_project", "project_id", "created_at", "id"),
        Index("volumes_in_order", "created_at", "id"),
        Index("volumes_of_host", "host"),
        Index("volumes_of_type", "type_id"),
        Index("volumes_of_group", "group_id"),
    )


class Snapshot(OwnedColumns, Model):
    """A volume's content of one moment."""

    __tablename__ = "snapshots"

    volume_id: Mapped[str] = mapped_column(ForeignKey("volumes.id"))
    volume_size: Mapped[int]
    status: Mapped[str] = mapped_column(String(32), default="creating")
    progress: Mapped[str] = mapped_column(String(8), default="0%")
    type_id: Mapped[str] = mapped_column(String(36))
    group_snapshot_id: Mapped[str | None] = mapped_column(String(36), default=None)
    stored_name: Mapped[str | None] = mapped_column(String(255), default=None)  # in the disk; None: its id
    meta: Mapped[dict[str, str]] = mapped_column(Json, default=dict)

    __table_args__ = (
        Index("snapshots_of_project", "project_id", "created_at", "id"),
        Index("snapshots_in_order", "created_at", "id"),
        Index("snapshots_of_volume", "volume_id"),
        Index("snapshots_of_group_snapshot", "group_snapshot_id"),
    )


class GroupType(Model):
    """What groups of volumes may be asked for."""

    __tablename__ = "group_types"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    description: Mapped[str | None] = mapped_column(String(255), default=None)
    is_public: Mapped[bool] = mapped_column(default=True)
    specs: Mapped[dict[str, str | None]] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    updated_at: Mapped[datetime | None] = mapped_column(Utc, default=None)


class Group(OwnedColumns, Model):
    """Volumes of one storage host and of certain types that are copied and deleted together; they name it."""

    __tablename__ = "groups"

    type_id: Mapped[str] = mapped_column(ForeignKey("group_types.id"))
    status: Mapped[str] = mapped_column(String(32), default="creating")
    availability_zone: Mapped[str] = mapped_column(String(255))
    host: Mapped[str | None] = mapped_column(String(255), default=None)  # name@backend#pool
    source_group_id: Mapped[str | None] = mapped_column(String(36), default=None)
    group_snapshot_id: Mapped[str | None] = mapped_column(String(36), default=None)
    volume_types: Mapped[list[VolumeType]] = relationship(
        lazy="selectin", viewonly=True, secondary="group_volume_types", order_by="VolumeType.id"
    )

    __table_args__ = (
        Index("groups_of_project", "project_id", "created_at", "id"),
        Index("groups_in_order", "created_at", "id"),
        Index("groups_of_type", "type_id"),
    )


class GroupVolumeType(Model):
    """A type that volumes of the group may have."""

    __tablename__ = "group_volume_types"

    group_id: Mapped[str] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    type_id: Mapped[str] = mapped_column(ForeignKey("volume_types.id"), primary_key=True)

    __table_args__ = (Index("groups_of_volume_type", "type_id"),)


class GroupSnapshot(OwnedColumns, Model):
    """A snapshot of each volume of a group; they name it."""

    __tablename__ = "group_snapshots"

    group_id: Mapped[str] = mapped_column(ForeignKey("groups.id"))
    group_type_id: Mapped[str] = mapped_column(String(36))
    status: Mapped[str] = mapped_column(String(32), default="creating")

    __table_args__ = (
        Index("group_snapshots_of_project", "project_id", "created_at", "id"),
        Index("group_snapshots_in_order", "created_at", "id"),
        Index("group_snapshots_of_group", "group_id"),
    )


class Backup(OwnedColumns, Model):
    """A volume's content in the object store, which outlives the volume.

    `location`: account (the id of the project in whose account the objects are), prefix (of their names) and, once the
    backup is complete, digest (sha256 of its manifest). `volume_facts`: columns of the volume that are restored, too.
    """

    __tablename__ = "backups"

    volume_id: Mapped[str] = mapped_column(String(36))
    snapshot_id: Mapped[str | None] = mapped_column(String(36), default=None)
    parent_id: Mapped[str | None] = mapped_column(
        String(36), default=None
    )  # the backup that an incremental one builds upon
    size: Mapped[int]  # GiB, of the volume
    status: Mapped[str] = mapped_column(String(32), default="creating")
    fail_reason: Mapped[str | None] = mapped_column(String(255), default=None)
    container: Mapped[str] = mapped_column(String(255))
    location: Mapped[dict[str, str]] = mapped_column(Json)
    object_count: Mapped[int] = mapped_column(default=0)
    availability_zone: Mapped[str | None] = mapped_column(String(255), default=None)
    data_timestamp: Mapped[datetime] = mapped_column(Utc, default=now)
    volume_facts: Mapped[dict[str, object]] = mapped_column(Json, default=dict)
    meta: Mapped[dict[str, str]] = mapped_column(Json, default=dict)

    if TYPE_CHECKING:
        has_increments: Mapped[bool]  # set below, because its query is about the same table

    __table_args__ = (
        Index("backups_of_project", "project_id", "created_at", "id"),
        Index("backups_in_order", "created_at", "id"),
        Index("backups_of_volume", "volume_id"),
        Index("backups_upon", "parent_id"),
    )


_increments = Backup.__table__.alias("increments")
Backup.has_increments = column_property(exists().where(_increments.c.parent_id == Backup.id))


class Attachment(Model):
    """The record of which server has a volume; deleted when the volume is detached."""

    __tablename__ = "attachments"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    volume_id: Mapped[str] = mapped_column(ForeignKey("volumes.id", ondelete="CASCADE"))
    project_id: Mapped[str] = mapped_column(String(64))
    instance_id: Mapped[str | None] = mapped_column(String(36), default=None)
    attached_host: Mapped[str | None] = mapped_column(String(255), default=None)
    mountpoint: Mapped[str | None] = mapped_column(String(255), default=None)
    attach_status: Mapped[str] = mapped_column(String(32), default="reserved")
    attach_mode: Mapped[str | None] = mapped_column(String(4), default=None)
    connector: Mapped[dict[str, object] | None] = mapped_column(Json, default=None)
    stored_connection: Mapped[StoredConnection | None] = mapped_column("connection", Json, default=None)
    export_host: Mapped[str | None] = mapped_column(String(255), default=None)  # storage host that serves it over NBD
    sealed_export_name: Mapped[str | None] = mapped_column("export_name", Text, default=None)
    export_client: Mapped[str | None] = mapped_column(String(255), default=None)  # the one machine that may open it
    export_port: Mapped[int | None] = mapped_column(default=None)  # where that machine opens what is for it
    attached_at: Mapped[datetime | None] = mapped_column(Utc, default=None)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)

    __table_args__ = (
        Index("attachments_of_volume", "volume_id"),
        Index("attachments_of_instance", "instance_id"),
        Index("attachments_of_project", "project_id", "created_at", "id"),
        Index("attachments_exported", "export_host"),
    )

    @property
    def export_name(self) -> str | None:
        """A secret between the storage host and the client: knowing it is enough to open the disk."""
        return sealing.unseal(self.sealed_export_name)

    @export_name.setter
    def export_name(self, name: str | None) -> None:
        self.sealed_export_name = sealing.seal(name)

    @property
    def connection(self) -> StoredConnection | None:
        """How a client connects. The name of the export is stored beside it, sealed."""
        stored = self.stored_connection
        if stored is None or self.sealed_export_name is None:
            return stored
        data = stored["data"] | {"export": self.export_name}
        return {"driver_volume_type": stored["driver_volume_type"], "data": data}

    @connection.setter
    def connection(self, connection: StoredConnection | None) -> None:
        if connection is None:
            self.stored_connection = None
            return
        data = {name: value for name, value in connection["data"].items() if name != "export"}
        self.stored_connection = {"driver_volume_type": connection["driver_volume_type"], "data": data}


class StorageHost(SeenColumns, Model):
    """What a storage host reported last, and what operators decided about it."""

    __tablename__ = "storage_hosts"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    pool: Mapped[str] = mapped_column(String(255))  # name@backend#pool
    driver: Mapped[str] = mapped_column(String(64))
    backend_name: Mapped[str] = mapped_column(String(255))
    availability_zone: Mapped[str] = mapped_column(String(255))
    total_gib: Mapped[float]
    free_gib: Mapped[float]
    overcommit: Mapped[float]
    directory: Mapped[str] = mapped_column(String(1024))
    disk_format: Mapped[str] = mapped_column(String(16))
    nbd_host: Mapped[str] = mapped_column(String(255))
    nbd_port: Mapped[int]
    nbd_tls: Mapped[bool]
    generation: Mapped[int] = mapped_column(default=0)  # grows with every change of its exports
    disabled: Mapped[bool] = mapped_column(default=False)
    disabled_reason: Mapped[str | None] = mapped_column(String(255), default=None)
    frozen: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (Index("storage_hosts_by_pool", "pool"),)


class Quota(Model):
    """A project's own limit; -1 is unlimited."""

    __tablename__ = "quotas"

    project_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    resource: Mapped[str] = mapped_column(String(300), primary_key=True)
    hard_limit: Mapped[int]


class QuotaClass(Model):
    """A limit of a class; the class `default` holds for all projects."""

    __tablename__ = "quota_classes"

    class_name: Mapped[str] = mapped_column(String(255), primary_key=True)
    resource: Mapped[str] = mapped_column(String(300), primary_key=True)
    hard_limit: Mapped[int]


class Transfer(Model):
    """The offer of a volume to the project whose user knows the key."""

    __tablename__ = "transfers"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    volume_id: Mapped[str] = mapped_column(ForeignKey("volumes.id", ondelete="CASCADE"))
    name: Mapped[str | None] = mapped_column(String(255), default=None)
    key_hash: Mapped[str] = mapped_column(String(64))
    no_snapshots: Mapped[bool] = mapped_column(default=False)
    source_project_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)

    __table_args__ = (UniqueConstraint("volume_id"), Index("transfers_of_project", "source_project_id", "created_at"))


class Message(Model):
    """Why an accepted request failed, for its users."""

    __tablename__ = "messages"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(String(64))
    resource_type: Mapped[str] = mapped_column(String(32))
    resource_id: Mapped[str] = mapped_column(String(36))
    event_id: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    request_id: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    expires_at: Mapped[datetime] = mapped_column(Utc)

    __table_args__ = (
        Index("messages_of_project", "project_id", "created_at", "id"),
        Index("messages_expire", "expires_at"),
    )


class Job(JobColumns, Model):
    """One run of a flow."""

    __tablename__ = "jobs"


class Event(EventColumns, Model):
    """What a job did."""

    __tablename__ = "events"
