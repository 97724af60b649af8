"""Compute's tables. A class is the noun; the rules are in core/."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pileus_kit import sealing
from pileus_kit.db import Json, Utc, new_id, now
from pileus_kit.flow import EventColumns, JobColumns, job_indexes


class Model(DeclarativeBase):
    type_annotation_map = {datetime: Utc, dict[str, Any]: Json, list[Any]: Json}


class Job(JobColumns, Model):
    __tablename__ = "jobs"
    __table_args__ = job_indexes("jobs")


class Event(EventColumns, Model):
    __tablename__ = "events"


class Flavor(Model):
    """What a server may be made of; `id` is what users know as the flavor's id."""

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
    extra_specs: Mapped[dict[str, Any]] = mapped_column(default=dict)
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
    rules: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)


class ServerColumns:
    """What a server is to who looks at it, also when it is gone."""

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
    flavor: Mapped[dict[str, Any]]  # a copy: a flavor deleted later must not take its servers along
    vcpus: Mapped[int]
    memory_mib: Mapped[int]
    image_id: Mapped[str | None] = mapped_column(String(36))
    image: Mapped[dict[str, Any]] = mapped_column(default=dict)
    key_name: Mapped[str | None] = mapped_column(String(255))
    config_drive: Mapped[bool] = mapped_column(default=False)
    disk_config: Mapped[str] = mapped_column(String(8), default="MANUAL")
    access_ip_v4: Mapped[str | None] = mapped_column(String(39))
    access_ip_v6: Mapped[str | None] = mapped_column(String(39))
    security_groups: Mapped[list[Any]] = mapped_column(default=list)
    meta: Mapped[dict[str, Any]] = mapped_column("metadata", Json, default=dict)
    root_device: Mapped[str | None] = mapped_column(String(64))

    host: Mapped[str | None] = mapped_column(String(255))
    zone: Mapped[str | None] = mapped_column(String(255))
    requested_zone: Mapped[str | None] = mapped_column(String(255))

    created_at: Mapped[datetime] = mapped_column(default=now)
    launched_at: Mapped[datetime | None]


class Server(ServerColumns, Model):
    """A server. `status` is where it rests (see core.moves); what it is doing right now is its live job."""

    __tablename__ = "servers"
    __table_args__ = (
        Index("servers_by_project", "project_id", "created_at", "id"),
        Index("servers_by_age", "created_at", "id"),
        Index("servers_by_host", "host"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)

    deleting: Mapped[bool] = mapped_column(default=False)  # DELETE was accepted
    fault: Mapped[dict[str, Any] | None]
    saved_state: Mapped[dict[str, Any] | None]  # what a pending resize, rescue or shelve has to restore

    public_key: Mapped[str | None] = mapped_column(Text)
    key_type: Mapped[str | None] = mapped_column(String(16))
    sealed_user_data: Mapped[str | None] = mapped_column("user_data", Text)
    sealed_password: Mapped[str | None] = mapped_column("admin_password", Text)  # only till the guest has it
    encrypted_password: Mapped[str | None] = mapped_column(Text)  # what the guest posted, encrypted with the user's key

    device_addresses: Mapped[dict[str, Any]] = mapped_column(default=dict)  # volume or port id -> "pci 0000:00:07.0"

    requested_host: Mapped[str | None] = mapped_column(String(255))
    scheduler_hints: Mapped[dict[str, Any]] = mapped_column(default=dict)
    group_id: Mapped[str | None] = mapped_column(String(36), index=True)

    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    @property
    def user_data(self) -> str | None:
        """Opened when it is asked for: lists are read without."""
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
    """A port that a server uses, as the network service last told us: lists never have to ask it."""

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
    addresses: Mapped[str] = mapped_column(Text, default="")  # the same and the floating ones, to search in
    floating_ips: Mapped[dict[str, Any]] = mapped_column(default=dict)  # fixed address: floating address
    delete_on_termination: Mapped[bool] = mapped_column(default=True)  # made by us, so deleted with the server
    tag: Mapped[str | None] = mapped_column(String(60))


class ServerVolume(Model):
    """A volume that a server uses, or will use once its flow has made and attached it."""

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
    connection_info: Mapped[dict[str, Any] | None]


class Host(Model):
    """A machine that runs servers: what its agent last said, and what has been claimed on it."""

    __tablename__ = "hosts"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), unique=True, default=new_id)  # as a hypervisor
    number: Mapped[int] = mapped_column(default=0)  # before 2.53 hypervisors and services have numbers
    service_id: Mapped[str] = mapped_column(String(36), unique=True, default=new_id)
    hypervisor: Mapped[str] = mapped_column(String(64), default="")
    vcpus: Mapped[int] = mapped_column(default=0)
    memory_mib: Mapped[int] = mapped_column(default=0)
    disk_gib: Mapped[int] = mapped_column(default=0)
    vcpus_used: Mapped[int] = mapped_column(default=0)
    memory_mib_used: Mapped[int] = mapped_column(default=0)
    disk_gib_used: Mapped[int] = mapped_column(default=0)
    inventory: Mapped[dict[str, Any]] = mapped_column(
        default=dict
    )  # what else its agent reports: address, CPU model, firmware
    disabled: Mapped[bool] = mapped_column(default=False)
    disabled_reason: Mapped[str | None] = mapped_column(String(255))
    forced_down: Mapped[bool] = mapped_column(default=False)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime] = mapped_column(default=now)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Worker(Model):
    """A process that runs the jobs: it schedules and conducts, in OpenStack's words."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)  # the host that it runs on
    number: Mapped[int] = mapped_column(unique=True)
    scheduler_id: Mapped[str] = mapped_column(String(36), unique=True, default=new_id)
    conductor_id: Mapped[str] = mapped_column(String(36), unique=True, default=new_id)
    seen_at: Mapped[datetime] = mapped_column(default=now)


class Allocation(Model):
    """What a server has claimed on a host; a resize holds two until it is confirmed."""

    __tablename__ = "allocations"

    server_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(8), primary_key=True, default="run")  # run | old
    host: Mapped[str] = mapped_column(String(255), index=True)
    vcpus: Mapped[int]
    memory_mib: Mapped[int]
    disk_gib: Mapped[int]


class Aggregate(Model):
    __tablename__ = "aggregates"

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_id, unique=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    meta: Mapped[dict[str, Any]] = mapped_column("metadata", Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime | None] = mapped_column(onupdate=now)


class AggregateHost(Model):
    __tablename__ = "aggregate_hosts"

    aggregate_id: Mapped[int] = mapped_column(ForeignKey("aggregates.id", ondelete="CASCADE"), primary_key=True)
    host: Mapped[str] = mapped_column(String(255), primary_key=True)


class Limit(Model):
    """A quota that differs from the default. Scope: `class:default`, `project:ID` or `user:PROJECT:USER`."""

    __tablename__ = "limits"

    scope: Mapped[str] = mapped_column(String(600), primary_key=True)
    resource: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[int]


class DeletedServer(ServerColumns, Model):
    """A server that is gone: lists that ask for such show it; so do usage and its actions."""

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
    )  # as a server has them: it has none


class ConsoleToken(Model):
    """A short-lived right to one console; the proxy exchanges it for where to connect."""

    __tablename__ = "console_tokens"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    server_id: Mapped[str] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(255))
    port: Mapped[int]
    path: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(index=True)
