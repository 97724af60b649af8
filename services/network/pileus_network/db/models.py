"""The tables of network. Uniqueness is a constraint of the database, not a check in code."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from pileus_kit.db import Json, Utc, new_id, now
from pileus_kit.flow import EventColumns, JobColumns
from pileus_kit.hosts import SeenColumns
from pileus_network.db.columns import Tags

Document = dict[str, Any]


class Model(DeclarativeBase):
    type_annotation_map = {datetime: Utc, list[str]: Json, list[Document]: Json, Document: Json}


class StandardAttributes(Model):
    """The standard attributes of all resources."""

    __abstract__ = True

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(String(255), default="")
    description: Mapped[str] = mapped_column(String(255), default="")
    revision_number: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Network(StandardAttributes):
    """`physical_network` is "" and `segmentation_id` is 0 where a type has none: NULLs would not be unique."""

    __tablename__ = "networks"
    __table_args__ = (
        UniqueConstraint("network_type", "physical_network", "segmentation_id", name="one_network_a_segment"),
        Index("networks_of_project", "project_id", "id"),
    )

    name: Mapped[str] = mapped_column(String(255), default="")
    admin_state_up: Mapped[bool] = mapped_column(default=True)
    external: Mapped[bool] = mapped_column(default=False, index=True)
    is_default: Mapped[bool] = mapped_column(default=False)
    port_security_enabled: Mapped[bool] = mapped_column(default=True)
    mtu: Mapped[int] = mapped_column(default=1450)
    network_type: Mapped[str] = mapped_column(String(16), default="vxlan")
    physical_network: Mapped[str] = mapped_column(String(64), default="")
    segmentation_id: Mapped[int] = mapped_column(default=0)
    tags: Mapped[list[str]] = mapped_column(Tags, default=list)

    subnets: Mapped[list["Subnet"]] = relationship(
        lazy="raise", passive_deletes="all", order_by="Subnet.created_at, Subnet.id"
    )
    rbac_policies: Mapped[list["RbacPolicy"]] = relationship(
        lazy="raise", cascade="all, delete-orphan", passive_deletes=True
    )


class RbacPolicy(Model):
    """Shares a network with `target_project` (`*`: all). `action` is access_as_shared or access_as_external."""

    __tablename__ = "rbac_policies"
    __table_args__ = (
        UniqueConstraint("network_id", "action", "target_project"),
        Index("rbac_policies_for_project", "target_project", "action", "network_id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(String(255), index=True)
    network_id: Mapped[str] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"))
    action: Mapped[str] = mapped_column(String(32))
    target_project: Mapped[str] = mapped_column(String(255))


class AddressScope(StandardAttributes):
    __tablename__ = "address_scopes"
    __table_args__ = (Index("address_scopes_of_project", "project_id", "id"),)

    name: Mapped[str] = mapped_column(String(255), default="")
    ip_version: Mapped[int]
    shared: Mapped[bool] = mapped_column(default=False)


class SubnetPool(StandardAttributes):
    __tablename__ = "subnet_pools"
    __table_args__ = (Index("subnet_pools_of_project", "project_id", "id"),)

    name: Mapped[str] = mapped_column(String(255), default="")
    ip_version: Mapped[int]
    prefixes: Mapped[list[str]] = mapped_column(default=list)
    min_prefixlen: Mapped[int]
    max_prefixlen: Mapped[int]
    default_prefixlen: Mapped[int]
    default_quota: Mapped[int | None]
    address_scope_id: Mapped[str | None] = mapped_column(ForeignKey("address_scopes.id"), index=True)
    shared: Mapped[bool] = mapped_column(default=False)
    is_default: Mapped[bool] = mapped_column(default=False)
    tags: Mapped[list[str]] = mapped_column(Tags, default=list)


class Subnet(StandardAttributes):
    __tablename__ = "subnets"
    __table_args__ = (Index("subnets_of_project", "project_id", "id"),)

    network_id: Mapped[str] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(255), default="")
    ip_version: Mapped[int]
    cidr: Mapped[str] = mapped_column(String(64))
    gateway_ip: Mapped[str | None] = mapped_column(String(64))
    enable_dhcp: Mapped[bool] = mapped_column(default=True)
    ipv6_address_mode: Mapped[str | None] = mapped_column(String(32))
    ipv6_ra_mode: Mapped[str | None] = mapped_column(String(32))
    subnetpool_id: Mapped[str | None] = mapped_column(ForeignKey("subnet_pools.id"), index=True)
    allocation_pools: Mapped[list[Document]] = mapped_column(default=list)
    dns_nameservers: Mapped[list[str]] = mapped_column(default=list)
    host_routes: Mapped[list[Document]] = mapped_column(default=list)
    service_types: Mapped[list[str]] = mapped_column(default=list)
    tags: Mapped[list[str]] = mapped_column(Tags, default=list)


class Port(StandardAttributes):
    """`host` is "" while the port is unbound. Lists that no query searches are columns of the row.

    `router_id` names the router whose interface or gateway the port is. `device_id` and `device_owner` don't prove
    that: users may set them.
    """

    __tablename__ = "ports"
    __table_args__ = (
        UniqueConstraint("network_id", "mac_address", name="one_port_a_mac"),
        Index("ports_of_project", "project_id", "id"),
        Index("ports_of_device", "device_id", "device_owner"),
        Index("ports_of_router", "router_id", "device_owner"),
        Index("ports_of_host", "host", "network_id"),
        Index("ports_of_network", "network_id", "device_owner"),
    )

    network_id: Mapped[str] = mapped_column(ForeignKey("networks.id"))
    name: Mapped[str] = mapped_column(String(255), default="")
    mac_address: Mapped[str] = mapped_column(String(32))
    admin_state_up: Mapped[bool] = mapped_column(default=True)
    status: Mapped[str] = mapped_column(String(16), default="DOWN")
    device_id: Mapped[str] = mapped_column(String(255), default="")
    device_owner: Mapped[str] = mapped_column(String(255), default="")
    router_id: Mapped[str | None] = mapped_column(String(36))
    dns_name: Mapped[str] = mapped_column(String(63), default="")
    host: Mapped[str] = mapped_column(String(255), default="")
    vif_type: Mapped[str] = mapped_column(String(64), default="unbound")
    vnic_type: Mapped[str] = mapped_column(String(64), default="normal")
    profile: Mapped[Document] = mapped_column(default=dict)
    port_security_enabled: Mapped[bool] = mapped_column(default=True)
    allowed_address_pairs: Mapped[list[Document]] = mapped_column(default=list)
    extra_dhcp_opts: Mapped[list[Document]] = mapped_column(default=list)
    tags: Mapped[list[str]] = mapped_column(Tags, default=list)

    fixed_ips: Mapped[list["FixedIp"]] = relationship(
        lazy="raise",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="FixedIp.position, FixedIp.subnet_id, FixedIp.address",
    )
    security_groups: Mapped[list["PortSecurityGroup"]] = relationship(
        lazy="raise", cascade="all, delete-orphan", passive_deletes=True
    )


class FixedIp(Model):
    """The primary key makes allocation safe: of two transactions that pick the same address, one fails and is run
    again.
    """

    __tablename__ = "fixed_ips"

    subnet_id: Mapped[str] = mapped_column(ForeignKey("subnets.id"), primary_key=True)
    address: Mapped[str] = mapped_column(String(64), primary_key=True)
    port_id: Mapped[str] = mapped_column(ForeignKey("ports.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(default=0)


class PortSecurityGroup(Model):
    __tablename__ = "port_security_groups"

    port_id: Mapped[str] = mapped_column(ForeignKey("ports.id", ondelete="CASCADE"), primary_key=True)
    security_group_id: Mapped[str] = mapped_column(ForeignKey("security_groups.id"), primary_key=True, index=True)


class Router(StandardAttributes):
    """`host` is the host that the router is on, "" while there is none for it."""

    __tablename__ = "routers"
    __table_args__ = (Index("routers_of_project", "project_id", "id"),)

    name: Mapped[str] = mapped_column(String(255), default="")
    admin_state_up: Mapped[bool] = mapped_column(default=True)
    status: Mapped[str] = mapped_column(String(16), default="ACTIVE")
    host: Mapped[str] = mapped_column(String(255), default="", index=True)
    gateway_port_id: Mapped[str | None] = mapped_column(ForeignKey("ports.id"), index=True)
    enable_snat: Mapped[bool] = mapped_column(default=True)
    routes: Mapped[list[Document]] = mapped_column(default=list)
    tags: Mapped[list[str]] = mapped_column(Tags, default=list)

    gateway: Mapped[Port | None] = relationship(lazy="raise", foreign_keys=[gateway_port_id])


class FloatingIp(StandardAttributes):
    __tablename__ = "floating_ips"
    __table_args__ = (
        UniqueConstraint("port_id", "fixed_ip_address", "floating_network_id", name="one_floating_ip_a_fixed_ip"),
        Index("floating_ips_of_project", "project_id", "id"),
    )

    floating_network_id: Mapped[str] = mapped_column(ForeignKey("networks.id"), index=True)
    floating_ip_address: Mapped[str] = mapped_column(String(64), index=True)
    floating_port_id: Mapped[str] = mapped_column(ForeignKey("ports.id"), unique=True)
    port_id: Mapped[str | None] = mapped_column(ForeignKey("ports.id"))
    fixed_ip_address: Mapped[str | None] = mapped_column(String(64))
    router_id: Mapped[str | None] = mapped_column(ForeignKey("routers.id"), index=True)
    status: Mapped[str] = mapped_column(String(16), default="DOWN")
    tags: Mapped[list[str]] = mapped_column(Tags, default=list)

    port: Mapped[Port | None] = relationship(lazy="raise", foreign_keys=[port_id])


class SecurityGroup(StandardAttributes):
    __tablename__ = "security_groups"
    __table_args__ = (Index("security_groups_of_project", "project_id", "id"),)

    name: Mapped[str] = mapped_column(String(255), default="")
    stateful: Mapped[bool] = mapped_column(default=True)
    tags: Mapped[list[str]] = mapped_column(Tags, default=list)

    rules: Mapped[list["SecurityGroupRule"]] = relationship(
        lazy="raise",
        cascade="all, delete-orphan",
        passive_deletes=True,
        foreign_keys="SecurityGroupRule.security_group_id",
        order_by="SecurityGroupRule.created_at, SecurityGroupRule.id",
    )


class SecurityGroupRule(StandardAttributes):
    __tablename__ = "security_group_rules"
    __table_args__ = (Index("security_group_rules_of_project", "project_id", "id"),)

    security_group_id: Mapped[str] = mapped_column(ForeignKey("security_groups.id", ondelete="CASCADE"), index=True)
    direction: Mapped[str] = mapped_column(String(8))
    ethertype: Mapped[str] = mapped_column(String(8))
    protocol: Mapped[str | None] = mapped_column(String(16))
    port_range_min: Mapped[int | None]
    port_range_max: Mapped[int | None]
    remote_ip_prefix: Mapped[str | None] = mapped_column(String(64))
    remote_group_id: Mapped[str | None] = mapped_column(ForeignKey("security_groups.id"), index=True)


class Project(Model):
    """A project's own limits, its default security group and its auto-allocated network."""

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    quotas: Mapped[Document] = mapped_column(default=dict)
    default_group_id: Mapped[str | None] = mapped_column(ForeignKey("security_groups.id", ondelete="SET NULL"))
    auto_network_id: Mapped[str | None] = mapped_column(ForeignKey("networks.id", ondelete="SET NULL"))


class Host(SeenColumns, Model):
    """A host with an agent. `generation` counts the changes that affect it; `applied` is the last one it reported.

    There are change records for every generation after `logged_since`. Since `heard_since` no silence of the host was
    longer than `scheduler.TAKEOVER_TIME`.
    """

    __tablename__ = "hosts"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), unique=True, default=new_id)
    generation: Mapped[int] = mapped_column(default=1)
    applied: Mapped[int] = mapped_column(default=0)
    logged_since: Mapped[int] = mapped_column(default=1)
    admin_state_up: Mapped[bool] = mapped_column(default=True)
    description: Mapped[str] = mapped_column(String(255), default="")
    agent_version: Mapped[str] = mapped_column(String(64), default="")
    driver: Mapped[str] = mapped_column(String(64), default="")
    tunnel_address: Mapped[str] = mapped_column(String(64), default="")
    physical_networks: Mapped[list[str]] = mapped_column(default=list)
    failures: Mapped[list[Document]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime] = mapped_column(default=now)
    heard_since: Mapped[datetime | None] = mapped_column(default=now)


class ChangeRecord(Model):
    """A resource that changed for a host with a generation. The kinds are listed in core/affected_hosts.py."""

    __tablename__ = "change_records"

    host: Mapped[str] = mapped_column(ForeignKey("hosts.name", ondelete="CASCADE"), primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    resource_id: Mapped[str] = mapped_column(String(96), primary_key=True)


class WorkerHeartbeat(Model):
    """The last time by the worker's clock, by which heartbeats of hosts are recorded, too."""

    __tablename__ = "worker_heartbeats"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)


class SyncRequest(Model):
    """A request that counted a generation of a host, until the host has reported that generation."""

    __tablename__ = "sync_requests"

    host: Mapped[str] = mapped_column(ForeignKey("hosts.name", ondelete="CASCADE"), primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    request_id: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[str | None] = mapped_column(String(64))
    project_id: Mapped[str | None] = mapped_column(String(64))
    arrived_at: Mapped[datetime | None]
    requested_at: Mapped[datetime] = mapped_column(default=now)


class Job(JobColumns, Model):
    __tablename__ = "jobs"


class Event(EventColumns, Model):
    __tablename__ = "events"
