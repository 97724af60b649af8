"""Routers: gateways, routes and the host. A router and all of its ports are on one host."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy import update as sql_update
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import ip_ranges, ipam, networks, quotas, scheduler, standard_attributes, subnets
from pileus_network.core.affected_hosts import PORT, ROUTER, SERVED_NETWORK, affected
from pileus_network.core.fixed_ips import FixedIpAssigner, RequestedIps
from pileus_network.core.listing import Listing
from pileus_network.core.ports import ROUTER_OWNERS
from pileus_network.core.standard_attributes import apply_attributes
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import FixedIp, FloatingIp, Network, Port, Router
from pileus_network.errors import BadResource
from pileus_network.errors.routers import (
    InvalidRoutes,
    RouterExternalGatewayInUseByFloatingIp,
    RouterInUse,
    RouterNotFound,
    RoutesExhausted,
)
from pileus_network.rpc import GATEWAY_OWNER, INTERFACE_OWNER

LOADED = (selectinload(Router.gateway).selectinload(Port.fixed_ips),)
MAX_ROUTES = 30


class GatewayInfo(TypedDict, total=False):
    """The gateway of a router, as requests write it."""

    network_id: str | None
    """None: the router has no gateway."""
    enable_snat: bool
    external_fixed_ips: RequestedIps


@dataclass(frozen=True, kw_only=True)
class NewRouter:
    """A request to create a router."""

    project_id: str
    name: str = ""
    description: str = ""
    admin_state_up: bool = True
    external_gateway_info: GatewayInfo | None = None
    availability_zone_hints: Sequence[str] = ()


class RouterUpdate(TypedDict, total=False):
    """The attributes that an update may set."""

    name: str
    description: str
    admin_state_up: bool
    external_gateway_info: GatewayInfo | None
    routes: Sequence[dict[str, str]]


def _is_own(viewer: Viewer) -> ColumnElement[bool]:
    return standard_attributes.own_rows(Router, viewer)


LISTING = Listing(
    Router,
    _is_own,
    columns=standard_attributes.columns_of(Router)
    | {"name": Router.name, "admin_state_up": Router.admin_state_up, "status": Router.status},
    options=LOADED,
)


def find(session: Session, router_id: str, viewer: Viewer) -> Router:
    """Return the router. Raises RouterNotFound if the viewer can't see it."""
    return standard_attributes.find(
        session,
        Router,
        router_id,
        standard_attributes.own_rows(Router, viewer),
        lambda: RouterNotFound(router_id=router_id),
        LOADED,
    )


def create(session: Session, requested: NewRouter, viewer: Viewer) -> Router:
    """Create a router, with a gateway if the request names an external network."""
    project = quotas.lock_project(session, requested.project_id)
    quotas.check(session, project, "router")
    router = Router(
        project_id=requested.project_id,
        name=requested.name,
        description=requested.description,
        admin_state_up=requested.admin_state_up,
        routes=[],
        gateway=None,
    )
    session.add(router)
    session.flush()
    if requested.external_gateway_info:
        set_gateway(session, router, requested.external_gateway_info, viewer)
    return router


def update(session: Session, router: Router, requested: RouterUpdate, viewer: Viewer) -> None:
    """Apply the attributes that are in `requested`."""
    apply_attributes(router, requested, ("name", "description", "admin_state_up"))
    if "external_gateway_info" in requested:
        set_gateway(session, router, requested["external_gateway_info"], viewer)
    if requested.get("routes") is not None:
        set_routes(session, router, requested["routes"])
    standard_attributes.bump_revision(router)
    session.flush()
    mark_affected(session, router)


def delete(session: Session, router: Router) -> None:
    """Delete the router and its gateway. Raises RouterInUse if it has interfaces."""
    if session.scalar(
        select(exists(select(Port.id).where(Port.router_id == router.id, Port.device_owner == INTERFACE_OWNER)))
    ):
        raise RouterInUse(router_id=router.id, reason="still has ports")
    mark_affected(session, router)
    clear_gateway(session, router)
    session.delete(router)
    session.flush()


def mark_affected(session: Session, router: Router, gateway: Port | None = None) -> None:
    """Mark the router's host, and if `gateway` is given, the hosts of the network that the gateway is on."""
    affects = affected(session)
    affects.hosts.add(router.host)
    affects.record_change(ROUTER, router.id)
    if gateway is not None:
        affects.networks.add(gateway.network_id)
        affects.record_change(PORT, gateway.id)


# -- where it lives ------------------------------------------------------------------------------------------------


def schedule(session: Session, router: Router) -> None:
    """Choose a host for a router that has none, and move its ports there."""
    if router.host:
        return
    required = required_physical_networks(session, [router.id])[router.id]
    move_to_host(session, router, scheduler.choose_host(session, required, tunnels=True))


def required_physical_networks(session: Session, router_ids: Collection[str]) -> dict[str, frozenset[str]]:
    """Return the physical networks that a host must be connected to in order to have each of these routers."""
    rows = session.execute(
        select(Port.router_id, Network.physical_network)
        .join(Network, Port.network_id == Network.id)
        .where(Port.router_id.in_(router_ids), Port.device_owner.in_(ROUTER_OWNERS))
    )
    found: dict[str, set[str]] = {router_id: set() for router_id in router_ids}
    for router_id, physical_network in rows:
        found[str(router_id)].add(physical_network)
    return {router_id: frozenset(names - {""}) for router_id, names in found.items()}


def move_to_host(session: Session, router: Router, host: str) -> None:
    """Move the router and its ports to `host` ("": to none)."""
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


def set_gateway(session: Session, router: Router, info: GatewayInfo | None, viewer: Viewer) -> None:
    """Set the gateway as `info` says; None or {} removes it."""
    network_id = info.get("network_id") if info else None
    if not info or not network_id:
        clear_gateway(session, router)
        return
    network = networks.find(session, network_id, viewer)
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
        router.gateway = build_port(router, network, GATEWAY_OWNER, project_id="")
        session.add(router.gateway)
        FixedIpAssigner(session, network).assign(router.gateway, requests or None)
        session.flush()
        schedule(session, router)
    session.flush()
    mark_affected(session, router, router.gateway)


def _check_gateway(session: Session, router: Router, network: Network) -> None:
    inside = [subnet.cidr for subnet in subnets.list_of_router(session, router)]
    for subnet in network.subnets:
        clash = ip_ranges.find_overlapping(subnet.cidr, inside)
        if clash:
            raise BadResource(
                resource="router", msg=f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {clash}"
            )


def build_port(router: Router, network: Network, owner: str, project_id: str) -> Port:
    """Return a new port of the router, on its host."""
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
    """Remove the gateway. Raises RouterExternalGatewayInUseByFloatingIp if a floating IP needs it."""
    gateway = router.gateway
    if gateway is None:
        return
    if session.scalar(select(exists(select(FloatingIp.id).where(FloatingIp.router_id == router.id)))):
        raise RouterExternalGatewayInUseByFloatingIp(router_id=router.id, net_id=gateway.network_id)
    mark_affected(session, router, gateway)
    router.gateway = None
    session.flush()
    session.delete(gateway)
    session.flush()


# -- routes --------------------------------------------------------------------------------------------------------


def set_routes(session: Session, router: Router, routes: Sequence[dict[str, str]]) -> None:
    """Replace the routes. Each next hop must be on one of the router's subnets, and not be the router itself."""
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
    """Add routes; those that exist already are left alone."""
    set_routes(session, router, [*router.routes, *(route for route in routes if route not in router.routes)])
    standard_attributes.bump_revision(router)
    mark_affected(session, router)


def remove_routes(session: Session, router: Router, routes: Sequence[dict[str, str]]) -> None:
    """Remove routes; those that don't exist are ignored."""
    router.routes = [route for route in router.routes if route not in routes]
    standard_attributes.bump_revision(router)
    mark_affected(session, router)
