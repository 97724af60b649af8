"""Floating IPs: an address of an external network that leads to a port behind a router."""

from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, selectinload

from pileus_kit.db import new_id
from pileus_network.core import addresses, networks, nouns, ports, projects, ranges, tidings
from pileus_network.core.fixed_ips import Addresser
from pileus_network.core.generations import concern
from pileus_network.core.networks import FLOATING_OWNER
from pileus_network.core.scopes import EVERYTHING, Scope
from pileus_network.db.models import FixedIp, FloatingIp, Network, Port, Router, Subnet
from pileus_network.errors import (
    BadResource,
    ExternalGatewayForFloatingIPNotFound,
    FloatingIPNotFound,
    FloatingIPPortAlreadyAssociated,
    SubnetNotFound,
)
from pileus_network.rpc import GATEWAY_OWNER, INTERFACE_OWNER

LOADED = (selectinload(FloatingIp.port),)


def get(session: Session, floating_id: str, scope: Scope) -> FloatingIp:
    return nouns.find(
        session,
        FloatingIp,
        floating_id,
        nouns.mine(FloatingIp, scope),
        lambda: FloatingIPNotFound(floatingip_id=floating_id),
        LOADED,
    )


def create(session: Session, wish: dict[str, Any], scope: Scope) -> FloatingIp:
    project = projects.locked(session, wish["project_id"])
    projects.reserve(session, project, "floatingip")
    network = networks.get(session, wish["floating_network_id"], scope)
    if not network.external:
        raise BadResource(resource="floatingip", msg=f"Network {network.id} is not a valid external network")
    floating_id = new_id()
    port = _outer_port(session, network, wish, floating_id)
    floating = FloatingIp(
        id=floating_id,
        project_id=wish["project_id"],
        description=wish["description"],
        floating_network_id=network.id,
        floating_ip_address=port.fixed_ips[0].address,
        floating_port_id=port.id,
        port=None,
    )
    if wish["port_id"]:
        associate(session, floating, wish["port_id"], wish["fixed_ip_address"], scope)
    elif wish["fixed_ip_address"]:
        raise BadResource(resource="floatingip", msg="fixed_ip_address cannot be specified without a port_id")
    session.add(floating)
    session.flush()
    return floating


def _outer_port(session: Session, network: Network, wish: dict[str, Any], floating_id: str) -> Port:
    """The address is held by a port without a project, as OpenStack's clients expect to see it."""
    port = Port(
        network_id=network.id,
        project_id="",
        mac_address=addresses.new_mac(),
        device_owner=FLOATING_OWNER,
        device_id=floating_id,
        status="N/A",
        port_security_enabled=False,
        fixed_ips=[],
        groups=[],
    )
    session.add(port)
    family = {subnet.id for subnet in network.subnets if subnet.ip_version == 4}
    if not family:
        msg = f"Network {network.id} does not contain any IPv4 subnet"
        raise BadResource(resource="floatingip", msg=msg)
    if wish["subnet_id"] and wish["subnet_id"] not in family:
        raise SubnetNotFound(subnet_id=wish["subnet_id"])
    exact = {"ip_address": wish["floating_ip_address"], "subnet_id": wish["subnet_id"]}
    asked = {name: text for name, text in exact.items() if text}
    if asked:
        Addresser(session, network).assign(port, [asked])
    else:
        Addresser(session, network).assign_ipv4(port)
    session.flush()
    return port


def associate(session: Session, floating: FloatingIp, port_id: str, fixed_ip: str | None, scope: Scope) -> None:
    """Let it lead to an IPv4 address of the port, through the router that joins both networks."""
    port = ports.get(session, port_id, scope)
    if port.project_id != floating.project_id and not scope.everything:
        raise BadResource(
            resource="floatingip",
            msg=f"Port {port.id} is associated with a different tenant than Floating IP "
            f"{floating.id} and therefore cannot be bound",
        )
    inner = _inner(port, fixed_ip)
    router = _router(session, port, inner, floating.floating_network_id)
    twin = session.scalar(
        select(
            exists(
                select(FloatingIp.id).where(
                    FloatingIp.port_id == port.id,
                    FloatingIp.fixed_ip_address == inner.address,
                    FloatingIp.id != floating.id,
                    FloatingIp.floating_network_id == floating.floating_network_id,
                )
            )
        )
    )
    if twin:
        raise FloatingIPPortAlreadyAssociated(
            floating_ip_address=floating.floating_ip_address,
            fip_id=floating.id,
            port_id=port.id,
            fixed_ip=inner.address,
            net_id=floating.floating_network_id,
        )
    _leave(session, floating)
    floating.port, floating.port_id, floating.fixed_ip_address = port, port.id, inner.address
    floating.router_id, floating.status = router.id, "DOWN"
    concern(session).routers.add(router.id)
    tidings.changed(session, port)


def _inner(port: Port, fixed_ip: str | None) -> FixedIp:
    candidates = [ip for ip in port.fixed_ips if ranges.address(ip.address).version == 4]
    if fixed_ip is not None:
        for ip in candidates:
            if ip.address == fixed_ip:
                return ip
        raise BadResource(resource="floatingip", msg=f"Port {port.id} does not have fixed ip {fixed_ip}")
    if not candidates:
        raise BadResource(
            resource="floatingip", msg=f"Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses"
        )
    if len(candidates) > 1:
        raise BadResource(
            resource="floatingip",
            msg=f"Port {port.id} has multiple fixed IPv4 addresses. Must provide a specific IPv4 "
            "address when assigning a floating IP",
        )
    return candidates[0]


def _router(session: Session, port: Port, inner: FixedIp, external_id: str) -> Router:
    """The router between the inner subnet and the external network; the subnet's own gateway if there are several."""
    outside = select(Port.router_id).where(Port.network_id == external_id, Port.device_owner == GATEWAY_OWNER)
    rows = session.execute(
        select(Router, FixedIp.address, Subnet.gateway_ip)
        .join(Port, Port.router_id == Router.id)
        .join(FixedIp, FixedIp.port_id == Port.id)
        .join(Subnet, Subnet.id == FixedIp.subnet_id)
        .where(Port.device_owner == INTERFACE_OWNER, FixedIp.subnet_id == inner.subnet_id, Router.id.in_(outside))
        .order_by(Router.id)
    ).all()
    if not rows:
        raise ExternalGatewayForFloatingIPNotFound(
            external_network_id=external_id, subnet_id=inner.subnet_id, port_id=port.id
        )
    return next((router for router, address, gateway in rows if address == gateway), rows[0][0])


def _leave(session: Session, floating: FloatingIp) -> None:
    """Lead nowhere; the host that served it hears of it."""
    if floating.router_id:
        concern(session).routers.add(floating.router_id)
    tidings.changed_of(session, floating.port_id)
    floating.port, floating.port_id, floating.fixed_ip_address, floating.router_id = None, None, None, None
    floating.status = "DOWN"


def update(session: Session, floating: FloatingIp, wish: dict[str, Any], scope: Scope) -> None:
    """Apply the attributes that are in `wish`; `port_id` null lets the port go, and so does a wish for nothing."""
    if wish.get("fixed_ip_address") and not wish.get("port_id"):
        raise BadResource(resource="floatingip", msg="fixed_ip_address cannot be specified without a port_id")
    if "description" in wish:
        floating.description = wish["description"]
    if wish.get("port_id"):
        associate(session, floating, wish["port_id"], wish.get("fixed_ip_address"), scope)
    elif "port_id" in wish or not wish:
        _leave(session, floating)
    nouns.revise(floating)
    session.flush()


def delete(session: Session, floating: FloatingIp) -> None:
    _leave(session, floating)
    outer = ports.get(session, floating.floating_port_id, EVERYTHING)
    session.delete(floating)
    session.flush()
    session.delete(outer)
    session.flush()
