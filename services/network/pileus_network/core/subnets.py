"""Subnets: their CIDRs, gateways and allocation pools, and the SLAAC addresses that ports get on a new one."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypedDict

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import (
    dhcp_ports,
    ip_ranges,
    ipam,
    networks,
    ports,
    quotas,
    standard_attributes,
    subnetpools,
    visibility,
)
from pileus_network.core.affected_hosts import affected
from pileus_network.core.listing import Listing
from pileus_network.core.standard_attributes import apply_attributes
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import FixedIp, Network, Port, Router, Subnet
from pileus_network.errors import InvalidInput
from pileus_network.errors.networks import (
    GatewayConflictWithAllocationPools,
    GatewayIpInUse,
    NetworkSubnetPoolAffinityError,
    SubnetInUse,
    SubnetNotFound,
)
from pileus_network.rpc import DHCP_OWNER, GATEWAY_OWNER, INTERFACE_OWNER

MAX_DNS_NAMESERVERS, MAX_HOST_ROUTES = 5, 20
"""DNS servers and host routes a subnet may have; OpenStack's defaults."""


class NotSpecified(Enum):
    """The gateway of a request that has none: the first address. A null gateway means that the subnet has none."""

    ATTR_NOT_SPECIFIED = "the first address"


ATTR_NOT_SPECIFIED = NotSpecified.ATTR_NOT_SPECIFIED
PLAIN_ATTRIBUTES = ("name", "description", "enable_dhcp", "dns_nameservers", "host_routes", "service_types")


@dataclass(frozen=True, kw_only=True)
class NewSubnet:
    """A request to create a subnet."""

    project_id: str
    network_id: str
    ip_version: int
    name: str = ""
    description: str = ""
    cidr: str | None = None
    prefixlen: int | None = None
    subnetpool_id: str | None = None
    use_default_subnetpool: bool = False
    gateway_ip: str | NotSpecified | None = ATTR_NOT_SPECIFIED
    allocation_pools: ip_ranges.PoolList | None = None
    dns_nameservers: Sequence[str] = ()
    host_routes: Sequence[dict[str, str]] = ()
    enable_dhcp: bool = True
    ipv6_ra_mode: str | None = None
    ipv6_address_mode: str | None = None
    service_types: Sequence[str] = ()


class SubnetUpdate(TypedDict, total=False):
    """The attributes that an update may set."""

    name: str
    description: str
    gateway_ip: str | None
    allocation_pools: ip_ranges.PoolList | None
    dns_nameservers: list[str]
    host_routes: list[dict[str, str]]
    enable_dhcp: bool
    service_types: list[str]


def _is_on_external_network(viewer: Viewer) -> ColumnElement[bool]:
    return Subnet.network_id.in_(select(Network.id).where(Network.external))


LISTING = Listing(
    Subnet,
    visibility.subnets,
    columns=standard_attributes.columns_of(Subnet)
    | {
        "name": Subnet.name,
        "network_id": Subnet.network_id,
        "ip_version": Subnet.ip_version,
        "cidr": Subnet.cidr,
        "gateway_ip": Subnet.gateway_ip,
        "enable_dhcp": Subnet.enable_dhcp,
        "subnetpool_id": Subnet.subnetpool_id,
        "ipv6_ra_mode": Subnet.ipv6_ra_mode,
        "ipv6_address_mode": Subnet.ipv6_address_mode,
    },
    flags={
        "shared": lambda viewer: networks.is_on_shared_network(Subnet.network_id, viewer),
        "router:external": _is_on_external_network,
    },
)


def find(session: Session, subnet_id: str, viewer: Viewer) -> Subnet:
    """Return the subnet. Raises SubnetNotFound if the viewer can't see it."""
    return standard_attributes.find(
        session, Subnet, subnet_id, visibility.subnets(viewer), lambda: SubnetNotFound(subnet_id=subnet_id)
    )


def create(session: Session, on: dict[str, Network], requests: Sequence[NewSubnet]) -> list[Subnet]:
    """Create all of the subnets, or none. `on` holds the networks that the requests name, with their subnets loaded."""
    made = []
    for requested in requests:
        project = quotas.lock_project(session, requested.project_id)
        quotas.check(session, project, "subnet")
        made.append(_create(session, on[requested.network_id], requested))
    return made


def _create(session: Session, network: Network, requested: NewSubnet) -> Subnet:
    _check_ipv6_modes(requested)
    cidr, pool_id = _choose_cidr(session, requested)
    _check_cidr(network, cidr, requested)
    _check_pool_affinity(network, pool_id, requested.ip_version)
    networks.check_subnets_mtu(network, network.mtu, [requested.ip_version])
    gateway = _choose_gateway(requested.gateway_ip, cidr)
    subnet = Subnet(
        project_id=requested.project_id,
        network_id=network.id,
        ip_version=ip_ranges.prefix(cidr).version,
        cidr=cidr,
        subnetpool_id=pool_id,
        gateway_ip=gateway,
        ipv6_address_mode=requested.ipv6_address_mode,
        ipv6_ra_mode=requested.ipv6_ra_mode,
        allocation_pools=_choose_allocation_pools(requested.allocation_pools, cidr, gateway),
        name=requested.name,
        description=requested.description,
        enable_dhcp=requested.enable_dhcp,
        dns_nameservers=list(requested.dns_nameservers),
        host_routes=list(requested.host_routes),
        service_types=list(requested.service_types),
    )
    _check_dns_and_routes(subnet)
    network.subnets.append(subnet)
    standard_attributes.bump_revision(network)
    session.flush()
    if ipam.is_auto_address_subnet(subnet):
        _add_slaac_addresses(session, subnet)
    dhcp_ports.ensure(session, network)
    affected(session).networks.add(network.id)
    return subnet


def _check_ipv6_modes(requested: NewSubnet) -> None:
    """Refuse IPv6 modes that OpenStack refuses: RA mode and address mode must be equal, or one of them missing."""
    ra, mode = requested.ipv6_ra_mode, requested.ipv6_address_mode
    if not (ra or mode):
        return
    if requested.ip_version != 6:
        raise InvalidInput(error_message="ipv6_ra_mode and ipv6_address_mode are only for IPv6 subnets")
    if not requested.enable_dhcp:
        raise InvalidInput(
            error_message="ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False"
        )
    if ra and mode and ra != mode:
        raise InvalidInput(
            error_message=f"ipv6_ra_mode set to '{ra}' with ipv6_address_mode set to '{mode}' is not valid. "
            "If both attributes are set, they must be the same value"
        )


def _choose_cidr(session: Session, requested: NewSubnet) -> tuple[str, str | None]:
    pool_id = requested.subnetpool_id
    if pool_id is None and requested.use_default_subnetpool:
        pool_id = subnetpools.find_default(session, requested.ip_version).id
    if pool_id is not None:
        wanted = subnetpools.PrefixRequest(
            requested.project_id, requested.ip_version, requested.cidr, requested.prefixlen
        )
        return subnetpools.allocate_prefix(session, pool_id, wanted), pool_id
    if requested.prefixlen is not None:
        raise InvalidInput(error_message="prefixlen needs a subnetpool_id")
    if requested.cidr is None:
        raise InvalidInput(error_message="a subnetpool must be specified in the absence of a cidr")
    return str(ip_ranges.prefix(requested.cidr)), None


def _check_cidr(network: Network, cidr: str, requested: NewSubnet) -> None:
    net = ip_ranges.prefix(cidr)
    if net.version != requested.ip_version:
        raise InvalidInput(error_message=f"cidr {cidr} does not match the ip_version '{requested.ip_version}'")
    if net.is_multicast or net.is_loopback or net.is_link_local:
        raise InvalidInput(error_message=f"cidr {cidr} cannot be used for a subnet")
    if net.prefixlen == 0:
        raise InvalidInput(error_message="0 is not allowed as CIDR prefix length")
    automatic = {requested.ipv6_address_mode, requested.ipv6_ra_mode} & set(ip_ranges.SLAAC_MODES)
    if automatic and net.prefixlen != 64:
        raise InvalidInput(
            error_message=f"Invalid CIDR {cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, "
            "which requires the prefix to be /64"
        )
    clash = ip_ranges.find_overlapping(cidr, [subnet.cidr for subnet in network.subnets])
    if clash:
        raise InvalidInput(
            error_message=f"Requested subnet with cidr: {cidr} for network: {network.id} overlaps with another subnet"
        )


def _check_pool_affinity(network: Network, pool_id: str | None, ip_version: int) -> None:
    """Refuse a subnet of another pool than the network's other subnets of the same IP version."""
    others = {subnet.subnetpool_id for subnet in network.subnets if subnet.ip_version == ip_version}
    if others - {pool_id}:
        raise NetworkSubnetPoolAffinityError()


def _choose_gateway(wanted: str | NotSpecified | None, cidr: str) -> str | None:
    """Return the requested address, or the first one of the prefix if the request has none."""
    net = ip_ranges.prefix(cidr)
    if isinstance(wanted, NotSpecified):
        first, last = ip_ranges.bounds(net)
        return str(net.network_address + (first - int(net.network_address))) if last > first else None
    if wanted is None:
        return None
    gateway = ip_ranges.address(wanted)
    if gateway.version != net.version:
        raise InvalidInput(error_message=f"gateway_ip {wanted} does not match the ip_version '{net.version}'")
    if gateway in net and not ip_ranges.is_usable(net, gateway) and net.version == 4:
        raise InvalidInput(error_message="Gateway is not valid on subnet")
    return str(gateway)


def _choose_allocation_pools(wanted: ip_ranges.PoolList | None, cidr: str, gateway: str | None) -> ip_ranges.PoolList:
    if wanted is None:
        return ip_ranges.default_pools(cidr, gateway)
    return ip_ranges.check_pools(wanted, cidr, gateway)


def _check_dns_and_routes(subnet: Subnet) -> None:
    if len(subnet.dns_nameservers) > MAX_DNS_NAMESERVERS:
        raise InvalidInput(error_message=f"the number of DNS nameservers exceeds the limit {MAX_DNS_NAMESERVERS}")
    if len(subnet.host_routes) > MAX_HOST_ROUTES:
        raise InvalidInput(error_message=f"the number of host routes exceeds the limit {MAX_HOST_ROUTES}")
    for text in [*subnet.dns_nameservers, *(route["nexthop"] for route in subnet.host_routes)]:
        if ip_ranges.address(text).version != subnet.ip_version:
            raise InvalidInput(error_message=f"{text} does not match the ip_version '{subnet.ip_version}'")


def _add_slaac_addresses(session: Session, subnet: Subnet) -> None:
    """Add the addresses of a new SLAAC subnet to the existing ports of its network, but for those of network
    services.
    """
    changed: list[str] = []
    found = session.scalars(
        select(Port)
        .where(Port.network_id == subnet.network_id, Port.device_owner.not_like("network:%"))
        .options(selectinload(Port.fixed_ips))
    )
    for port in found:
        if port.fixed_ips:
            port.fixed_ips.append(
                FixedIp(
                    subnet_id=subnet.id,
                    address=ipam.slaac_address(subnet, port.mac_address),
                    position=len(port.fixed_ips),
                )
            )
            standard_attributes.bump_revision(port)
            changed.append(port.id)
    ports.mark_address_changes(session, changed)


def update(session: Session, subnet: Subnet, network: Network, requested: SubnetUpdate) -> None:
    """Apply the attributes that are in `requested`."""
    if "gateway_ip" in requested:
        _set_gateway(session, subnet, requested["gateway_ip"], requested.get("allocation_pools"))
    pools = requested.get("allocation_pools")
    if pools is not None:
        subnet.allocation_pools = ip_ranges.check_pools(pools, subnet.cidr, subnet.gateway_ip)
    apply_attributes(subnet, requested, PLAIN_ATTRIBUTES)
    if not subnet.enable_dhcp and (subnet.ipv6_ra_mode or subnet.ipv6_address_mode):
        raise InvalidInput(error_message="Cannot disable enable_dhcp with ipv6 attributes set")
    _check_dns_and_routes(subnet)
    standard_attributes.bump_revision(subnet)
    standard_attributes.bump_revision(network)
    if "enable_dhcp" in requested:
        session.flush()
        dhcp_ports.ensure(session, network)
    affected(session).networks.add(network.id)


def _set_gateway(session: Session, subnet: Subnet, wanted: str | None, pools: ip_ranges.PoolList | None) -> None:
    gateway = _choose_gateway(wanted, subnet.cidr)
    if gateway == subnet.gateway_ip:
        return
    if subnet.gateway_ip:
        user = session.scalars(
            select(Port)
            .join(FixedIp, FixedIp.port_id == Port.id)
            .where(
                FixedIp.subnet_id == subnet.id,
                FixedIp.address == subnet.gateway_ip,
                Port.device_owner == INTERFACE_OWNER,
            )
        ).first()
        if user:
            raise GatewayIpInUse(ip_address=subnet.gateway_ip, port_id=user.id)
    if gateway and pools is None:
        for pool in subnet.allocation_pools:
            if (
                int(ip_ranges.address(pool["start"]))
                <= int(ip_ranges.address(gateway))
                <= int(ip_ranges.address(pool["end"]))
            ):
                raise GatewayConflictWithAllocationPools(ip_address=gateway, pool=f"{pool['start']}-{pool['end']}")
    subnet.gateway_ip = gateway


def delete(session: Session, subnet: Subnet, network: Network) -> None:
    """Delete a subnet with its SLAAC and DHCP addresses. Raises SubnetInUse if a port has another address on it."""
    rows = session.execute(
        select(FixedIp, Port.device_owner).join(Port, Port.id == FixedIp.port_id).where(FixedIp.subnet_id == subnet.id)
    ).all()
    keeps = ipam.is_auto_address_subnet(subnet)
    busy = [ip for ip, owner in rows if owner != DHCP_OWNER and (not keeps or owner.startswith("network:"))]
    if busy:
        raise SubnetInUse(subnet_id=subnet.id, reason="One or more ports have an IP allocation from this subnet.")
    ports.mark_address_changes(session, [ip.port_id for ip, _ in rows])
    for ip, _ in rows:
        session.delete(ip)
    session.flush()
    affected(session).networks.add(network.id)
    network.subnets.remove(subnet)
    standard_attributes.bump_revision(network)
    session.delete(subnet)
    session.flush()
    dhcp_ports.ensure(session, network)


def list_of_router(session: Session, router: Router) -> list[Subnet]:
    """Return the subnets that a router is connected with, that of its gateway included."""
    ids = (
        select(FixedIp.subnet_id)
        .join(Port, Port.id == FixedIp.port_id)
        .where(Port.router_id == router.id, Port.device_owner.in_((INTERFACE_OWNER, GATEWAY_OWNER)))
    )
    return list(session.scalars(select(Subnet).where(Subnet.id.in_(ids))))
