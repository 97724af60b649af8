"""The port from which DHCP and metadata serve a network: there is one exactly while some subnet wants DHCP."""

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import addresses, nouns, scheduler
from pileus_network.core.addresses import Allocator
from pileus_network.core.generations import PORT, SERVED, concern
from pileus_network.db.models import FixedIp, Network, Port, Subnet
from pileus_network.rpc import DHCP_OWNER


def ensure(session: Session, network: Network) -> None:
    """Give the DHCP port an address on each subnet that wants it, and take back the others. Repeatable."""
    port = of(session, network.id)
    wanted = [subnet for subnet in network.subnets if subnet.enable_dhcp]
    if not wanted:
        if port is not None:
            _note(session, port)
            session.delete(port)
            session.flush()
        return
    if port is None:
        port = _create(session, network)
    _align(session, port, wanted)
    session.flush()
    _note(session, port)


def _note(session: Session, port: Port) -> None:
    """The port came, went or moved, and with it all that its host must know of the network."""
    noted = concern(session)
    noted.hosts.add(port.host)
    noted.touch(PORT, port.id)
    noted.touch(SERVED, port.network_id)


def of(session: Session, network_id: str) -> Port | None:
    return session.scalars(
        select(Port)
        .where(Port.network_id == network_id, Port.device_owner == DHCP_OWNER)
        .options(selectinload(Port.fixed_ips))
    ).first()


def _create(session: Session, network: Network) -> Port:
    host = scheduler.pick(session, physical(network), tunnels=network.network_type == "vxlan")
    port = Port(
        network_id=network.id,
        project_id=network.project_id,
        mac_address=addresses.new_mac(),
        device_owner=DHCP_OWNER,
        device_id=f"dhcp-{network.id}",
        host=host,
        vif_type="bridge" if host else "unbound",
        port_security_enabled=False,
        fixed_ips=[],
        groups=[],
    )
    session.add(port)
    return port


def physical(network: Network) -> frozenset[str]:
    return frozenset({network.physical_network} - {""})


def _align(session: Session, port: Port, wanted: list[Subnet]) -> None:
    """A full pool leaves its subnet without DHCP rather than refusing the subnet; the next change tries again."""
    have = {ip.subnet_id: ip for ip in port.fixed_ips}
    ids = {subnet.id for subnet in wanted}
    gone = [ip for subnet_id, ip in have.items() if subnet_id not in ids]
    for ip in gone:
        port.fixed_ips.remove(ip)
    allocator = Allocator(session)
    new = [subnet for subnet in wanted if subnet.id not in have]
    for subnet in new:
        address = (
            addresses.own_address(subnet, port.mac_address) if addresses.automatic(subnet) else allocator.lowest(subnet)
        )
        if address is not None:
            port.fixed_ips.append(FixedIp(subnet_id=subnet.id, address=address, position=len(port.fixed_ips)))
    if gone or new:
        nouns.revise(port)


def place(session: Session, port: Port, network: Network) -> None:
    """Find a host for a DHCP port that has none."""
    port.host = scheduler.pick(session, physical(network), tunnels=network.network_type == "vxlan")
    port.vif_type = "bridge" if port.host else "unbound"
    _note(session, port)
    concern(session).networks.add(network.id)


def move(session: Session, network: Network, host: str) -> None:
    """Serve the network from `host`, subnets or not yet; "" serves it from nowhere until the next look for a home."""
    port = of(session, network.id) or _create(session, network)
    session.flush()
    _note(session, port)
    if port.host != host:
        port.host, port.vif_type, port.status = host, "bridge" if host else "unbound", "DOWN"
        nouns.revise(port)
    concern(session).networks.add(network.id)
