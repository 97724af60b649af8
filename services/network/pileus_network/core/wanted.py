"""What one host shall be: a function of the database alone, in a fixed number of queries however much there is."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from pileus_network import rpc
from pileus_network.core import ports, protocols, ranges
from pileus_network.core.ports import ROUTER_OWNERS
from pileus_network.core.securitygroups import VERSIONS
from pileus_network.db.models import FixedIp, FloatingIp, Host, Network, Port, PortGroup, Router, SecurityGroup, Subnet
from pileus_network.rpc import DHCP_OWNER, GATEWAY_OWNER, INTERFACE_OWNER

T = TypeVar("T")
TUNNELLED = ("vxlan",)
"""Kinds of network whose hosts must know each other's tunnel addresses."""


def state(session: Session, host: str, dns_domain: str = "") -> rpc.HostState | None:
    """The wanted state of `host`, None if it never said hello. Sorted, so that equal states compare equal."""
    hosts = {row.name: row for row in session.scalars(select(Host))}
    if host not in hosts:
        return None
    local = list(session.scalars(select(Port).where(Port.host == host).options(*ports.LOADED)))
    networks = list(
        session.scalars(
            select(Network).where(Network.id.in_({p.network_id for p in local})).options(selectinload(Network.subnets))
        )
    )
    served = _served(session, host, local)
    groups = _groups(session, local)
    return rpc.HostState(
        host=host,
        generation=hosts[host].generation,
        networks=_sorted(
            _network(network, dns_domain, peers) for network, peers in _with_peers(session, host, hosts, networks)
        ),
        ports=_sorted(_port(port, local=port.host == host) for port in [*local, *served]),
        security_groups=_sorted(_group(group) for group in groups),
        address_sets=_sorted(_address_sets(session, groups)),
        routers=_sorted(_routers(session, host, local)),
    )


def _key(thing: Any) -> str:
    return str(thing.group_id if isinstance(thing, rpc.AddressSet) else thing.id)


def _sorted(things: Iterable[T]) -> tuple[T, ...]:
    return tuple(sorted(things, key=_key))


# -- networks ------------------------------------------------------------------------------------------------------


def _with_peers(
    session: Session, host: str, hosts: dict[str, Host], networks: Sequence[Network]
) -> list[tuple[Network, tuple[rpc.Peer, ...]]]:
    tunnelled = [network.id for network in networks if network.network_type in TUNNELLED]
    others: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    if tunnelled:
        for network_id, name, mac in session.execute(
            select(Port.network_id, Port.host, Port.mac_address).where(
                Port.network_id.in_(tunnelled), Port.host.not_in(("", host))
            )
        ):
            others[network_id][name].append(mac)
    return [
        (
            network,
            tuple(
                rpc.Peer(name, hosts[name].tunnel_address, tuple(sorted(macs)))
                for name, macs in sorted(others[network.id].items())
                if name in hosts and hosts[name].tunnel_address
            ),
        )
        for network in networks
    ]


def _network(network: Network, dns_domain: str, peers: tuple[rpc.Peer, ...]) -> rpc.Network:
    return rpc.Network(
        id=network.id,
        kind=network.network_type,
        segment=network.segmentation_id or None,
        physical_network=network.physical_network or None,
        mtu=network.mtu,
        dns_domain=dns_domain,
        subnets=_sorted(map(_subnet, network.subnets)),
        peers=peers,
    )


def _subnet(subnet: Subnet) -> rpc.Subnet:
    return rpc.Subnet(
        id=subnet.id,
        cidr=subnet.cidr,
        ip_version=subnet.ip_version,
        gateway=subnet.gateway_ip,
        dhcp=subnet.enable_dhcp,
        dns=tuple(subnet.dns_nameservers),
        routes=_routes(subnet.host_routes),
        ra_mode=subnet.ipv6_ra_mode,
        address_mode=subnet.ipv6_address_mode,
        pools=tuple(rpc.Pool(pool["start"], pool["end"]) for pool in subnet.allocation_pools),
    )


def _routes(routes: Iterable[dict[str, str]]) -> tuple[rpc.Route, ...]:
    return tuple(rpc.Route(route["destination"], route["nexthop"]) for route in routes)


# -- ports ---------------------------------------------------------------------------------------------------------


def _served(session: Session, host: str, local: Sequence[Port]) -> list[Port]:
    """Ports elsewhere that this host answers DHCP or metadata for."""
    ids = {port.network_id for port in local if port.device_owner in (DHCP_OWNER, INTERFACE_OWNER)}
    if not ids:
        return []
    return list(session.scalars(select(Port).where(Port.network_id.in_(ids), Port.host != host).options(*ports.LOADED)))


def _port(port: Port, local: bool) -> rpc.Port:
    first = next((ip.address for ip in port.fixed_ips), "")
    return rpc.Port(
        id=port.id,
        network_id=port.network_id,
        project_id=port.project_id,
        mac=port.mac_address,
        device_owner=port.device_owner,
        device_id=(port.router_id or "") if port.device_owner in ROUTER_OWNERS else port.device_id,
        local=local,
        admin_up=port.admin_state_up,
        hostname=f"host-{first.replace('.', '-').replace(':', '-')}" if first else "",
        fixed_ips=tuple(rpc.FixedIp(ip.subnet_id, ip.address) for ip in port.fixed_ips),
        port_security=port.port_security_enabled,
        address_pairs=tuple(
            rpc.AddressPair(pair["ip_address"], pair["mac_address"]) for pair in port.allowed_address_pairs
        ),
        security_groups=tuple(sorted(group.group_id for group in port.groups)),
        dhcp_options=tuple(
            rpc.DhcpOption(option["opt_name"], option["opt_value"], int(option["ip_version"]))
            for option in port.extra_dhcp_opts
        ),
    )


# -- security groups -----------------------------------------------------------------------------------------------


def _groups(session: Session, local: Sequence[Port]) -> list[SecurityGroup]:
    ids = {group.group_id for port in local for group in port.groups}
    if not ids:
        return []
    return list(
        session.scalars(
            select(SecurityGroup).where(SecurityGroup.id.in_(ids)).options(selectinload(SecurityGroup.rules))
        )
    )


def _group(group: SecurityGroup) -> rpc.SecurityGroup:
    rules = {
        rpc.Rule(
            direction=rule.direction,
            ip_version=VERSIONS[rule.ethertype],
            protocol=protocols.number(rule.protocol, rule.ethertype),
            port_min=rule.port_range_min,
            port_max=rule.port_range_max,
            remote_prefix=_canonical(rule.remote_ip_prefix),
            remote_group=rule.remote_group_id,
        )
        for rule in group.rules
    }
    return rpc.SecurityGroup(id=group.id, stateful=group.stateful, rules=tuple(sorted(rules, key=repr)))


def _canonical(prefix: str | None) -> str | None:
    return str(ranges.prefix(prefix)) if prefix else None


def _address_sets(session: Session, groups: Sequence[SecurityGroup]) -> list[rpc.AddressSet]:
    """For each group that a rule here names as remote: the addresses of all its ports, wherever they are."""
    named = {rule.remote_group_id for group in groups for rule in group.rules if rule.remote_group_id}
    if not named:
        return []
    found: dict[str, set[str]] = {group_id: set() for group_id in named}
    rows = session.execute(
        select(PortGroup.group_id, FixedIp.address)
        .join(FixedIp, FixedIp.port_id == PortGroup.port_id)
        .where(PortGroup.group_id.in_(named))
    )
    for group_id, address in rows:
        found[group_id].add(address)
    pairs = session.execute(
        select(PortGroup.group_id, Port.allowed_address_pairs)
        .join(Port, Port.id == PortGroup.port_id)
        .where(PortGroup.group_id.in_(named))
    )
    for group_id, allowed in pairs:
        found[group_id].update(pair["ip_address"] for pair in allowed)
    return [rpc.AddressSet(group_id, tuple(sorted(addresses))) for group_id, addresses in found.items()]


# -- routers -------------------------------------------------------------------------------------------------------


def _routers(session: Session, host: str, local: Sequence[Port]) -> list[rpc.Router]:
    routers = list(session.scalars(select(Router).where(Router.host == host)))
    if not routers:
        return []
    interfaces: dict[str, list[str]] = defaultdict(list)
    gateways: dict[str, str] = {}
    for port in local:
        if port.router_id and port.device_owner == INTERFACE_OWNER:
            interfaces[port.router_id].append(port.id)
        elif port.router_id and port.device_owner == GATEWAY_OWNER:
            gateways[port.router_id] = port.id
    floating: dict[str | None, list[rpc.FloatingIp]] = defaultdict(list)
    for row in session.scalars(select(FloatingIp).where(FloatingIp.router_id.in_([router.id for router in routers]))):
        floating[row.router_id].append(rpc.FloatingIp(row.id, row.floating_ip_address, row.fixed_ip_address or ""))
    return [
        rpc.Router(
            id=router.id,
            project_id=router.project_id,
            admin_up=router.admin_state_up,
            interfaces=tuple(sorted(interfaces[router.id])),
            gateway=gateways.get(router.id),
            snat=router.enable_snat,
            floating_ips=_sorted(floating[router.id]),
            routes=_routes(router.routes),
        )
        for router in routers
    ]
