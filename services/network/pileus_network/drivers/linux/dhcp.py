"""One network's DHCP on this host: a namespace with an interface on the network, and dnsmasq in it."""

from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from pileus_kit.file_modes import make_traversable
from pileus_network.drivers.linux import dnsmasq, ip_configuration, namespaces, processes
from pileus_network.rpc import Network, Port

# The namespace forwards nothing, and learns nothing from a tenant's router advertisements.
SYSCTLS = {
    "net/ipv4/ip_forward": "0",
    "net/ipv6/conf/all/forwarding": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/dad_transmits": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
}


@dataclass(frozen=True)
class DhcpServer:
    """DHCP of one network: `server` is our own port on it, `ports` are all that are to be answered."""

    namespace: str
    interface: str
    network: Network
    server: Port
    ports: tuple[Port, ...]


def ensure(service: DhcpServer, folder: Path, known: bool) -> None:
    """Start dnsmasq, and have it read its files if they changed, or if it isn't `known` to have read them."""
    prefixes = {subnet.id: ip_network(subnet.cidr).prefixlen for subnet in service.network.subnets}
    own = [
        f"{fixed.address}/{prefixes[fixed.subnet_id]}"
        for fixed in service.server.fixed_ips
        if fixed.subnet_id in prefixes
    ]
    own.append(f"{dnsmasq.METADATA}/32")
    inner = ip_configuration.Interface(service.interface, service.server.mac, service.network.mtu, tuple(own))
    interface_ids = namespaces.inside(service.namespace, lambda: ip_configuration.apply([inner], ()))
    if not dnsmasq.served(service.network):
        processes.stop(folder / "pid")
        return
    make_traversable(folder)  # dnsmasq runs as a user without rights
    changed = _write(folder, dnsmasq.files(service.network, service.server, service.ports))
    daemon = processes.DaemonProcess(
        service.namespace, folder / "pid", dnsmasq.arguments(service.network, service.interface, folder), interface_ids
    )
    if _has_foreign_leases(folder, service):
        processes.stop(folder / "pid")
        _has_foreign_leases(folder, service, remove=True)
    if not daemon.ensure() and (changed or not known):
        daemon.reload()


def remove(folder: Path) -> None:
    """Stop dnsmasq and delete the network's leases. The caller deletes the namespace."""
    processes.stop(folder / "pid")
    for name in ("hosts", "options", "names", "leases"):
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()


def _write(folder: Path, files: dnsmasq.Files) -> bool:
    """Write the files that differ, each atomically. Return whether there were any."""
    changed = False
    for name, text in (("hosts", files.hosts), ("options", files.options), ("names", files.names)):
        path = folder / name
        if not path.exists() or path.read_text() != text:
            (folder / "new").write_text(text)
            (folder / "new").chmod(0o644)
            (folder / "new").replace(path)
            changed = True
    return changed


def _has_foreign_leases(folder: Path, service: DhcpServer, remove: bool = False) -> bool:
    """Return whether an address is leased to a port that has lost it: dnsmasq would refuse it to the port that has it
    now.

    With `remove`, which requires that dnsmasq is stopped, such leases are removed from its file.
    """
    path = folder / "leases"
    if not path.exists():
        return False
    owners = {fixed.address: port.mac for port in service.ports for fixed in port.fixed_ips}
    lines = path.read_text().splitlines()
    kept = [line for line in lines if not _is_foreign(line.split(), owners)]
    if remove:
        path.write_text("".join(line + "\n" for line in kept))
    return len(kept) != len(lines)


def _is_foreign(lease: list[str], owners: dict[str, str]) -> bool:
    """Return whether a lease (expiry, MAC or IAID, address, name, client id) is for an address that another MAC owns
    now.

    An IPv6 lease names no MAC, but most DUIDs (types 1 and 3 of RFC 8415) end with one; others can't be judged.
    """
    if len(lease) < 5 or lease[2] not in owners:
        return False
    mac = owners[lease[2]]
    if ":" in lease[2]:
        return lease[4].startswith(("00:01:", "00:03:")) and not lease[4].endswith(mac)
    return lease[1] != mac
