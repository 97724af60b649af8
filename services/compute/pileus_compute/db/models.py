"""Compute's tables. A class is a row; the rules are in core/."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pileus_kit import sealing
from pileus_kit.db import Json, Utc, new_id, now
from pileus_kit.flow import EventColumns, JobColumns, job_indexes
from pileus_kit.hosts import ForcedDownColumns, SeenColumns
from pileus_kit.json_types import JsonObject


class Model(DeclarativeBase):
    type_annotation_map = {datetime: Utc, JsonObject: Json, list[Any]: Json}


class Job(JobColumns, Model):
    __tablename__ = "jobs"
    __table_args__ = job_indexes("jobs")


class Event(EventColumns, Model):
    __tablename__ = "events"


class Flavor(Model):
    """A size of servers. Administrators choose the `id`, and users know it."""

    __tablename__ = "flavors"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    vcpus: Mapped[int]
    memory_mib: Mapped[int]
    disk_gib: Mapped[int]
    ephemeral_gib: Mapped[int] = mapped_column(default=0)
    swap_mib: Mapped[int] = mapped_column(default=0)
    rxtx_factor: Mapped[float] = mapped_column(default=1.0)
    is_public: Mapped[bool] = mapped_column(default=True)
    description: Mapped[str | None] = mapped_column(Text)
    extra_specs: Mapped[JsonObject] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime | None] = mapped_column(onupdate=now)


class FlavorAccess(Model):
    """A project that may use a flavor which is not public."""

    __tablename__ = "flavor_access"

    flavor_id: Mapped[str] = mapped_column(ForeignKey("flavors.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(255), primary_key=True)


class Keypair(Model):
    __tablename__ = "keypairs"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(16), default="ssh")
    public_key: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=now)


class ServerGroup(Model):
    __tablename__ = "server_groups"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(String(255), index=True)
    user_id: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    policy: Mapped[str] = mapped_column(String(32))
    rules: Mapped[JsonObject] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)


class ServerColumns:
    """The columns that existing and deleted servers share, because both are shown."""

    project_id: Mapped[str] = mapped_column(String(255))
    user_id: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(String(255))
    hostname: Mapped[str] = mapped_column(String(255), default="")
    reservation_id: Mapped[str] = mapped_column(String(32), default="")
    launch_index: Mapped[int] = mapped_column(default=0)

    status: Mapped[str] = mapped_column(String(24), default="BUILD")
    power_state: Mapped[int] = mapped_column(default=0)
    progress: Mapped[int] = mapped_column(default=0)
    locked_by: Mapped[str | None] = mapped_column(String(16))
    locked_reason: Mapped[str | None] = mapped_column(String(255))

    flavor_id: Mapped[str] = mapped_column(String(255))
    flavor: Mapped[JsonObject]  # a copy (core.flavors.copy_of): servers outlive their flavor
    vcpus: Mapped[int]
    memory_mib: Mapped[int]
    image_id: Mapped[str | None] = mapped_column(String(36))
    image: Mapped[JsonObject] = mapped_column(default=dict)
    key_name: Mapped[str | None] = mapped_column(String(255))
    config_drive: Mapped[bool] = mapped_column(default=False)
    disk_config: Mapped[str] = mapped_column(String(8), default="MANUAL")
    access_ip_v4: Mapped[str | None] = mapped_column(String(39))
    access_ip_v6: Mapped[str | None] = mapped_column(String(39))
    security_groups: Mapped[list[Any]] = mapped_column(default=list)
    meta: Mapped[JsonObject] = mapped_column("metadata", Json, default=dict)
    root_device: Mapped[str | None] = mapped_column(String(64))

    host: Mapped[str | None] = mapped_column(String(255))
    zone: Mapped[str | None] = mapped_column(String(255))
    requested_zone: Mapped[str | None] = mapped_column(String(255))

    created_at: Mapped[datetime] = mapped_column(default=now)
    launched_at: Mapped[datetime | None]


class Server(ServerColumns, Model):
    """A server. `status` is its stable status (see core.states); the live job says what is being done with it."""

    __tablename__ = "servers"
    __table_args__ = (
        Index("servers_by_project", "project_id", "created_at", "id"),
        Index("servers_by_age", "created_at", "id"),
        Index("servers_by_host", "host"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)

    deleting: Mapped[bool] = mapped_column(default=False)  # DELETE was accepted
    fault: Mapped[JsonObject | None]
    saved_state: Mapped[JsonObject | None]  # what reverting a resize or unshelving restores

    public_key: Mapped[str | None] = mapped_column(Text)
    key_type: Mapped[str | None] = mapped_column(String(16))
    sealed_user_data: Mapped[str | None] = mapped_column("user_data", Text)
    sealed_password: Mapped[str | None] = mapped_column("admin_password", Text)  # until the guest has it
    encrypted_password: Mapped[str | None] = mapped_column(Text)  # posted by the guest, encrypted with the user's key

    device_addresses: Mapped[JsonObject] = mapped_column(default=dict)  # volume or port id -> "pci 0000:00:07.0"

    requested_host: Mapped[str | None] = mapped_column(String(255))
    scheduler_hints: Mapped[JsonObject] = mapped_column(default=dict)
    group_id: Mapped[str | None] = mapped_column(String(36), index=True)

    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    @property
    def user_data(self) -> str | None:
        """The user data, unsealed at each access: lists don't need it."""
        return sealing.unseal(self.sealed_user_data)

    @user_data.setter
    def user_data(self, text: str | None) -> None:
        self.sealed_user_data = sealing.seal(text)

    @property
    def admin_password(self) -> str | None:
        return sealing.unseal(self.sealed_password)

    @admin_password.setter
    def admin_password(self, text: str | None) -> None:
        self.sealed_password = sealing.seal(text)


class ServerTag(Model):
    __tablename__ = "server_tags"

    server_id: Mapped[str] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(60), primary_key=True)


class ServerPort(Model):
    """A port of a server, as the network service last showed it, so that lists needn't ask that service."""

    __tablename__ = "server_ports"
    __table_args__ = (Index("server_ports_by_server", "server_id", "position"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    server_id: Mapped[str] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(default=0)
    network_id: Mapped[str] = mapped_column(String(36))
    network_name: Mapped[str] = mapped_column(String(255))
    mac: Mapped[str] = mapped_column(String(17))
    mtu: Mapped[int] = mapped_column(default=1500)
    fixed_ips: Mapped[list[Any]] = mapped_column(default=list)  # [{"ip_address", "subnet_id"}]
    addresses: Mapped[str] = mapped_column(Text, default="")  # fixed and floating ones as text, for filters
    floating_ips: Mapped[JsonObject] = mapped_column(default=dict)  # by fixed address
    delete_on_termination: Mapped[bool] = mapped_column(default=True)  # made for the server, not by its user
    tag: Mapped[str | None] = mapped_column(String(60))


class ServerVolume(Model):
    """A volume of a server, or a disk that becomes one once a flow has made and attached the volume."""

    __tablename__ = "server_volumes"
    __table_args__ = (Index("server_volumes_by_server", "server_id", "position"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    server_id: Mapped[str] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(default=0)
    volume_id: Mapped[str | None] = mapped_column(String(36), index=True)
    attachment_id: Mapped[str | None] = mapped_column(String(36))
    device: Mapped[str | None] = mapped_column(String(64))
    boot_index: Mapped[int | None]
    delete_on_termination: Mapped[bool] = mapped_column(default=False)
    tag: Mapped[str | None] = mapped_column(String(60))
    source: Mapped[str] = mapped_column(String(8), default="volume")  # volume image snapshot blank
    source_id: Mapped[str | None] = mapped_column(String(36))
    size_gib: Mapped[int | None]
    volume_type: Mapped[str | None] = mapped_column(String(255))
    connection_info: Mapped[JsonObject | None]


class Host(ForcedDownColumns, Model):
    """A machine that runs servers: what its agent last reported, and what servers have claimed."""

    __tablename__ = "hosts"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), unique=True, default=new_id)  # as a hypervisor
    number: Mapped[int] = mapped_column(default=0)  # the id of hypervisor and service before 2.53
    service_id: Mapped[str] = mapped_column(String(36), unique=True, default=new_id)
    hypervisor: Mapped[str] = mapped_column(String(64), default="")
    vcpus: Mapped[int] = mapped_column(default=0)
    memory_mib: Mapped[int] = mapped_column(default=0)
    disk_gib: Mapped[int] = mapped_column(default=0)
    vcpus_used: Mapped[int] = mapped_column(default=0)
    memory_mib_used: Mapped[int] = mapped_column(default=0)
    disk_gib_used: Mapped[int] = mapped_column(default=0)
    inventory: Mapped[JsonObject] = mapped_column(
        default=dict
    )  # the rest of the report: address, CPU model, firmware …
    disabled: Mapped[bool] = mapped_column(default=False)
    disabled_reason: Mapped[str | None] = mapped_column(String(255))
    started_at: Mapped[datetime] = mapped_column(default=now)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Worker(SeenColumns, Model):
    """A process that runs jobs. OpenStack's clients see it as a scheduler and a conductor."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)  # the host that it runs on
    number: Mapped[int] = mapped_column(unique=True)
    scheduler_id: Mapped[str] = mapped_column(String(36), unique=True, default=new_id)
    conductor_id: Mapped[str] = mapped_column(String(36), unique=True, default=new_id)


class Allocation(Model):
    """A server's claim on a host. A resized server has two until the resize is confirmed."""

    __tablename__ = "allocations"

    server_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(8), primary_key=True, default="run")  # run, or old: before a resize
    host: Mapped[str] = mapped_column(String(255), index=True)
    vcpus: Mapped[int]
    memory_mib: Mapped[int]
    disk_gib: Mapped[int]


class Migration(Model):
    """A server's move to another size or another host, as administrators see it. Its `uuid` is the id of its job."""

    __tablename__ = "migrations"

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    server_id: Mapped[str] = mapped_column(String(36), index=True)
    type: Mapped[str] = mapped_column(String(16))  # migration resize evacuation
    status: Mapped[str] = mapped_column(String(16))
    source_host: Mapped[str | None] = mapped_column(String(255))
    dest_host: Mapped[str | None] = mapped_column(String(255))
    dest_address: Mapped[str | None] = mapped_column(String(255))
    user_id: Mapped[str | None] = mapped_column(String(255))
    project_id: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now, index=True)


class Leftover(Model):
    """A host that a server was moved away from for good, and that may still have its guest and disks: the host's agent
    is told to destroy them, at the latest with its next report."""

    __tablename__ = "leftovers"

    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    server_id: Mapped[str] = mapped_column(String(36), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Aggregate(Model):
    __tablename__ = "aggregates"

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_id, unique=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    meta: Mapped[JsonObject] = mapped_column("metadata", Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime | None] = mapped_column(onupdate=now)


class AggregateHost(Model):
    __tablename__ = "aggregate_hosts"

    aggregate_id: Mapped[int] = mapped_column(ForeignKey("aggregates.id", ondelete="CASCADE"), primary_key=True)
    host: Mapped[str] = mapped_column(String(255), primary_key=True)


class Limit(Model):
    """A quota that was set. The scope is `class:default`, `project:ID` or `user:PROJECT:USER`."""

    __tablename__ = "limits"

    scope: Mapped[str] = mapped_column(String(600), primary_key=True)
    resource: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[int]


class DeletedServer(ServerColumns, Model):
    """What is kept of a deleted server, for lists of deleted servers, usage and instance actions."""

    __tablename__ = "deleted_servers"
    __table_args__ = (Index("deleted_servers_by_project", "project_id", "deleted_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime] = mapped_column(default=now, index=True)
    deleting, fault, saved_state, user_data, group_id = (
        False,
        None,
        None,
        None,
        None,
    )  # attributes of existing servers


class ConsoleToken(Model):
    """A short-lived right to one console. The console proxy exchanges the token for an address."""

    __tablename__ = "console_tokens"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    server_id: Mapped[str] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(255))
    port: Mapped[int]
    path: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(index=True)
