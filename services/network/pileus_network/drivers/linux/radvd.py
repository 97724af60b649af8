"""Router advertisements: radvd's configuration for one router. This module only computes text, by radvd.conf(5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pileus_network.rpc import Subnet

PROGRAM = "radvd"


@dataclass(frozen=True)
class AdvertisedInterface:
    """An interface of a router, with the IPv6 subnets that the router announces on it."""

    interface: str
    mtu: int
    subnets: tuple[Subnet, ...]


def configuration(interfaces: Iterable[AdvertisedInterface]) -> str:
    """Return the configuration file, "" if there is nothing to announce."""
    return "".join(_interface(one) for one in interfaces if one.subnets)


def arguments(folder: Path) -> tuple[str, ...]:
    """Return the command line."""
    return (
        PROGRAM,
        "--config",
        str(folder / "radvd.conf"),
        "--pidfile",
        str(folder / "pid"),
        "--logmethod",
        "none",
        "--username",
        "nobody",
    )


def _interface(one: AdvertisedInterface) -> str:
    modes = {subnet.ra_mode for subnet in one.subnets}
    lines = [
        "AdvSendAdvert on",
        "MinRtrAdvInterval 30",
        "MaxRtrAdvInterval 100",
        f"AdvLinkMTU {one.mtu}",
        f"AdvManagedFlag {_switch('dhcpv6-stateful' in modes)}",
        f"AdvOtherConfigFlag {_switch(bool(modes & {'dhcpv6-stateful', 'dhcpv6-stateless'}))}",
    ]
    lines += [
        f"prefix {subnet.cidr} {{ AdvOnLink on; AdvAutonomous {_switch(subnet.ra_mode != 'dhcpv6-stateful')}; }}"
        for subnet in one.subnets
    ]
    dns = [address for subnet in one.subnets for address in subnet.dns if ":" in address]
    lines += [f"RDNSS {' '.join(dict.fromkeys(dns))} {{ }}"] if dns else []
    return f"interface {one.interface} {{\n" + "".join(f"  {line};\n" for line in lines) + "};\n"


def _switch(on: bool) -> str:
    return "on" if on else "off"
