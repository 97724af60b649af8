"""The DHCP port of a network, from which its host serves DHCP and metadata.

A network has one while a subnet enables DHCP.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import ipam, scheduler, standard_attributes
from pileus_network.core.affected_hosts import PORT, SERVED_NETWORK, affected
from pileus_network.core.ipam import Allocator
from pileus_network.db.models import FixedIp, Network, Port, Subnet
from pileus_network.rpc import DHCP_OWNER


def ensure(session: Session, network: Network) -> None:
    """Create, update or delete the DHCP port: it has an address on each subnet that enables DHCP. Idempotent."""
    port = find(session, network.id)
    wanted = [subnet for subnet in network.subnets if subnet.enable_dhcp]
    if not wanted:
        if port is not None:
            _mark_affected(session, port)
            session.delete(port)
            session.flush()
        return
    if port is None:
        port = _create(session, network)
    _update_fixed_ips(session, port, wanted)
    session.flush()
    _mark_affected(session, port)


def _mark_affected(session: Session, port: Port) -> None:
    """Mark the host of the DHCP port: it must get, or drop, all ports of the network."""
    affects = affected(session)
    affects.hosts.add(port.host)
    affects.record_change(PORT, port.id)
    affects.record_change(SERVED_NETWORK, port.network_id)


def find(session: Session, network_id: str) -> Port | None:
    """Return the network's DHCP port with its fixed IPs, or None."""
    return session.scalars(
        select(Port)
        .where(Port.network_id == network_id, Port.device_owner == DHCP_OWNER)
        .options(selectinload(Port.fixed_ips))
    ).first()


def _create(session: Session, network: Network) -> Port:
    host = scheduler.choose_host(session, required_physical_networks(network), tunnels=network.network_type == "vxlan")
    port = Port(
        network_id=network.id,
        project_id=network.project_id,
        mac_address=ipam.new_mac(),
        device_owner=DHCP_OWNER,
        device_id=f"dhcp-{network.id}",
        host=host,
        vif_type="bridge" if host else "unbound",
        port_security_enabled=False,
        fixed_ips=[],
        security_groups=[],
    )
    session.add(port)
    return port


def required_physical_networks(network: Network) -> frozenset[str]:
    """Return the physical networks that a host must be connected to in order to serve this one."""
    return frozenset({network.physical_network} - {""})


def _update_fixed_ips(session: Session, port: Port, wanted: list[Subnet]) -> None:
    """A subnet whose pools are full gets no DHCP rather than being refused; the next change of the network tries
    again.
    """
    have = {ip.subnet_id: ip for ip in port.fixed_ips}
    ids = {subnet.id for subnet in wanted}
    gone = [ip for subnet_id, ip in have.items() if subnet_id not in ids]
    for ip in gone:
        port.fixed_ips.remove(ip)
    allocator = Allocator(session)
    new = [subnet for subnet in wanted if subnet.id not in have]
    for subnet in new:
        address = (
            ipam.slaac_address(subnet, port.mac_address)
            if ipam.is_auto_address_subnet(subnet)
            else allocator.allocate_lowest(subnet)
        )
        if address is not None:
            port.fixed_ips.append(FixedIp(subnet_id=subnet.id, address=address, position=len(port.fixed_ips)))
    if gone or new:
        standard_attributes.bump_revision(port)


def schedule(session: Session, port: Port, network: Network) -> None:
    """Choose a host for a DHCP port that has none."""
    port.host = scheduler.choose_host(
        session, required_physical_networks(network), tunnels=network.network_type == "vxlan"
    )
    port.vif_type = "bridge" if port.host else "unbound"
    _mark_affected(session, port)
    affected(session).networks.add(network.id)


def move_to_host(session: Session, network: Network, host: str) -> None:
    """Serve the network's DHCP from `host`, even before it has subnets.

    "" leaves it unscheduled until the next rescheduling.
    """
    port = find(session, network.id) or _create(session, network)
    session.flush()
    move_port(session, port, host)


def move_port(session: Session, port: Port, host: str) -> None:
    """Move an existing DHCP port to `host`."""
    _mark_affected(session, port)
    if port.host != host:
        port.host, port.vif_type, port.status = host, "bridge" if host else "unbound", "DOWN"
        standard_attributes.bump_revision(port)
    affected(session).hosts.add(host)
    affected(session).networks.add(port.network_id)
