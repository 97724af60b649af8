"""Subnets: prefixes, gateways, pools; and what a new one means for the ports that are there already."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import addresses, dhcp, networks, nouns, ports, projects, ranges, scopes, subnetpools
from pileus_network.core.generations import concern
from pileus_network.core.scopes import Scope
from pileus_network.db.models import FixedIp, Network, Port, Router, Subnet
from pileus_network.errors import (
    GatewayConflictWithAllocationPools,
    GatewayIpInUse,
    InvalidInput,
    NetworkSubnetPoolAffinityError,
    SubnetInUse,
    SubnetNotFound,
)
from pileus_network.rpc import DHCP_OWNER, GATEWAY_OWNER, INTERFACE_OWNER

MOST_SERVERS, MOST_ROUTES = 5, 20
"""DNS servers and host routes a subnet may have; OpenStack's defaults."""


class Unsaid(Enum):
    """A gateway that the request didn't mention; null means that there shall be none."""

    DEFAULT = "the first address"


DEFAULT = Unsaid.DEFAULT
PLAIN = ("name", "description", "enable_dhcp", "dns_nameservers", "host_routes", "service_types")


def get(session: Session, subnet_id: str, scope: Scope) -> Subnet:
    return nouns.find(session, Subnet, subnet_id, scopes.subnets(scope), lambda: SubnetNotFound(subnet_id=subnet_id))


def create(session: Session, on: dict[str, Network], wishes: Sequence[dict[str, Any]]) -> list[Subnet]:
    """All or none of them. `on` holds the networks that the wishes name, with their subnets loaded."""
    made = []
    for wish in wishes:
        project = projects.locked(session, wish["project_id"])
        projects.reserve(session, project, "subnet")
        made.append(_create(session, on[wish["network_id"]], wish))
    return made


def _create(session: Session, network: Network, wish: dict[str, Any]) -> Subnet:
    _check_modes(wish)
    cidr, pool_id = _prefix(session, wish)
    _check_prefix(network, cidr, wish)
    _check_pool(network, pool_id, wish["ip_version"])
    networks.check_subnets_mtu(network, network.mtu, [wish["ip_version"]])
    gateway = _gateway(wish["gateway_ip"], cidr)
    subnet = Subnet(
        project_id=wish["project_id"],
        network_id=network.id,
        ip_version=ranges.prefix(cidr).version,
        cidr=cidr,
        subnetpool_id=pool_id,
        gateway_ip=gateway,
        ipv6_address_mode=wish["ipv6_address_mode"],
        ipv6_ra_mode=wish["ipv6_ra_mode"],
        allocation_pools=_pools(wish["allocation_pools"], cidr, gateway),
        **{name: wish[name] for name in PLAIN},
    )
    _check_extras(subnet)
    network.subnets.append(subnet)
    nouns.revise(network)
    session.flush()
    if addresses.automatic(subnet):
        _address_ports(session, subnet)
    dhcp.ensure(session, network)
    concern(session).networks.add(network.id)
    return subnet


def _check_modes(wish: dict[str, Any]) -> None:
    """OpenStack's table of IPv6 modes: RA and address mode agree or one of them is missing."""
    ra, mode = wish["ipv6_ra_mode"], wish["ipv6_address_mode"]
    if not (ra or mode):
        return
    if wish["ip_version"] != 6:
        raise InvalidInput(error_message="ipv6_ra_mode and ipv6_address_mode are only for IPv6 subnets")
    if not wish["enable_dhcp"]:
        raise InvalidInput(
            error_message="ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False"
        )
    if ra and mode and ra != mode:
        raise InvalidInput(
            error_message=f"ipv6_ra_mode set to '{ra}' with ipv6_address_mode set to '{mode}' is not valid. "
            "If both attributes are set, they must be the same value"
        )


def _prefix(session: Session, wish: dict[str, Any]) -> tuple[str, str | None]:
    pool_id = wish["subnetpool_id"]
    if pool_id is None and wish["use_default_subnetpool"]:
        pool_id = subnetpools.default(session, wish["ip_version"]).id
    if pool_id is not None:
        return subnetpools.carve(session, pool_id, wish), pool_id
    if wish["prefixlen"] is not None:
        raise InvalidInput(error_message="prefixlen needs a subnetpool_id")
    if wish["cidr"] is None:
        raise InvalidInput(error_message="a subnetpool must be specified in the absence of a cidr")
    return str(ranges.prefix(wish["cidr"])), None


def _check_prefix(network: Network, cidr: str, wish: dict[str, Any]) -> None:
    net = ranges.prefix(cidr)
    if net.version != wish["ip_version"]:
        raise InvalidInput(error_message=f"cidr {cidr} does not match the ip_version '{wish['ip_version']}'")
    if net.is_multicast or net.is_loopback or net.is_link_local:
        raise InvalidInput(error_message=f"cidr {cidr} cannot be used for a subnet")
    if net.prefixlen == 0:
        raise InvalidInput(error_message="0 is not allowed as CIDR prefix length")
    automatic = {wish["ipv6_address_mode"], wish["ipv6_ra_mode"]} & set(ranges.AUTO_MODES)
    if automatic and net.prefixlen != 64:
        raise InvalidInput(
            error_message=f"Invalid CIDR {cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, "
            "which requires the prefix to be /64"
        )
    clash = ranges.overlapping(cidr, [subnet.cidr for subnet in network.subnets])
    if clash:
        raise InvalidInput(
            error_message=f"Requested subnet with cidr: {cidr} for network: {network.id} overlaps with another subnet"
        )


def _check_pool(network: Network, pool_id: str | None, ip_version: int) -> None:
    """All subnets of a family on a network come from one pool, or none of them from any."""
    others = {subnet.subnetpool_id for subnet in network.subnets if subnet.ip_version == ip_version}
    if others - {pool_id}:
        raise NetworkSubnetPoolAffinityError()


def _gateway(wanted: Any, cidr: str) -> str | None:
    """The address asked for; the first of the prefix when nothing was said (`DEFAULT`)."""
    net = ranges.prefix(cidr)
    if wanted is DEFAULT:
        first, last = ranges.bounds(net)
        return str(net.network_address + (first - int(net.network_address))) if last > first else None
    if wanted is None:
        return None
    gateway = ranges.address(wanted)
    if gateway.version != net.version:
        raise InvalidInput(error_message=f"gateway_ip {wanted} does not match the ip_version '{net.version}'")
    if gateway in net and not ranges.usable(net, gateway) and net.version == 4:
        raise InvalidInput(error_message="Gateway is not valid on subnet")
    return str(gateway)


def _pools(wanted: ranges.PoolList | None, cidr: str, gateway: str | None) -> ranges.PoolList:
    if wanted is None:
        return ranges.default_pools(cidr, gateway)
    return ranges.check_pools(wanted, cidr, gateway)


def _check_extras(subnet: Subnet) -> None:
    if len(subnet.dns_nameservers) > MOST_SERVERS:
        raise InvalidInput(error_message=f"the number of DNS nameservers exceeds the limit {MOST_SERVERS}")
    if len(subnet.host_routes) > MOST_ROUTES:
        raise InvalidInput(error_message=f"the number of host routes exceeds the limit {MOST_ROUTES}")
    for text in [*subnet.dns_nameservers, *(route["nexthop"] for route in subnet.host_routes)]:
        if ranges.address(text).version != subnet.ip_version:
            raise InvalidInput(error_message=f"{text} does not match the ip_version '{subnet.ip_version}'")


def _address_ports(session: Session, subnet: Subnet) -> None:
    """Ports that are there get their automatic address on a new SLAAC subnet, routers excepted."""
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
                    address=addresses.own_address(subnet, port.mac_address),
                    position=len(port.fixed_ips),
                )
            )
            nouns.revise(port)
            changed.append(port.id)
    ports.note_addresses(session, changed)


def update(session: Session, subnet: Subnet, network: Network, wish: dict[str, Any]) -> None:
    """Apply the attributes that are in `wish`."""
    if "gateway_ip" in wish:
        _set_gateway(session, subnet, wish["gateway_ip"], wish.get("allocation_pools"))
    if wish.get("allocation_pools") is not None:
        subnet.allocation_pools = ranges.check_pools(wish["allocation_pools"], subnet.cidr, subnet.gateway_ip)
    for name in PLAIN:
        if name in wish:
            setattr(subnet, name, wish[name])
    if not subnet.enable_dhcp and (subnet.ipv6_ra_mode or subnet.ipv6_address_mode):
        raise InvalidInput(error_message="Cannot disable enable_dhcp with ipv6 attributes set")
    _check_extras(subnet)
    nouns.revise(subnet)
    nouns.revise(network)
    if "enable_dhcp" in wish:
        session.flush()
        dhcp.ensure(session, network)
    concern(session).networks.add(network.id)


def _set_gateway(session: Session, subnet: Subnet, wanted: str | None, pools: ranges.PoolList | None) -> None:
    gateway = _gateway(wanted, subnet.cidr)
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
            if int(ranges.address(pool["start"])) <= int(ranges.address(gateway)) <= int(ranges.address(pool["end"])):
                raise GatewayConflictWithAllocationPools(ip_address=gateway, pool=f"{pool['start']}-{pool['end']}")
    subnet.gateway_ip = gateway


def delete(session: Session, subnet: Subnet, network: Network) -> None:
    """Refused while a port has an address on it; addresses that hosts made themselves, and DHCP's, go along."""
    rows = session.execute(
        select(FixedIp, Port.device_owner).join(Port, Port.id == FixedIp.port_id).where(FixedIp.subnet_id == subnet.id)
    ).all()
    keeps = addresses.automatic(subnet)
    busy = [ip for ip, owner in rows if owner != DHCP_OWNER and (not keeps or owner.startswith("network:"))]
    if busy:
        raise SubnetInUse(subnet_id=subnet.id, reason="One or more ports have an IP allocation from this subnet.")
    ports.note_addresses(session, [ip.port_id for ip, _ in rows])
    for ip, _ in rows:
        session.delete(ip)
    session.flush()
    concern(session).networks.add(network.id)
    network.subnets.remove(subnet)
    nouns.revise(network)
    session.delete(subnet)
    session.flush()
    dhcp.ensure(session, network)


def of_router(session: Session, router: Router) -> list[Subnet]:
    """The subnets that a router stands on, gateway included."""
    ids = (
        select(FixedIp.subnet_id)
        .join(Port, Port.id == FixedIp.port_id)
        .where(Port.router_id == router.id, Port.device_owner.in_((INTERFACE_OWNER, GATEWAY_OWNER)))
    )
    return list(session.scalars(select(Subnet).where(Subnet.id.in_(ids))))
