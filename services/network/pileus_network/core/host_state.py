"""The desired state of one host, computed from the database alone, in a fixed number of statements."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from pileus_network import rpc
from pileus_network.core import ip_protocols, ip_ranges, ports
from pileus_network.core.ports import FLOATING_OWNER, ROUTER_OWNERS
from pileus_network.core.security_groups import IP_VERSIONS
from pileus_network.db.models import (
    FixedIp,
    FloatingIp,
    Host,
    Network,
    Port,
    PortSecurityGroup,
    Router,
    SecurityGroup,
    Subnet,
)
from pileus_network.rpc import DHCP_OWNER, GATEWAY_OWNER, INTERFACE_OWNER
from pileus_network.state_changes import key_of

T = TypeVar("T")
TUNNELLED = ("vxlan",)
"""Network types whose hosts must know each other's tunnel addresses."""


def find(session: Session, host: str, dns_domain: str = "") -> rpc.HostState | None:
    """Return the desired state of `host`, or None if no agent of it ever reported.

    Everything is sorted, so that equal states compare equal.
    """
    row = session.get(Host, host)
    if row is None:
        return None
    local = list(session.scalars(select(Port).where(Port.host == host).options(*ports.LOADED)))
    on_host = select(Network).where(Network.id.in_({port.network_id for port in local}))
    networks = list(session.scalars(on_host.options(selectinload(Network.subnets))))
    served = _list_served_ports(session, host, local)
    groups = _list_security_groups(session, local)
    routers = session.scalars(select(Router).where(Router.host == host)).all()
    return rpc.HostState(
        host=host,
        generation=row.generation,
        networks=sort_by_key(
            show_network(network, dns_domain, peers) for network, peers in list_with_peers(session, host, networks)
        ),
        ports=sort_by_key(show_port(port, local=port.host == host) for port in [*local, *served]),
        security_groups=sort_by_key(map(show_security_group, groups)),
        address_sets=sort_by_key(list_address_sets(session, list_remote_groups(groups))),
        routers=sort_by_key(show_routers(session, routers, local)),
    )


def sort_by_key(things: Iterable[T]) -> tuple[T, ...]:
    """Return the resources sorted by id, as agents expect them."""
    return tuple(sorted(things, key=key_of))


# -- networks ------------------------------------------------------------------------------------------------------


def list_with_peers(
    session: Session, host: str, networks: Sequence[Network]
) -> list[tuple[Network, tuple[rpc.Peer, ...]]]:
    """Return each network with the other hosts that have ports on it, if it is a tunnelled one."""
    tunnelled = [network.id for network in networks if network.network_type in TUNNELLED]
    macs: dict[str, dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    if tunnelled:
        query = select(Port.network_id, Host.name, Host.tunnel_address, Port.mac_address).join(
            Host, Host.name == Port.host
        )
        for network_id, name, address, mac in session.execute(
            query.where(Port.network_id.in_(tunnelled), Host.name != host, Host.tunnel_address != "")
        ):
            macs[network_id][name, address].append(mac)
    return [
        (
            network,
            tuple(
                rpc.Peer(name, address, tuple(sorted(found)))
                for (name, address), found in sorted(macs[network.id].items())
            ),
        )
        for network in networks
    ]


def show_network(row: Network, dns_domain: str, peers: tuple[rpc.Peer, ...]) -> rpc.Network:
    """Return the network as agents see it."""
    return rpc.Network(
        id=row.id,
        kind=row.network_type,
        segment=row.segmentation_id or None,
        physical_network=row.physical_network or None,
        mtu=row.mtu,
        dns_domain=dns_domain,
        subnets=sort_by_key(map(_show_subnet, row.subnets)),
        peers=peers,
    )


def _show_subnet(subnet: Subnet) -> rpc.Subnet:
    return rpc.Subnet(
        id=subnet.id,
        cidr=subnet.cidr,
        ip_version=subnet.ip_version,
        gateway=subnet.gateway_ip,
        dhcp=subnet.enable_dhcp,
        dns=tuple(subnet.dns_nameservers),
        routes=_show_routes(subnet.host_routes),
        ra_mode=subnet.ipv6_ra_mode,
        address_mode=subnet.ipv6_address_mode,
        pools=tuple(rpc.AllocationPool(pool["start"], pool["end"]) for pool in subnet.allocation_pools),
    )


def _show_routes(routes: Iterable[dict[str, str]]) -> tuple[rpc.Route, ...]:
    return tuple(rpc.Route(route["destination"], route["nexthop"]) for route in routes)


# -- ports ---------------------------------------------------------------------------------------------------------


def _list_served_ports(session: Session, host: str, local: Sequence[Port]) -> list[Port]:
    """Ports elsewhere that this host answers DHCP or metadata for. Those of floating IPs only hold an address."""
    ids = {port.network_id for port in local if port.device_owner in (DHCP_OWNER, INTERFACE_OWNER)}
    if not ids:
        return []
    elsewhere = (Port.host != host, Port.device_owner != FLOATING_OWNER)
    return list(session.scalars(select(Port).where(Port.network_id.in_(ids), *elsewhere).options(*ports.LOADED)))


def show_port(row: Port, local: bool) -> rpc.Port:
    """Return the port as agents see it; `local` if it is to be wired on the host."""
    first = next((ip.address for ip in row.fixed_ips), "")
    return rpc.Port(
        id=row.id,
        network_id=row.network_id,
        project_id=row.project_id,
        mac=row.mac_address,
        device_owner=row.device_owner,
        device_id=(row.router_id or "") if row.device_owner in ROUTER_OWNERS else row.device_id,
        local=local,
        admin_up=row.admin_state_up,
        hostname=row.dns_name or (f"host-{first.replace('.', '-').replace(':', '-')}" if first else ""),
        fixed_ips=tuple(rpc.FixedIp(ip.subnet_id, ip.address) for ip in row.fixed_ips),
        port_security=row.port_security_enabled,
        address_pairs=tuple(
            rpc.AddressPair(pair["ip_address"], pair["mac_address"]) for pair in row.allowed_address_pairs
        ),
        security_groups=tuple(sorted(group.security_group_id for group in row.security_groups)),
        dhcp_options=tuple(
            rpc.DhcpOption(option["opt_name"], option["opt_value"], int(option["ip_version"]))
            for option in row.extra_dhcp_opts
        ),
    )


# -- security groups -----------------------------------------------------------------------------------------------


def _list_security_groups(session: Session, local: Sequence[Port]) -> list[SecurityGroup]:
    ids = {group.security_group_id for port in local for group in port.security_groups}
    if not ids:
        return []
    return list(
        session.scalars(
            select(SecurityGroup).where(SecurityGroup.id.in_(ids)).options(selectinload(SecurityGroup.rules))
        )
    )


def show_security_group(row: SecurityGroup) -> rpc.SecurityGroup:
    """Return the group and its rules as agents see them."""
    rules = {
        rpc.Rule(
            direction=rule.direction,
            ip_version=IP_VERSIONS[rule.ethertype],
            protocol=ip_protocols.to_number(rule.protocol, rule.ethertype),
            port_min=rule.port_range_min,
            port_max=rule.port_range_max,
            remote_prefix=_normalize_prefix(rule.remote_ip_prefix),
            remote_group=rule.remote_group_id,
        )
        for rule in row.rules
    }
    return rpc.SecurityGroup(id=row.id, stateful=row.stateful, rules=tuple(sorted(rules, key=repr)))


def _normalize_prefix(prefix: str | None) -> str | None:
    return str(ip_ranges.prefix(prefix)) if prefix else None


def list_remote_groups(groups: Sequence[SecurityGroup]) -> set[str]:
    """The groups that rules of these name as their remote."""
    return {rule.remote_group_id for group in groups for rule in group.rules if rule.remote_group_id}


def list_address_sets(session: Session, group_ids: set[str]) -> list[rpc.AddressSet]:
    """For each group that a rule here names as remote: the addresses of all its ports, wherever they are."""
    if not group_ids:
        return []
    found: dict[str, set[str]] = {group_id: set() for group_id in group_ids}
    rows = session.execute(
        select(PortSecurityGroup.security_group_id, FixedIp.address)
        .join(FixedIp, FixedIp.port_id == PortSecurityGroup.port_id)
        .where(PortSecurityGroup.security_group_id.in_(group_ids))
    )
    for group_id, address in rows:
        found[group_id].add(address)
    pairs = session.execute(
        select(PortSecurityGroup.security_group_id, Port.allowed_address_pairs)
        .join(Port, Port.id == PortSecurityGroup.port_id)
        .where(PortSecurityGroup.security_group_id.in_(group_ids))
    )
    for group_id, allowed in pairs:
        found[group_id].update(pair["ip_address"] for pair in allowed)
    return [rpc.AddressSet(group_id, tuple(sorted(addresses))) for group_id, addresses in found.items()]


# -- routers -------------------------------------------------------------------------------------------------------


def show_routers(session: Session, rows: Sequence[Router], local: Sequence[Port]) -> list[rpc.Router]:
    """`local` are the ports on the routers' host."""
    if not rows:
        return []
    interfaces: dict[str, list[str]] = defaultdict(list)
    gateways: dict[str, str] = {}
    for port in local:
        if port.router_id and port.device_owner == INTERFACE_OWNER:
            interfaces[port.router_id].append(port.id)
        elif port.router_id and port.device_owner == GATEWAY_OWNER:
            gateways[port.router_id] = port.id
    floating: dict[str | None, list[rpc.FloatingIp]] = defaultdict(list)
    for one in session.scalars(select(FloatingIp).where(FloatingIp.router_id.in_([router.id for router in rows]))):
        floating[one.router_id].append(rpc.FloatingIp(one.id, one.floating_ip_address, one.fixed_ip_address or ""))
    return [
        rpc.Router(
            id=router.id,
            project_id=router.project_id,
            admin_up=router.admin_state_up,
            interfaces=tuple(sorted(interfaces[router.id])),
            gateway=gateways.get(router.id),
            snat=router.enable_snat,
            floating_ips=sort_by_key(floating[router.id]),
            routes=_show_routes(router.routes),
        )
        for router in rows
    ]
