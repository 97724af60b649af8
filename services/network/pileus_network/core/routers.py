"""Routers: gateways, interfaces and routes. A router and all of its ports live on one host."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy import update as sql_update
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import ip_ranges, ipam, networks, ports, quotas, scheduler, standard_attributes, subnets
from pileus_network.core.affected_hosts import PORT, ROUTER, SERVED_NETWORK, affected
from pileus_network.core.fixed_ips import FixedIpAssigner
from pileus_network.core.ports import ROUTER_OWNERS
from pileus_network.core.visibility import ELEVATED, Viewer
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
MAX_ROUTES = 30


def find(session: Session, router_id: str, viewer: Viewer) -> Router:
    return standard_attributes.find(
        session,
        Router,
        router_id,
        standard_attributes.own_rows(Router, viewer),
        lambda: RouterNotFound(router_id=router_id),
        LOADED,
    )


def create(session: Session, requested: dict[str, Any], viewer: Viewer) -> Router:
    project = quotas.lock_project(session, requested["project_id"])
    quotas.check(session, project, "router")
    router = Router(
        project_id=requested["project_id"],
        name=requested["name"],
        description=requested["description"],
        admin_state_up=requested["admin_state_up"],
        routes=[],
        gateway=None,
    )
    session.add(router)
    session.flush()
    if requested["external_gateway_info"]:
        set_gateway(session, router, requested["external_gateway_info"], viewer)
    return router


def update(session: Session, router: Router, requested: dict[str, Any], viewer: Viewer) -> None:
    """Apply the attributes that are in `requested`."""
    for name in ("name", "description", "admin_state_up"):
        if name in requested:
            setattr(router, name, requested[name])
    if "external_gateway_info" in requested:
        set_gateway(session, router, requested["external_gateway_info"], viewer)
    if requested.get("routes") is not None:
        set_routes(session, router, requested["routes"])
    standard_attributes.bump_revision(router)
    session.flush()
    _mark_affected(session, router)


def delete(session: Session, router: Router) -> None:
    if session.scalar(
        select(exists(select(Port.id).where(Port.router_id == router.id, Port.device_owner == INTERFACE_OWNER)))
    ):
        raise RouterInUse(router_id=router.id, reason="still has ports")
    _mark_affected(session, router)
    clear_gateway(session, router)
    session.delete(router)
    session.flush()


def _mark_affected(session: Session, router: Router, gateway: Port | None = None) -> None:
    """The router changed, or (if given) its gateway came, went or got other addresses."""
    affects = affected(session)
    affects.hosts.add(router.host)
    affects.record_change(ROUTER, router.id)
    if gateway is not None:
        affects.networks.add(gateway.network_id)
        affects.record_change(PORT, gateway.id)


# -- where it lives ------------------------------------------------------------------------------------------------


def schedule(session: Session, router: Router) -> None:
    """Find a host for a router that has none, and take its ports there."""
    if router.host:
        return
    rows = session.scalars(
        select(Network.physical_network)
        .join(Port, Port.network_id == Network.id)
        .where(Port.router_id == router.id, Port.device_owner.in_(ROUTER_OWNERS))
    )
    move_to_host(session, router, scheduler.choose_host(session, frozenset(rows) - {""}, tunnels=True))


def move_to_host(session: Session, router: Router, host: str) -> None:
    """Let the router and its ports live on `host` ("": nowhere)."""
    affects = affected(session)
    affects.hosts.update((router.host, host))
    affects.record_change(ROUTER, router.id)
    router.host = host
    moved = session.execute(
        sql_update(Port)
        .where(Port.router_id == router.id, Port.device_owner.in_(ROUTER_OWNERS))
        .values(host=host, vif_type="bridge" if host else "unbound", status="DOWN")
        .returning(Port.id, Port.network_id)
    ).all()
    affects.record_change(PORT, *(port_id for port_id, _ in moved))
    affects.record_change(SERVED_NETWORK, *(network_id for _, network_id in moved))
    affects.networks.update(network_id for _, network_id in moved)
    session.execute(  # until its new host reports that they lead somewhere again
        sql_update(FloatingIp)
        .where(FloatingIp.router_id == router.id, FloatingIp.status != "DOWN")
        .values(status="DOWN")
    )


# -- gateway -------------------------------------------------------------------------------------------------------


def set_gateway(session: Session, router: Router, info: dict[str, Any] | None, viewer: Viewer) -> None:
    """Stand on an external network as `info` says; None or {} takes the gateway away."""
    if not info or not info.get("network_id"):
        clear_gateway(session, router)
        return
    network = networks.find(session, info["network_id"], viewer)
    if not network.external:
        raise BadResource(resource="router", msg=f"Network {network.id} is not an external network")
    router.enable_snat = info.get("enable_snat", True if router.gateway is None else router.enable_snat)
    requests = info.get("external_fixed_ips")
    if router.gateway is not None and router.gateway.network_id == network.id:
        if requests:
            FixedIpAssigner(session, network).assign(router.gateway, requests)
    else:
        if router.gateway is not None:
            clear_gateway(session, router)
        _check_gateway(session, router, network)
        router.gateway = _build_port(router, network, GATEWAY_OWNER, project_id="")
        session.add(router.gateway)
        FixedIpAssigner(session, network).assign(router.gateway, requests or None)
        session.flush()
        schedule(session, router)
    session.flush()
    _mark_affected(session, router, router.gateway)


def _check_gateway(session: Session, router: Router, network: Network) -> None:
    inside = [subnet.cidr for subnet in subnets.list_of_router(session, router)]
    for subnet in network.subnets:
        clash = ip_ranges.find_overlapping(subnet.cidr, inside)
        if clash:
            raise BadResource(
                resource="router", msg=f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {clash}"
            )


def _build_port(router: Router, network: Network, owner: str, project_id: str) -> Port:
    return Port(
        network_id=network.id,
        project_id=project_id,
        mac_address=ipam.new_mac(),
        device_owner=owner,
        device_id=router.id,
        router_id=router.id,
        host=router.host,
        vif_type="bridge" if router.host else "unbound",
        port_security_enabled=False,
        fixed_ips=[],
        security_groups=[],
    )


def clear_gateway(session: Session, router: Router) -> None:
    gateway = router.gateway
    if gateway is None:
        return
    if session.scalar(select(exists(select(FloatingIp.id).where(FloatingIp.router_id == router.id)))):
        raise RouterExternalGatewayInUseByFloatingIp(router_id=router.id, net_id=gateway.network_id)
    _mark_affected(session, router, gateway)
    router.gateway = None
    session.flush()
    session.delete(gateway)
    session.flush()


# -- interfaces ----------------------------------------------------------------------------------------------------


def add_interface(
    session: Session, router: Router, requested: dict[str, str], viewer: Viewer
) -> tuple[Port, list[str]]:
    """Stand on a subnet (under its gateway's address) or take over a port. Gives the port and the subnets it is on."""
    if ("subnet_id" in requested) == ("port_id" in requested):
        raise BadResource(resource="router", msg="Either subnet_id or port_id must be specified")
    port = (
        _interface_from_port(session, router, requested["port_id"], viewer)
        if "port_id" in requested
        else _interface_on_subnet(session, router, requested["subnet_id"], viewer)
    )
    standard_attributes.bump_revision(router)
    session.flush()
    schedule(session, router)
    ports.mark_affected(session, port)
    _mark_affected(session, router)
    return port, [ip.subnet_id for ip in port.fixed_ips]


def _interface_from_port(session: Session, router: Router, port_id: str, viewer: Viewer) -> Port:
    port = ports.find(session, port_id, viewer)
    if not viewer.owns(port.project_id):  # on a network of the caller's, where they see all ports
        raise PortNotFound(port_id=port_id)
    if port.device_id or port.device_owner:
        raise PortInUse(net_id=port.network_id, port_id=port.id, device_id=port.device_id)
    if not port.fixed_ips:
        raise BadResource(resource="router", msg="Router port must have at least one fixed IP")
    if sum(ip_ranges.address(ip.address).version == 4 for ip in port.fixed_ips) > 1:
        raise BadResource(resource="router", msg="Cannot have multiple IPv4 subnets on router port")
    ids = [ip.subnet_id for ip in port.fixed_ips]
    _check_interface(session, router, list(session.scalars(select(Subnet).where(Subnet.id.in_(ids)))))
    ports.mark_affected(session, port)
    port.device_id, port.device_owner, port.router_id = router.id, INTERFACE_OWNER, router.id
    port.host, port.vif_type, port.status = router.host, "bridge" if router.host else "unbound", "DOWN"
    port.port_security_enabled, port.security_groups[:], port.allowed_address_pairs = False, [], []
    standard_attributes.bump_revision(port)
    return port


def _interface_on_subnet(session: Session, router: Router, subnet_id: str, viewer: Viewer) -> Port:
    subnet = subnets.find(session, subnet_id, viewer)
    if not viewer.owns(subnet.project_id):
        raise BadResource(
            resource="router",
            msg=f"Cannot add interface to router because subnet {subnet.id} is not owned by project making the request",
        )
    if subnet.gateway_ip is None:
        raise BadResource(resource="router", msg=f"Subnet for router interface must have a gateway IP: {subnet.id}")
    _check_interface(session, router, [subnet])
    network = networks.find(session, subnet.network_id, ELEVATED)
    port = _build_port(router, network, INTERFACE_OWNER, router.project_id)
    session.add(port)
    FixedIpAssigner(session, network).assign(port, [{"subnet_id": subnet.id, "ip_address": subnet.gateway_ip}])
    return port


def _check_interface(session: Session, router: Router, new: Sequence[Subnet]) -> None:
    """Neither a subnet that the router stands on, nor one that overlaps."""
    there = subnets.list_of_router(session, router)
    for subnet in new:
        if any(other.id == subnet.id for other in there):
            raise BadResource(resource="router", msg=f"Router already has a port on subnet {subnet.id}")
        clash = next((other for other in there if ip_ranges.find_overlapping(subnet.cidr, [other.cidr])), None)
        if clash:
            raise BadResource(
                resource="router",
                msg=f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {clash.cidr} of subnet {clash.id}",
            )


def remove_interface(session: Session, router: Router, requested: dict[str, str]) -> tuple[Port, list[str]]:
    """Leave a subnet; the port is deleted, whoever made it."""
    if "subnet_id" not in requested and "port_id" not in requested:
        raise BadResource(resource="router", msg="Either subnet_id or port_id must be specified")
    port = _find_interface(session, router, requested)
    ids = [ip.subnet_id for ip in port.fixed_ips]
    _check_interface_unused(session, router, ids)
    standard_attributes.bump_revision(router)
    _mark_affected(session, router)
    ports.mark_affected(session, port)
    session.delete(port)
    session.flush()
    return port, ids


def _find_interface(session: Session, router: Router, requested: dict[str, str]) -> Port:
    query = select(Port).where(Port.router_id == router.id, Port.device_owner == INTERFACE_OWNER).options(*ports.LOADED)
    if "port_id" in requested:
        port = session.scalars(query.where(Port.id == requested["port_id"])).one_or_none()
        if port is None:
            raise RouterInterfaceNotFound(router_id=router.id, port_id=requested["port_id"])
        if "subnet_id" in requested and requested["subnet_id"] not in [ip.subnet_id for ip in port.fixed_ips]:
            raise RouterInterfaceNotFoundForSubnet(router_id=router.id, subnet_id=requested["subnet_id"])
        return port
    port = session.scalars(
        query.join(FixedIp, FixedIp.port_id == Port.id).where(FixedIp.subnet_id == requested["subnet_id"])
    ).first()
    if port is None:
        raise RouterInterfaceNotFoundForSubnet(router_id=router.id, subnet_id=requested["subnet_id"])
    return port


def _check_interface_unused(session: Session, router: Router, subnet_ids: Sequence[str]) -> None:
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
        net = ip_ranges.prefix(subnet.cidr)
        if any(ip_ranges.address(route["nexthop"]) in net for route in router.routes):
            raise RouterInterfaceInUseByRoute(router_id=router.id, subnet_id=subnet.id)


# -- routes --------------------------------------------------------------------------------------------------------


def set_routes(session: Session, router: Router, routes: Sequence[dict[str, str]]) -> None:
    """Each next hop must be a neighbour: on one of the router's subnets, and not the router itself."""
    if len(routes) > MAX_ROUTES:
        raise RoutesExhausted(router_id=router.id, quota=MAX_ROUTES)
    plain = [{"destination": route["destination"], "nexthop": route["nexthop"]} for route in routes]
    if len({tuple(route.values()) for route in plain}) < len(plain):
        raise InvalidRoutes(routes=plain, reason="there are duplicates")
    nets = [ip_ranges.prefix(subnet.cidr) for subnet in subnets.list_of_router(session, router)]
    own = set(
        session.scalars(
            select(FixedIp.address)
            .join(Port, Port.id == FixedIp.port_id)
            .where(Port.router_id == router.id, Port.device_owner.in_(ROUTER_OWNERS))
        )
    )
    for route in plain:
        hop = ip_ranges.address(route["nexthop"])
        if not any(hop.version == net.version and hop in net for net in nets):
            raise InvalidRoutes(routes=plain, reason="the nexthop is not connected with router")
        if str(hop) in own:
            raise InvalidRoutes(routes=plain, reason="the nexthop is used by router")
    router.routes = plain


def add_routes(session: Session, router: Router, routes: Sequence[dict[str, str]]) -> None:
    """Those that are there already are left alone."""
    set_routes(session, router, [*router.routes, *(route for route in routes if route not in router.routes)])
    standard_attributes.bump_revision(router)
    _mark_affected(session, router)


def remove_routes(session: Session, router: Router, routes: Sequence[dict[str, str]]) -> None:
    router.routes = [route for route in router.routes if route not in routes]
    standard_attributes.bump_revision(router)
    _mark_affected(session, router)
