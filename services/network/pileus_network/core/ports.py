"""Ports. One transaction creates MAC, fixed IPs, security groups and binding; the agent of the host wires them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import exists, select
from sqlalchemy import update as sql_update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import (
    compute_events,
    dhcp_ports,
    ipam,
    port_security,
    quotas,
    standard_attributes,
    visibility,
)
from pileus_network.core.affected_hosts import (
    PORT,
    PORT_SECURITY_GROUP,
    REMOTE_ADDRESS,
    REMOTE_GROUP,
    SERVED_NETWORK,
    affected,
)
from pileus_network.core.fixed_ips import FixedIpAssigner, RequestedIps
from pileus_network.core.port_requests import DeviceClaim, NewPort, PortUpdate
from pileus_network.core.standard_attributes import apply_attributes
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import FloatingIp, Host, Network, Port, PortSecurityGroup, Router
from pileus_network.errors.ports import (
    DeviceIDNotOwnedByTenant,
    MacAddressInUse,
    PortBoundMacFixed,
    PortNotFound,
    ServicePortInUse,
    UnsupportedPortDeviceOwner,
)
from pileus_network.rpc import DHCP_OWNER, GATEWAY_OWNER, INTERFACE_OWNER

LOADED = (selectinload(Port.fixed_ips), selectinload(Port.security_groups))
PLAIN_ATTRIBUTES = ("name", "description", "admin_state_up", "device_id", "device_owner", "extra_dhcp_opts", "dns_name")
FLOATING_OWNER = "network:floatingip"
ROUTER_OWNERS = (INTERFACE_OWNER, GATEWAY_OWNER)
UNDELETABLE_OWNERS = {
    INTERFACE_OWNER: "has device owner network:router_interface",
    GATEWAY_OWNER: "has device owner network:router_gateway",
    FLOATING_OWNER: "has device owner network:floatingip",
}
"""Device owners whose ports are created and deleted with a router or a floating IP."""


def find(session: Session, port_id: str, viewer: Viewer, loaded: bool = True) -> Port:
    """Return the port; `loaded`: with its fixed IPs and security groups."""

    def missing() -> PortNotFound:
        return PortNotFound(port_id=port_id)

    return standard_attributes.find(session, Port, port_id, visibility.ports(viewer), missing, LOADED if loaded else ())


def create(session: Session, networks: dict[str, Network], requests: Sequence[NewPort], viewer: Viewer) -> list[Port]:
    """Create all of the ports, or none. `networks` are those that the requests name, with their subnets loaded."""
    for project_id in {requested.project_id for requested in requests}:
        number = sum(requested.project_id == project_id for requested in requests)
        quotas.check(session, quotas.lock_project(session, project_id), "port", number)
    claims = [DeviceClaim(one.project_id, one.device_id, one.device_owner) for one in requests]
    _check_devices(session, claims, viewer)
    groups = port_security.choose_security_groups(session, requests, networks, viewer)
    known = _list_known_hosts(session, [requested.binding_host_id for requested in requests])
    addressers = {network_id: FixedIpAssigner(session, network) for network_id, network in networks.items()}
    made = [
        _create(session, addressers[requested.network_id], requested, chosen, known)
        for requested, chosen in zip(requests, groups, strict=True)
    ]
    try:
        session.flush()
    except IntegrityError as err:
        _raise_mac_in_use(err, [(requested.network_id, requested.mac_address) for requested in requests])
        raise
    for port in made:
        mark_affected(session, port)
    return made


def _create(
    session: Session, addresser: FixedIpAssigner, requested: NewPort, groups: list[str], hosts: set[str]
) -> Port:
    network = addresser.network
    port = Port(
        network_id=network.id,
        project_id=requested.project_id,
        mac_address=requested.mac_address or ipam.new_mac(),
        port_security_enabled=port_security.is_port_security_enabled(requested, network),
        allowed_address_pairs=[],
        security_groups=[],
        fixed_ips=[],
        vnic_type=requested.binding_vnic_type,
        profile=requested.binding_profile or {},
        **{name: getattr(requested, name) for name in PLAIN_ATTRIBUTES},
    )
    addresser.assign(port, requested.fixed_ips)
    port_security.set_address_pairs(port, requested.allowed_address_pairs or [])
    port_security.check_groups(port, groups, asked=requested.security_groups)
    port.security_groups = [PortSecurityGroup(security_group_id=group_id) for group_id in groups]
    _bind(port, requested.binding_host_id, hosts)
    session.add(port)
    return port


def _raise_mac_in_use(err: IntegrityError, requested: Iterable[tuple[str, str | None]]) -> None:
    """Refuse a MAC that was requested, given with its network. What the allocator picked can be tried again."""
    text = str(err.orig)
    if "one_port_a_mac" in text or "mac_address" in text:
        for network_id, mac in requested:
            if mac:
                raise MacAddressInUse(net_id=network_id, mac=mac) from None


def _check_devices(session: Session, claimed: Sequence[DeviceClaim], viewer: Viewer) -> None:
    """A port of a network device may only name a router of its own project; it would connect another project's
    router.
    """
    claims = {
        claim.device_id: claim.project_id
        for claim in claimed
        if claim.device_id and port_security.is_network_device(claim.device_owner)
    }
    if not claims or viewer.sees_everything:
        return
    for router_id, owner in session.execute(select(Router.id, Router.project_id).where(Router.id.in_(claims))):
        if owner != claims[router_id]:
            raise DeviceIDNotOwnedByTenant(device_id=router_id)


# -- binding -------------------------------------------------------------------------------------------------------


def _list_known_hosts(session: Session, names: Sequence[str | None]) -> set[str]:
    wanted = {name for name in names if name}
    return set(session.scalars(select(Host.name).where(Host.name.in_(wanted)))) if wanted else set()


def _bind(port: Port, host: str | None, known: set[str]) -> None:
    """Bind the port to a host, or to none (""). Without an agent on the host, the VIF type is `binding_failed`."""
    port.host = host or ""
    port.vif_type = "unbound" if not port.host else "bridge" if port.host in known else "binding_failed"
    port.status = "DOWN"


def mark_affected(session: Session, port: Port) -> None:
    """Mark the hosts that a created, deleted or changed port affects: its own, its network's, and those whose rules
    name its groups.
    """
    affects = affected(session)
    if port.device_owner.startswith("compute:"):
        affects.server_project_id = port.project_id
    groups = [group.security_group_id for group in port.security_groups]
    affects.hosts.add(port.host)
    (affects.networks if port.host else affects.unbound_port_networks).add(port.network_id)
    (affects.remote_groups if port.host else affects.unbound_port_groups).update(groups)
    affects.record_change(PORT, port.id)
    members = [ip.address for ip in port.fixed_ips] + [pair["ip_address"] for pair in port.allowed_address_pairs]
    for group in port.security_groups:
        affects.record_change(PORT_SECURITY_GROUP, group.security_group_id)
        affects.record_change(REMOTE_ADDRESS, *(f"{group.security_group_id}/{address}" for address in members))
    if port.device_owner in (DHCP_OWNER, INTERFACE_OWNER):
        affects.record_change(SERVED_NETWORK, port.network_id)


# -- update, delete ------------------------------------------------------------------------------------------------


def update(session: Session, port: Port, network: Network, requested: PortUpdate, viewer: Viewer) -> None:
    """Apply the attributes that are in `requested`."""
    mark_affected(session, port)
    if _is_service_port(session, port) and requested.get("device_owner", port.device_owner) != port.device_owner:
        raise UnsupportedPortDeviceOwner(op="update", device_owner=port.device_owner, port_id=port.id)
    _update_mac(port, requested)
    if not port.router_id:
        claim = DeviceClaim(
            port.project_id,
            requested.get("device_id", port.device_id),
            requested.get("device_owner", port.device_owner),
        )
        _check_devices(session, [claim], viewer)
    apply_attributes(port, requested, PLAIN_ATTRIBUTES)
    if "fixed_ips" in requested:
        _update_fixed_ips(session, port, network, requested["fixed_ips"])
    port_security.update(session, port, requested, viewer)
    _update_binding(session, port, requested)
    standard_attributes.bump_revision(port)
    try:
        session.flush()
    except IntegrityError as err:
        _raise_mac_in_use(err, [(port.network_id, requested.get("mac_address"))])
        raise
    mark_affected(session, port)


def _update_mac(port: Port, requested: PortUpdate) -> None:
    mac = requested.get("mac_address")
    if mac and mac != port.mac_address:
        if port.host:
            raise PortBoundMacFixed(port_id=port.id, host=port.host)
        port.mac_address = mac


def _update_fixed_ips(session: Session, port: Port, network: Network, requested: RequestedIps | None) -> None:
    before = {ip.address for ip in port.fixed_ips}
    FixedIpAssigner(session, network).assign(port, requested or [])
    gone = before - {ip.address for ip in port.fixed_ips}
    if gone:
        disassociate(session, port, gone)
    if before != {ip.address for ip in port.fixed_ips}:
        compute_events.record_port_change(session, port)


def _update_binding(session: Session, port: Port, requested: PortUpdate) -> None:
    if requested.get("binding_vnic_type"):
        port.vnic_type = requested["binding_vnic_type"]
    if "binding_profile" in requested:
        port.profile = requested["binding_profile"] or {}
    host = requested.get("binding_host_id", port.host) or ""
    if host != port.host:
        _bind(port, host, _list_known_hosts(session, [host]))


def delete(session: Session, port: Port, network: Network) -> None:
    """Delete a port. Its floating IPs are disassociated; a DHCP port that is still needed is created again."""
    if _is_service_port(session, port):
        raise ServicePortInUse(port_id=port.id, reason=UNDELETABLE_OWNERS[port.device_owner])
    remove(session, port)
    if port.device_owner == DHCP_OWNER:
        dhcp_ports.ensure(session, network)


def _is_service_port(session: Session, port: Port) -> bool:
    """Whether the port belongs to a router or a floating IP.

    Its `device_owner` alone doesn't say so: users may set it.
    """
    if port.device_owner == FLOATING_OWNER:
        return bool(session.scalar(select(exists().where(FloatingIp.floating_port_id == port.id))))
    return port.router_id is not None


def remove(session: Session, port: Port) -> None:
    """Delete a port whatever its device owner."""
    mark_affected(session, port)
    disassociate(session, port)
    session.delete(port)
    session.flush()


def disassociate(session: Session, port: Port, only: set[str] | None = None) -> None:
    """Disassociate the floating IPs of the port, or of the addresses `only` of it."""
    where = [FloatingIp.port_id == port.id]
    if only is not None:
        where.append(FloatingIp.fixed_ip_address.in_(only))
    affected(session).routers.update(session.scalars(select(FloatingIp.router_id).where(*where).distinct()))
    session.execute(
        sql_update(FloatingIp)
        .where(*where)
        .values(
            port_id=None,
            fixed_ip_address=None,
            router_id=None,
            status="DOWN",
            revision_number=FloatingIp.revision_number + 1,
        )
        .execution_options(synchronize_session=False)
    )


def mark_address_changes(session: Session, port_ids: Sequence[str]) -> None:
    """Mark ports that got or lost addresses, and the security groups whose members' addresses therefore changed."""
    affects = affected(session)
    affects.record_change(PORT, *port_ids)
    held = select(PortSecurityGroup.security_group_id).where(PortSecurityGroup.port_id.in_(port_ids)).distinct()
    groups = session.scalars(held).all() if port_ids else ()
    affects.remote_groups.update(groups)
    affects.record_change(REMOTE_GROUP, *groups)
