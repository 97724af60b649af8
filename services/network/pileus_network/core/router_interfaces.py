"""Interfaces of routers: the ports by which they are connected with subnets."""

from collections.abc import Sequence
from typing import TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_network.core import ip_ranges, networks, ports, routers, standard_attributes, subnets
from pileus_network.core.fixed_ips import FixedIpAssigner
from pileus_network.core.visibility import ELEVATED, Viewer
from pileus_network.db.models import FixedIp, FloatingIp, Port, Router, Subnet
from pileus_network.errors import BadResource
from pileus_network.errors.ports import PortInUse, PortNotFound
from pileus_network.errors.routers import (
    RouterInterfaceInUseByFloatingIP,
    RouterInterfaceInUseByRoute,
    RouterInterfaceNotFound,
    RouterInterfaceNotFoundForSubnet,
)
from pileus_network.rpc import INTERFACE_OWNER


class InterfaceRequest(TypedDict, total=False):
    """The subnet to be connected with, or the port to be used."""

    subnet_id: str
    port_id: str


def add(session: Session, router: Router, requested: InterfaceRequest, viewer: Viewer) -> tuple[Port, list[str]]:
    """Connect the router with a subnet, under its gateway address, or by a port.

    Return the port and the ids of its subnets.
    """
    if ("subnet_id" in requested) == ("port_id" in requested):
        raise BadResource(resource="router", msg="Either subnet_id or port_id must be specified")
    port = (
        _interface_from_port(session, router, requested["port_id"], viewer)
        if "port_id" in requested
        else _interface_on_subnet(session, router, requested["subnet_id"], viewer)
    )
    standard_attributes.bump_revision(router)
    session.flush()
    routers.schedule(session, router)
    ports.mark_affected(session, port)
    routers.mark_affected(session, router)
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
    port = routers.build_port(router, network, INTERFACE_OWNER, router.project_id)
    session.add(port)
    FixedIpAssigner(session, network).assign(port, [{"subnet_id": subnet.id, "ip_address": subnet.gateway_ip}])
    return port


def _check_interface(session: Session, router: Router, new: Sequence[Subnet]) -> None:
    """Refuse a subnet that the router is connected with already, or that overlaps with one."""
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


def remove(session: Session, router: Router, requested: InterfaceRequest) -> tuple[Port, list[str]]:
    """Disconnect the router from a subnet and delete the port, also if a user created it."""
    if "subnet_id" not in requested and "port_id" not in requested:
        raise BadResource(resource="router", msg="Either subnet_id or port_id must be specified")
    port = _find_interface(session, router, requested)
    ids = [ip.subnet_id for ip in port.fixed_ips]
    _check_interface_unused(session, router, ids)
    standard_attributes.bump_revision(router)
    routers.mark_affected(session, router)
    ports.mark_affected(session, port)
    session.delete(port)
    session.flush()
    return port, ids


def _find_interface(session: Session, router: Router, requested: InterfaceRequest) -> Port:
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
    """Refuse if a floating IP or a route needs the interface."""
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
