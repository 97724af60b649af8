"""Floating IPs: addresses of an external network that are translated to a port behind a router."""

from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, selectinload

from pileus_kit.db import new_id
from pileus_network.core import compute_events, ip_ranges, ipam, networks, ports, quotas, standard_attributes
from pileus_network.core.affected_hosts import affected
from pileus_network.core.fixed_ips import FixedIpAssigner, RequestedIp
from pileus_network.core.listing import Listing
from pileus_network.core.networks import FLOATING_OWNER
from pileus_network.core.visibility import ELEVATED, Viewer
from pileus_network.db.models import FixedIp, FloatingIp, Network, Port, Router, Subnet
from pileus_network.errors import BadResource
from pileus_network.errors.networks import SubnetNotFound
from pileus_network.errors.routers import (
    ExternalGatewayForFloatingIPNotFound,
    FloatingIPNotFound,
    FloatingIPPortAlreadyAssociated,
)
from pileus_network.rpc import GATEWAY_OWNER, INTERFACE_OWNER

LOADED = (selectinload(FloatingIp.port),)


@dataclass(frozen=True, kw_only=True)
class NewFloatingIp:
    """A request to create a floating IP."""

    project_id: str
    floating_network_id: str
    description: str = ""
    subnet_id: str | None = None
    floating_ip_address: str | None = None
    port_id: str | None = None
    fixed_ip_address: str | None = None


class FloatingIpUpdate(TypedDict, total=False):
    """The attributes that an update may set."""

    description: str
    port_id: str | None
    fixed_ip_address: str | None


def _is_own(viewer: Viewer) -> ColumnElement[bool]:
    return standard_attributes.own_rows(FloatingIp, viewer)


LISTING = Listing(
    FloatingIp,
    _is_own,
    columns=standard_attributes.columns_of(FloatingIp)
    | {
        "floating_network_id": FloatingIp.floating_network_id,
        "floating_ip_address": FloatingIp.floating_ip_address,
        "port_id": FloatingIp.port_id,
        "fixed_ip_address": FloatingIp.fixed_ip_address,
        "router_id": FloatingIp.router_id,
        "status": FloatingIp.status,
    },
    options=LOADED,
)


def find(session: Session, floating_id: str, viewer: Viewer) -> FloatingIp:
    """Return the floating IP. Raises FloatingIPNotFound if the viewer can't see it."""
    return standard_attributes.find(
        session,
        FloatingIp,
        floating_id,
        standard_attributes.own_rows(FloatingIp, viewer),
        lambda: FloatingIPNotFound(floatingip_id=floating_id),
        LOADED,
    )


def create(session: Session, requested: NewFloatingIp, viewer: Viewer) -> FloatingIp:
    """Create a floating IP, and associate it if the request names a port."""
    project = quotas.lock_project(session, requested.project_id)
    quotas.check(session, project, "floatingip")
    network = networks.find(session, requested.floating_network_id, viewer)
    if not network.external:
        raise BadResource(resource="floatingip", msg=f"Network {network.id} is not a valid external network")
    floating_id = new_id()
    port = _create_floating_port(session, network, requested, floating_id)
    floating = FloatingIp(
        id=floating_id,
        project_id=requested.project_id,
        description=requested.description,
        floating_network_id=network.id,
        floating_ip_address=port.fixed_ips[0].address,
        floating_port_id=port.id,
        port=None,
    )
    if requested.port_id:
        associate(session, floating, requested.port_id, requested.fixed_ip_address, viewer)
    elif requested.fixed_ip_address:
        raise BadResource(resource="floatingip", msg="fixed_ip_address cannot be specified without a port_id")
    session.add(floating)
    session.flush()
    return floating


def _create_floating_port(session: Session, network: Network, requested: NewFloatingIp, floating_id: str) -> Port:
    """Create the port that holds the address. It has no project, as in OpenStack."""
    port = Port(
        network_id=network.id,
        project_id="",
        mac_address=ipam.new_mac(),
        device_owner=FLOATING_OWNER,
        device_id=floating_id,
        status="N/A",
        port_security_enabled=False,
        fixed_ips=[],
        security_groups=[],
    )
    session.add(port)
    family = {subnet.id for subnet in network.subnets if subnet.ip_version == 4}
    if not family:
        msg = f"Network {network.id} does not contain any IPv4 subnet"
        raise BadResource(resource="floatingip", msg=msg)
    if requested.subnet_id and requested.subnet_id not in family:
        raise SubnetNotFound(subnet_id=requested.subnet_id)
    asked = RequestedIp()
    if requested.floating_ip_address:
        asked["ip_address"] = requested.floating_ip_address
    if requested.subnet_id:
        asked["subnet_id"] = requested.subnet_id
    if asked:
        FixedIpAssigner(session, network).assign(port, [asked])
    else:
        FixedIpAssigner(session, network).assign_ipv4(port)
    session.flush()
    return port


def associate(session: Session, floating: FloatingIp, port_id: str, fixed_ip: str | None, viewer: Viewer) -> None:
    """Associate the floating IP with an IPv4 address of the port, through the router that connects both networks."""
    port = ports.find(session, port_id, viewer)
    if port.project_id != floating.project_id and not viewer.sees_everything:
        raise BadResource(
            resource="floatingip",
            msg=f"Port {port.id} is associated with a different tenant than Floating IP "
            f"{floating.id} and therefore cannot be bound",
        )
    inner = _choose_fixed_ip(port, fixed_ip)
    router = _find_router(session, port, inner, floating.floating_network_id)
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
    _disassociate(session, floating)
    floating.port, floating.port_id, floating.fixed_ip_address = port, port.id, inner.address
    floating.router_id, floating.status = router.id, "DOWN"
    affected(session).routers.add(router.id)
    compute_events.record_port_change(session, port)


def _choose_fixed_ip(port: Port, fixed_ip: str | None) -> FixedIp:
    candidates = [ip for ip in port.fixed_ips if ip_ranges.address(ip.address).version == 4]
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


def _find_router(session: Session, port: Port, inner: FixedIp, external_id: str) -> Router:
    """Return the router between the subnet and the external network; if there are several, the one that is the
    subnet's gateway.
    """
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


def _disassociate(session: Session, floating: FloatingIp) -> None:
    """Disassociate the floating IP and mark the host that served it."""
    if floating.router_id:
        affected(session).routers.add(floating.router_id)
    compute_events.record_change_of(session, floating.port_id)
    floating.port, floating.port_id, floating.fixed_ip_address, floating.router_id = None, None, None, None
    floating.status = "DOWN"


def update(session: Session, floating: FloatingIp, requested: FloatingIpUpdate, viewer: Viewer) -> None:
    """Apply the attributes that are in `requested`. A null `port_id` and an empty request both disassociate it."""
    if requested.get("fixed_ip_address") and not requested.get("port_id"):
        raise BadResource(resource="floatingip", msg="fixed_ip_address cannot be specified without a port_id")
    if "description" in requested:
        floating.description = requested["description"]
    port_id = requested.get("port_id")
    if port_id:
        associate(session, floating, port_id, requested.get("fixed_ip_address"), viewer)
    elif "port_id" in requested or not requested:
        _disassociate(session, floating)
    standard_attributes.bump_revision(floating)
    session.flush()


def delete(session: Session, floating: FloatingIp) -> None:
    """Delete the floating IP and the port that holds its address."""
    _disassociate(session, floating)
    outer = ports.find(session, floating.floating_port_id, ELEVATED)
    session.delete(floating)
    session.flush()
    session.delete(outer)
    session.flush()
