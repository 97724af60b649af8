"""dnsmasq's arguments and files for one network. This module only computes text, by dnsmasq(8), version 2.90.

Text that a user typed is written only if it has the form that the file requires there; nothing is quoted or escaped.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

from pileus_network.rpc import DHCP_OWNER, DhcpOption, FixedIp, Network, Port, Subnet

LEASE_S = 86400
METADATA = "169.254.169.254"
LABEL = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
OPTION_NAME = re.compile("[a-z0-9-]{1,40}")
OPTION_VALUE = re.compile(r"[^\x00-\x1f\x7f]{0,255}")


@dataclass(frozen=True)
class Files:
    """The files that dnsmasq reads when it starts and on SIGHUP."""

    hosts: str
    options: str
    names: str


def arguments(network: Network, interface: str, folder: Path) -> tuple[str, ...]:
    """Return the command line. It changes with the network's subnets and domain; then dnsmasq has to be restarted."""
    domain = network.dns_domain.rstrip(".")
    ranges = [
        f"--dhcp-range=set:{tag(subnet)},{first},static,{_mask(subnet)},{LEASE_S}s"
        for subnet in served(network)
        for first in [ip_network(subnet.cidr).network_address]
    ]
    return (
        "dnsmasq",
        "--conf-file=",
        "--no-hosts",
        "--no-resolv",
        "--no-ping",
        "--bind-dynamic",
        "--dhcp-authoritative",
        "--user=nobody",
        "--group=nogroup",
        f"--interface={interface}",
        "--except-interface=lo",
        f"--pid-file={folder / 'pid'}",
        f"--dhcp-hostsfile={folder / 'hosts'}",
        f"--dhcp-optsfile={folder / 'options'}",
        f"--addn-hosts={folder / 'names'}",
        f"--dhcp-leasefile={folder / 'leases'}",
        "--dhcp-lease-max=65536",
        "--quiet-dhcp",
        "--quiet-dhcp6",
        "--log-facility=/dev/null",
        *([f"--domain={domain}", f"--local=/{domain}/"] if is_domain(domain) else []),
        *ranges,
    )


def files(network: Network, server: Port, ports: Iterable[Port]) -> Files:
    """Return the files' contents. `server` is the DHCP port on this host, `ports` are all ports of the network."""
    ports = [port for port in ports if port.network_id == network.id and port.device_owner != DHCP_OWNER]
    subnets = {subnet.id: subnet for subnet in served(network)}
    hosts = [line for port in ports for line in _hosts(port, subnets)]
    options = [line for subnet in subnets.values() for line in _options(network, subnet, server)]
    options += [_extra(port, option) for port in ports for option in port.dhcp_options if is_option(option)]
    names = [_name(port, fixed, network) for port in ports for fixed in port.fixed_ips]
    return Files(_text(hosts), _text(options), _text(names))


def served(network: Network) -> list[Subnet]:
    """Return the subnets that dnsmasq answers for; subnets with plain SLAAC need no DHCP."""
    return [
        subnet
        for subnet in network.subnets
        if subnet.dhcp and (subnet.ip_version == 4 or subnet.address_mode in ("dhcpv6-stateful", "dhcpv6-stateless"))
    ]


def tag(subnet: Subnet) -> str:
    """Return the tag that connects a subnet's range with its options."""
    return f"subnet-{subnet.id}"


def hostname(port: Port, address: str) -> str:
    """Return the name of a port, or one that is made from its address."""
    label = port.hostname.lower().split(".")[0]
    return label if LABEL.fullmatch(label) else "host-" + re.sub("[.:]+", "-", address).strip("-")


def is_domain(name: str) -> bool:
    """Return whether the text may be written as a domain."""
    return len(name) <= 253 and all(LABEL.fullmatch(label) for label in name.split("."))


def is_option(option: DhcpOption) -> bool:
    """Return whether the option may be written into a file."""
    return bool(OPTION_NAME.fullmatch(option.name.lower()) and OPTION_VALUE.fullmatch(option.value))


def _mask(subnet: Subnet) -> str:
    network = ip_network(subnet.cidr)
    return str(network.netmask) if network.version == 4 else str(network.prefixlen)


def _hosts(port: Port, subnets: dict[str, Subnet]) -> list[str]:
    lines = []
    for fixed in port.fixed_ips:
        subnet = subnets.get(fixed.subnet_id)
        if subnet is None or (subnet.ip_version == 6 and subnet.address_mode != "dhcpv6-stateful"):
            continue
        address = fixed.address if subnet.ip_version == 4 else f"[{fixed.address}]"
        own_tag = f"set:{port.id}," if port.dhcp_options else ""
        lines.append(f"{port.mac},{own_tag}{address},{hostname(port, fixed.address)}")
    return lines


def _options(network: Network, subnet: Subnet, server: Port) -> list[str]:
    at = f"tag:{tag(subnet)}"
    own = [fixed.address for fixed in server.fixed_ips if fixed.subnet_id == subnet.id]
    if subnet.ip_version == 6:
        dns = [f"[{address}]" for address in subnet.dns or own]
        return [f"{at},option6:dns-server,{','.join(dns)}"] if dns else []
    routes = [(route.destination, route.nexthop) for route in subnet.routes]
    # With a route of its own, metadata is reachable whether the network has a router or not.
    routes += [(f"{METADATA}/32", address) for address in own[:1]]
    routes += [("0.0.0.0/0", subnet.gateway)] if subnet.gateway else []
    flat = ",".join(f"{destination},{nexthop}" for destination, nexthop in routes)
    lines = [
        f"{at},option:router,{subnet.gateway}" if subnet.gateway else f"{at},option:router",
        f"{at},26,{network.mtu}",
    ]
    lines += [f"{at},option:classless-static-route,{flat}", f"{at},249,{flat}"] if flat else []
    dns = list(subnet.dns or own)
    return [*lines, f"{at},option:dns-server,{','.join(dns)}"] if dns else lines


def _extra(port: Port, option: DhcpOption) -> str:
    numbered = option.name.isdecimal() and option.ip_version == 4
    word = "" if numbered else "option6:" if option.ip_version == 6 else "option:"
    return f"tag:{port.id},{word}{option.name.lower()},{option.value}"


def _name(port: Port, fixed: FixedIp, network: Network) -> str:
    name = hostname(port, fixed.address)
    domain = network.dns_domain.rstrip(".")
    return f"{ip_address(fixed.address)} {name}.{domain} {name}" if is_domain(domain) else f"{fixed.address} {name}"


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
