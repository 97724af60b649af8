"""Networks."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import ColumnElement, Select, exists, false, select, true
from sqlalchemy import delete as sql_delete
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from pileus_network.config import Config
from pileus_network.core import quotas, segments, standard_attributes, visibility
from pileus_network.core.affected_hosts import NETWORK, PORT, affected
from pileus_network.core.listing import Listing
from pileus_network.core.standard_attributes import apply_attributes
from pileus_network.core.visibility import EXTERNAL, SHARED, Viewer
from pileus_network.db.models import FloatingIp, Network, Port, RbacPolicy, Subnet
from pileus_network.errors import InvalidInput
from pileus_network.errors.networks import (
    ExternalNetworkInUse,
    InvalidSharedSetting,
    NetworkInUse,
    NetworkMTUSubnetConflict,
    NetworkNotFound,
)
from pileus_network.rpc import DHCP_OWNER, GATEWAY_OWNER

MIN_MTU = {4: 68, 6: 1280}
VXLAN_HEADERS = 50
"""Bytes that VXLAN over IPv4 adds to a frame: outer Ethernet 14, IPv4 20, UDP 8, VXLAN 8 (RFC 7348)."""
LOADED = (selectinload(Network.subnets), selectinload(Network.rbac_policies))
PLAIN_ATTRIBUTES = ("name", "description", "admin_state_up", "port_security_enabled", "is_default")
FLOATING_OWNER = "network:floatingip"
AVAILABILITY_ZONE = "nova"
"""Its name is the one that OpenStack gives the first zone."""


@dataclass(frozen=True, kw_only=True)
class NewNetwork:
    """A request to create a network."""

    project_id: str
    name: str = ""
    description: str = ""
    admin_state_up: bool = True
    shared: bool = False
    router_external: bool = False
    is_default: bool = False
    port_security_enabled: bool = True
    mtu: int = 0
    """0: as large as the network type allows."""
    provider_network_type: str | None = None
    provider_physical_network: str | None = None
    provider_segmentation_id: int | None = None
    availability_zone_hints: Sequence[str] = ()


class NetworkUpdate(TypedDict, total=False):
    """The attributes that an update may set."""

    name: str
    description: str
    admin_state_up: bool
    shared: bool
    router_external: bool
    is_default: bool
    port_security_enabled: bool
    mtu: int
    provider_network_type: str | None
    provider_physical_network: str | None
    provider_segmentation_id: int | None


def _shared_ids(viewer: Viewer) -> Select[str]:
    return select(RbacPolicy.network_id).where(
        RbacPolicy.action == SHARED, RbacPolicy.target_project.in_(("*", viewer.project_id))
    )


def is_on_shared_network(column: InstrumentedAttribute[str], viewer: Viewer) -> ColumnElement[bool]:
    """Whether the network id in `column` is of a network that is shared with the viewer's project, or with all."""
    return column.in_(_shared_ids(viewer))


def _availability_zones_clause(names: list[str]) -> ColumnElement[bool]:
    """A network is in the one zone as soon as it has a subnet: that is where its DHCP is."""
    served = Network.id.in_(select(Subnet.network_id))
    return served if AVAILABILITY_ZONE in names else false()


LISTING = Listing(
    Network,
    visibility.networks,
    columns=standard_attributes.columns_of(Network)
    | {
        "name": Network.name,
        "admin_state_up": Network.admin_state_up,
        "router:external": Network.external,
        "mtu": Network.mtu,
        "is_default": Network.is_default,
        "port_security_enabled": Network.port_security_enabled,
        "provider:network_type": Network.network_type,
        "provider:physical_network": Network.physical_network,
        "provider:segmentation_id": Network.segmentation_id,
    },
    flags={"shared": lambda viewer: is_on_shared_network(Network.id, viewer)},
    clauses={
        "status": lambda names: true() if "ACTIVE" in names else false(),
        "subnets": lambda ids: Network.id.in_(select(Subnet.network_id).where(Subnet.id.in_(ids))),
        "availability_zones": _availability_zones_clause,
    },
    options=LOADED,
)


def find(session: Session, network_id: str, viewer: Viewer, loaded: bool = True) -> Network:
    """Return the network, if `loaded` with subnets and policies. Raises NetworkNotFound if the viewer can't see it."""
    return standard_attributes.find(
        session,
        Network,
        network_id,
        visibility.networks(viewer),
        lambda: NetworkNotFound(net_id=network_id),
        LOADED if loaded else (),
    )


def create(session: Session, config: Config, requests: Sequence[NewNetwork]) -> list[Network]:
    """Create all of the networks, or none."""
    made = [_create(session, config, requested) for requested in requests]
    session.flush()
    return made


def _create(session: Session, config: Config, requested: NewNetwork) -> Network:
    project = quotas.lock_project(session, requested.project_id)
    quotas.check(session, project, "network")
    segment = segments.choose(
        session,
        config,
        requested.provider_network_type,
        requested.provider_physical_network,
        requested.provider_segmentation_id,
    )
    largest = config.physical_mtu - (VXLAN_HEADERS if segment.network_type == "vxlan" else 0)
    mtu = requested.mtu or largest
    _check_mtu(mtu, largest)
    network = Network(
        project_id=requested.project_id,
        network_type=segment.network_type,
        physical_network=segment.physical_network,
        segmentation_id=segment.segmentation_id,
        mtu=mtu,
        external=requested.router_external,
        subnets=[],
        rbac_policies=[],
        **{name: getattr(requested, name) for name in PLAIN_ATTRIBUTES},
    )
    _set_wildcard_policy(network, SHARED, requested.shared)
    _set_wildcard_policy(network, EXTERNAL, network.external)
    session.add(network)
    return network


def check_subnets_mtu(network: Network, mtu: int, versions: Iterable[int]) -> None:
    """Refuse an MTU below what the subnets' IP versions need: 68 bytes for IPv4, 1280 for IPv6 (RFC 791, RFC 8200)."""
    least = max((MIN_MTU[version] for version in versions), default=0)
    if mtu < least:
        raise NetworkMTUSubnetConflict(net_id=network.id, mtu=least)


def _check_mtu(mtu: int, largest: int) -> None:
    if mtu > largest:
        raise InvalidInput(error_message=f"Requested MTU is too big, maximum is {largest}")


def update(session: Session, config: Config, network: Network, requested: NetworkUpdate) -> None:
    """Apply the attributes that are in `requested`."""
    apply_attributes(network, requested, PLAIN_ATTRIBUTES)
    if requested.get("mtu"):
        _check_mtu(requested["mtu"], config.physical_mtu - (VXLAN_HEADERS if network.network_type == "vxlan" else 0))
        check_subnets_mtu(network, requested["mtu"], [subnet.ip_version for subnet in network.subnets])
        network.mtu = requested["mtu"]
    provider = [name.replace("_", ":", 1) for name in requested if name.startswith("provider_")]
    if provider:
        raise InvalidInput(
            error_message="Plugin does not support updating the following provider network attributes: "
            + ", ".join(provider)
        )
    if "router_external" in requested and requested["router_external"] != network.external:
        _set_external(session, network, requested["router_external"])
    if "shared" in requested:
        _set_shared(session, network, requested["shared"])
    standard_attributes.bump_revision(network)
    affected(session).networks.add(network.id)


def _set_external(session: Session, network: Network, external: bool) -> None:
    if not external:
        ports = select(Port.id).where(
            Port.network_id == network.id, Port.device_owner.in_((GATEWAY_OWNER, FLOATING_OWNER))
        )
        if session.scalar(select(exists(ports))):
            raise ExternalNetworkInUse(net_id=network.id)
    network.external = external
    _set_wildcard_policy(network, EXTERNAL, external)


def _set_shared(session: Session, network: Network, shared: bool) -> None:
    if is_shared(network) == shared:
        return
    if not shared and is_used_by_others(session, network, exempt=()):
        raise InvalidSharedSetting(network=network.name)
    _set_wildcard_policy(network, SHARED, shared)


def is_used_by_others(session: Session, network: Network, exempt: Sequence[str]) -> bool:
    """Whether projects other than the owner and `exempt` have ports on the network."""
    users = (network.project_id, "", *exempt)
    return bool(
        session.scalar(
            select(
                exists(
                    select(Port.id).where(
                        Port.network_id == network.id,
                        Port.project_id.not_in(users),
                        Port.device_owner.not_in((GATEWAY_OWNER, FLOATING_OWNER, DHCP_OWNER)),
                    )
                )
            )
        )
    )


def _set_wildcard_policy(network: Network, action: str, wanted: bool) -> None:
    """Add or remove the RBAC policy that shares the network with all projects."""
    kept = [share for share in network.rbac_policies if not (share.action == action and share.target_project == "*")]
    if wanted:
        kept.append(RbacPolicy(project_id=network.project_id, action=action, target_project="*"))
    network.rbac_policies[:] = kept


def is_shared(network: Network, project_id: str | None = None) -> bool:
    """Whether the network is shared with all projects, or with `project_id`."""
    return any(share.action == SHARED and share.target_project in ("*", project_id) for share in network.rbac_policies)


def _delete_idle_floating_ips(session: Session, network: Network) -> None:
    """Delete the floating IPs of an external network that have no port, with the ports that hold their addresses."""
    if not network.external:
        return
    gone = session.execute(
        sql_delete(FloatingIp)
        .where(FloatingIp.floating_network_id == network.id, FloatingIp.port_id.is_(None))
        .returning(FloatingIp.floating_port_id)
        .execution_options(synchronize_session=False)
    ).all()
    if gone:
        session.execute(sql_delete(Port).where(Port.id.in_([port_id for (port_id,) in gone])))


def delete(session: Session, network: Network) -> None:
    """Delete the network with its subnets, DHCP port and unassociated floating IPs.

    Raises NetworkInUse if it has other ports.
    """
    _delete_idle_floating_ips(session, network)
    rows = session.execute(select(Port.id, Port.device_owner, Port.host).where(Port.network_id == network.id)).all()
    busy = [port_id for port_id, owner, _ in rows if owner != DHCP_OWNER]
    if busy:
        raise NetworkInUse(net_id=network.id, ports=busy[:10])
    affected(session).hosts.update(host for _, _, host in rows)
    affected(session).record_change(NETWORK, network.id)
    affected(session).record_change(PORT, *(port_id for port_id, _, _ in rows))
    session.execute(sql_delete(Port).where(Port.network_id == network.id, Port.device_owner == DHCP_OWNER))
    session.execute(sql_delete(Network).where(Network.id == network.id))


def find_many(session: Session, ids: Collection[str], viewer: Viewer) -> dict[str, Network]:
    """Return the networks with these ids, with their subnets. Raises NetworkNotFound if the viewer can't see one."""
    query = (
        select(Network)
        .where(Network.id.in_(ids), visibility.networks(viewer))
        .options(selectinload(Network.subnets), joinedload(Network.rbac_policies))
    )  # most networks have no policy or one, which needs no statement of its own
    found = {row.id: row for row in session.scalars(query).unique()}
    missing = set(ids) - set(found)
    if missing:
        raise NetworkNotFound(net_id=min(missing))
    return found
