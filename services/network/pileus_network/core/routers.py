"""Routers: gateways, interfaces and routes. A router and all of its ports live on one host."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy import update as sql_update
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import addresses, networks, nouns, ports, projects, ranges, scheduler, subnets
from pileus_network.core.fixed_ips import Addresser
from pileus_network.core.generations import PORT, ROUTER, SERVED, concern
from pileus_network.core.ports import ROUTER_OWNERS
from pileus_network.core.scopes import EVERYTHING, Scope
from pileus_network.db.models import FixedIp, FloatingIp, Network, Port, Router, Subnet
from pileus_network.errors import (
    BadResource,
    InvalidRoutes,
    PortInUse,
    PortNotFound,
    RouterExternalGatewayInUseByFloatingIp,
    RouterInterfaceInUseByFloatingIP,
    RouterInterfaceInUseByRoute,
    RouterInterfaceNotFound,
    RouterInterfaceNotFoundForSubnet,
    RouterInUse,
    RouterNotFound,
    RoutesExhausted,
)
from pileus_network.rpc import GATEWAY_OWNER, INTERFACE_OWNER

LOADED = (selectinload(Router.gateway).selectinload(Port.fixed_ips),)
MOST_ROUTES = 30


def get(session: Session, router_id: str, scope: Scope) -> Router:
    return nouns.find(
        session, Router, router_id, nouns.mine(Router, scope), lambda: RouterNotFound(router_id=router_id), LOADED
    )


def create(session: Session, wish: dict[str, Any], scope: Scope) -> Router:
    project = projects.locked(session, wish["project_id"])
    projects.reserve(session, project, "router")
    router = Router(
        project_id=wish["project_id"],
        name=wish["name"],
        description=wish["description"],
        admin_state_up=wish["admin_state_up"],
        routes=[],
        gateway=None,
    )
    session.add(router)
    session.flush()
    if wish["external_gateway_info"]:
        set_gateway(session, router, wish["external_gateway_info"], scope)
    return router


def update(session: Session, router: Router, wish: dict[str, Any], scope: Scope) -> None:
    """Apply the attributes that are in `wish`."""
    for name in ("name", "description", "admin_state_up"):
        if name in wish:
            setattr(router, name, wish[name])
    if "external_gateway_info" in wish:
        set_gateway(session, router, wish["external_gateway_info"], scope)
    if wish.get("routes") is not None:
        set_routes(session, router, wish["routes"])
    nouns.revise(router)
    session.flush()
    _note(session, router)


def delete(session: Session, router: Router) -> None:
    if session.scalar(
        select(exists(select(Port.id).where(Port.router_id == router.id, Port.device_owner == INTERFACE_OWNER)))
    ):
        raise RouterInUse(router_id=router.id, reason="still has ports")
    _note(session, router)
    clear_gateway(session, router)
    session.delete(router)
    session.flush()


def _note(session: Session, router: Router, gateway: Port | None = None) -> None:
    """The router changed, or (if given) its gateway came, went or got other addresses."""
    noted = concern(session)
    noted.hosts.add(router.host)
    noted.touch(ROUTER, router.id)
    if gateway is not None:
        noted.networks.add(gateway.network_id)
        noted.touch(PORT, gateway.id)


# -- where it lives ------------------------------------------------------------------------------------------------


def settle(session: Session, router: Router) -> None:
    """Find a host for a router that has none, and take its ports there."""
    if router.host:
        return
    rows = session.scalars(
        select(Network.physical_network)
        .join(Port, Port.network_id == Network.id)
        .where(Port.router_id == router.id, Port.device_owner.in_(ROUTER_OWNERS))
    )
    move(session, router, scheduler.pick(session, frozenset(rows) - {""}, tunnels=True))


def move(session: Session, router: Router, host: str) -> None:
    """Let the router and its ports live on `host` ("": nowhere)."""
    noted = concern(session)
    noted.hosts.update((router.host, host))
    noted.touch(ROUTER, router.id)
    router.host = host
    moved = session.execute(
        sql_update(Port)
        .where(Port.router_id == router.id, Port.device_owner.in_(ROUTER_OWNERS))
        .values(host=host, vif_type="bridge" if host else "unbound", status="DOWN")
        .returning(Port.id, Port.network_id)
    ).all()
    noted.touch(PORT, *(port_id for port_id, _ in moved))
    noted.touch(SERVED, *(network_id for _, network_id in moved))
    noted.networks.update(network_id for _, network_id in moved)
    session.execute(  # until its new host reports that they lead somewhere again
        sql_update(FloatingIp)
        .where(FloatingIp.router_id == router.id, FloatingIp.status != "DOWN")
        .values(status="DOWN")
    )


# -- gateway -------------------------------------------------------------------------------------------------------


def set_gateway(session: Session, router: Router, info: dict[str, Any] | None, scope: Scope) -> None:
    """Stand on an external network as `info` says; None or {} takes the gateway away."""
    if not info or not info.get("network_id"):
        clear_gateway(session, router)
        return
    network = networks.get(session, info["network_id"], scope)
    if not network.external:
        raise BadResource(resource="router", msg=f"Network {network.id} is not an external network")
    router.enable_snat = info.get("enable_snat", True if router.gateway is None else router.enable_snat)
    wishes = info.get("external_fixed_ips")
    if router.gateway is not None and router.gateway.network_id == network.id:
        if wishes:
            Addresser(session, network).assign(router.gateway, wishes)
    else:
        if router.gateway is not None:
            clear_gateway(session, router)
        _check_gateway(session, router, network)
        router.gateway = _port(router, network, GATEWAY_OWNER, project_id="")
        session.add(router.gateway)
        Addresser(session, network).assign(router.gateway, wishes or None)
        session.flush()
        settle(session, router)
    session.flush()
    _note(session, router, router.gateway)


def _check_gateway(session: Session, router: Router, network: Network) -> None:
    inside = [subnet.cidr for subnet in subnets.of_router(session, router)]
    for subnet in network.subnets:
        clash = ranges.overlapping(subnet.cidr, inside)
        if clash:
            raise BadResource(
                resource="router", msg=f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {clash}"
            )


def _port(router: Router, network: Network, owner: str, project_id: str) -> Port:
    return Port(
        network_id=network.id,
        project_id=project_id,
        mac_address=addresses.new_mac(),
        device_owner=owner,
        device_id=router.id,
        router_id=router.id,
        host=router.host,
        vif_type="bridge" if router.host else "unbound",
        port_security_enabled=False,
        fixed_ips=[],
        groups=[],
    )


def clear_gateway(session: Session, router: Router) -> None:
    gateway = router.gateway
    if gateway is None:
        return
    if session.scalar(select(exists(select(FloatingIp.id).where(FloatingIp.router_id == router.id)))):
        raise RouterExternalGatewayInUseByFloatingIp(router_id=router.id, net_id=gateway.network_id)
    _note(session, router, gateway)
    router.gateway = None
    session.flush()
    session.delete(gateway)
    session.flush()


# -- interfaces ----------------------------------------------------------------------------------------------------


def add_interface(session: Session, router: Router, wish: dict[str, str], scope: Scope) -> tuple[Port, list[str]]:
    """Stand on a subnet (under its gateway's address) or take over a port. Gives the port and the subnets it is on."""
    if ("subnet_id" in wish) == ("port_id" in wish):
        raise BadResource(resource="router", msg="Either subnet_id or port_id must be specified")
    port = (
        _by_port(session, router, wish["port_id"], scope)
        if "port_id" in wish
        else _by_subnet(session, router, wish["subnet_id"], scope)
    )
    nouns.revise(router)
    session.flush()
    settle(session, router)
    ports.note(session, port)
    _note(session, router)
    return port, [ip.subnet_id for ip in port.fixed_ips]


def _by_port(session: Session, router: Router, port_id: str, scope: Scope) -> Port:
    port = ports.get(session, port_id, scope)
    if not scope.owns(port.project_id):  # on a network of the caller's, where they see all ports
        raise PortNotFound(port_id=port_id)
    if port.device_id or port.device_owner:
        raise PortInUse(net_id=port.network_id, port_id=port.id, device_id=port.device_id)
    if not port.fixed_ips:
        raise BadResource(resource="router", msg="Router port must have at least one fixed IP")
    if sum(ranges.address(ip.address).version == 4 for ip in port.fixed_ips) > 1:
        raise BadResource(resource="router", msg="Cannot have multiple IPv4 subnets on router port")
    ids = [ip.subnet_id for ip in port.fixed_ips]
    _check_interface(session, router, list(session.scalars(select(Subnet).where(Subnet.id.in_(ids)))))
    ports.note(session, port)
    port.device_id, port.device_owner, port.router_id = router.id, INTERFACE_OWNER, router.id
    port.host, port.vif_type, port.status = router.host, "bridge" if router.host else "unbound", "DOWN"
    port.port_security_enabled, port.groups[:], port.allowed_address_pairs = False, [], []
    nouns.revise(port)
    return port


def _by_subnet(session: Session, router: Router, subnet_id: str, scope: Scope) -> Port:
    subnet = subnets.get(session, subnet_id, scope)
    if not scope.owns(subnet.project_id):
        raise BadResource(
            resource="router",
            msg=f"Cannot add interface to router because subnet {subnet.id} is not owned by project making the request",
        )
    if subnet.gateway_ip is None:
        raise BadResource(resource="router", msg=f"Subnet for router interface must have a gateway IP: {subnet.id}")
    _check_interface(session, router, [subnet])
    network = networks.get(session, subnet.network_id, EVERYTHING)
    port = _port(router, network, INTERFACE_OWNER, router.project_id)
    session.add(port)
    Addresser(session, network).assign(port, [{"subnet_id": subnet.id, "ip_address": subnet.gateway_ip}])
    return port


def _check_interface(session: Session, router: Router, new: Sequence[Subnet]) -> None:
    """Neither a subnet that the router stands on, nor one that overlaps."""
    there = subnets.of_router(session, router)
    for subnet in new:
        if any(other.id == subnet.id for other in there):
            raise BadResource(resource="router", msg=f"Router already has a port on subnet {subnet.id}")
        clash = next((other for other in there if ranges.overlapping(subnet.cidr, [other.cidr])), None)
        if clash:
            raise BadResource(
                resource="router",
                msg=f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {clash.cidr} of subnet {clash.id}",
            )


def remove_interface(session: Session, router: Router, wish: dict[str, str]) -> tuple[Port, list[str]]:
    """Leave a subnet; the port is deleted, whoever made it."""
    if "subnet_id" not in wish and "port_id" not in wish:
        raise BadResource(resource="router", msg="Either subnet_id or port_id must be specified")
    port = _interface(session, router, wish)
    ids = [ip.subnet_id for ip in port.fixed_ips]
    _check_unused(session, router, ids)
    nouns.revise(router)
    _note(session, router)
    ports.note(session, port)
    session.delete(port)
    session.flush()
    return port, ids


def _interface(session: Session, router: Router, wish: dict[str, str]) -> Port:
    query = select(Port).where(Port.router_id == router.id, Port.device_owner == INTERFACE_OWNER).options(*ports.LOADED)
    if "port_id" in wish:
        port = session.scalars(query.where(Port.id == wish["port_id"])).one_or_none()
        if port is None:
            raise RouterInterfaceNotFound(router_id=router.id, port_id=wish["port_id"])
        if "subnet_id" in wish and wish["subnet_id"] not in [ip.subnet_id for ip in port.fixed_ips]:
            raise RouterInterfaceNotFoundForSubnet(router_id=router.id, subnet_id=wish["subnet_id"])
        return port
    port = session.scalars(
        query.join(FixedIp, FixedIp.port_id == Port.id).where(FixedIp.subnet_id == wish["subnet_id"])
    ).first()
    if port is None:
        raise RouterInterfaceNotFoundForSubnet(router_id=router.id, subnet_id=wish["subnet_id"])
    return port


def _check_unused(session: Session, router: Router, subnet_ids: Sequence[str]) -> None:
    """Neither a floating IP nor a route needs the interface."""
    used = session.scalar(
        select(FixedIp.subnet_id)
        .join(FloatingIp, (FloatingIp.port_id == FixedIp.port_id) & (FloatingIp.fixed_ip_address == FixedIp.address))
        .where(FloatingIp.router_id == router.id, FixedIp.subnet_id.in_(subnet_ids))
        .limit(1)
    )
    if used:
        raise RouterInterfaceInUseByFloatingIP(router_id=router.id, subnet_id=used)
    for subnet in session.scalars(select(Subnet).where(Subnet.id.in_(subnet_ids))):
        net = ranges.prefix(subnet.cidr)
        if any(ranges.address(route["nexthop"]) in net for route in router.routes):
            raise RouterInterfaceInUseByRoute(router_id=router.id, subnet_id=subnet.id)


# -- routes --------------------------------------------------------------------------------------------------------


def set_routes(session: Session, router: Router, routes: Sequence[dict[str, str]]) -> None:
    """Each next hop must be a neighbour: on one of the router's subnets, and not the router itself."""
    if len(routes) > MOST_ROUTES:
        raise RoutesExhausted(router_id=router.id, quota=MOST_ROUTES)
    plain = [{"destination": route["destination"], "nexthop": route["nexthop"]} for route in routes]
    if len({tuple(route.values()) for route in plain}) < len(plain):
        raise InvalidRoutes(routes=plain, reason="there are duplicates")
    nets = [ranges.prefix(subnet.cidr) for subnet in subnets.of_router(session, router)]
    own = set(
        session.scalars(
            select(FixedIp.address)
            .join(Port, Port.id == FixedIp.port_id)
            .where(Port.router_id == router.id, Port.device_owner.in_(ROUTER_OWNERS))
        )
    )
    for route in plain:
        hop = ranges.address(route["nexthop"])
        if not any(hop.version == net.version and hop in net for net in nets):
            raise InvalidRoutes(routes=plain, reason="the nexthop is not connected with router")
        if str(hop) in own:
            raise InvalidRoutes(routes=plain, reason="the nexthop is used by router")
    router.routes = plain


def add_routes(session: Session, router: Router, routes: Sequence[dict[str, str]]) -> None:
    """Those that are there already are left alone."""
    set_routes(session, router, [*router.routes, *(route for route in routes if route not in router.routes)])
    nouns.revise(router)
    _note(session, router)


def remove_routes(session: Session, router: Router, routes: Sequence[dict[str, str]]) -> None:
    router.routes = [route for route in router.routes if route not in routes]
    nouns.revise(router)
    _note(session, router)
