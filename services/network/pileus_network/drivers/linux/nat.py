"""A router's address translation as one nftables table. This module only computes text."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from pileus_network.drivers.linux.dnsmasq import METADATA
from pileus_network.drivers.linux.nft import Chain, Set, Table
from pileus_network.rpc import FloatingIp

NAME = "router"


@dataclass(frozen=True)
class Translation:
    """What a router translates.

    `gateway` is the interface on the external network, `external` the router's IPv4 address there; either is "" if
    there is none.
    """

    gateway: str = ""
    external: str = ""
    snat: bool = True
    floating: tuple[FloatingIp, ...] = ()


def table(translation: Translation) -> Table:
    """Return the table: floating IPs both ways, also between guests of one router, and SNAT for all other guests."""
    pairs = sorted((one.floating, one.fixed) for one in translation.floating)
    sets = {
        "to-fixed": Set(
            "type ipv4_addr : ipv4_addr", frozenset(f"{floating} : {fixed}" for floating, fixed in pairs), "map"
        ),
        # A fixed address may have several floating IPs; connections from it use the first.
        "to-floating": Set(
            "type ipv4_addr : ipv4_addr",
            frozenset(
                f"{fixed} : {floating}"
                for fixed, floating in {fixed: floating for floating, fixed in reversed(pairs)}.items()
            ),
            "map",
        ),
    }
    chains = {
        "arrive": Chain(("dnat to ip daddr map @to-fixed",), "type nat hook prerouting priority -100"),
        "own": Chain(("dnat to ip daddr map @to-fixed",), "type nat hook output priority -100"),
        "arrive-here": Chain(tuple(_arrive(translation)), "type filter hook input priority 0"),
        "pass": Chain(tuple(_pass(translation)), "type filter hook forward priority 0"),
        "depart": Chain(tuple(_depart(translation)), "type nat hook postrouting priority 100"),
    }
    return Table("ip", NAME, chains, sets)


def _depart(translation: Translation) -> Iterable[str]:
    if not translation.gateway:
        return
    yield f'oifname "{translation.gateway}" snat to ip saddr map @to-floating'
    if translation.external and translation.snat:
        yield f'oifname "{translation.gateway}" snat to {translation.external}'
    # If a guest calls a floating IP of its own router, the answer has to come back through here.
    hairpin = f'oifname != "{translation.gateway}" iifname != "{translation.gateway}" ct status dnat'
    yield f"{hairpin} snat to ip saddr map @to-floating"
    if translation.external:
        yield f"{hairpin} snat to {translation.external}"


def _arrive(translation: Translation) -> Iterable[str]:
    """Return the rules for the metadata address.

    Requests may come only from inside, and from an address whose answers would go back there: so the address identifies
    the guest.
    """
    if translation.gateway:
        yield f'iifname "{translation.gateway}" ip daddr {METADATA} drop'
    yield f"ip daddr {METADATA} fib saddr . iif oif missing drop"
    yield f"ip daddr {METADATA} tcp dport != 80 drop"
    yield f"ip daddr {METADATA} meta l4proto != tcp drop"


def _pass(translation: Translation) -> Iterable[str]:
    yield "ip daddr 169.254.0.0/16 drop"
    if translation.gateway and translation.snat:
        # Hosts on the external network that know the private addresses must not reach them through the router.
        yield f'iifname "{translation.gateway}" oifname != "{translation.gateway}" ct state new ct status ! dnat drop'


def is_usable(one: FloatingIp) -> bool:
    """Return whether both addresses are IPv4: others can't be translated."""
    return ip_address(one.floating).version == 4 and ip_address(one.fixed).version == 4
