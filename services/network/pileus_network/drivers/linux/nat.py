"""A router's address translation as one nftables table. Pure text."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from pileus_network.drivers.linux.dnsmasq import METADATA
from pileus_network.drivers.linux.nft import Chain, Set, Table
from pileus_network.rpc import FloatingIp

NAME = "router"


@dataclass(frozen=True)
class Translation:
    """`gateway` is the interface on the external network ("" for none), `external` the router's IPv4 address there
    ("" for none).
    """

    gateway: str = ""
    external: str = ""
    snat: bool = True
    floating: tuple[FloatingIp, ...] = ()


def table(translation: Translation) -> Table:
    """Floating IPs both ways, also for guests behind the same router, and one shared address for everybody else."""
    pairs = sorted((one.floating, one.fixed) for one in translation.floating)
    sets = {
        "to-fixed": Set(
            "type ipv4_addr : ipv4_addr", frozenset(f"{floating} : {fixed}" for floating, fixed in pairs), "map"
        ),
        # A fixed address may have several floating ones; it goes out as the first.
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
    # A guest that called a floating IP of this router: the answer has to come back through here.
    hairpin = f'oifname != "{translation.gateway}" iifname != "{translation.gateway}" ct status dnat'
    yield f"{hairpin} snat to ip saddr map @to-floating"
    if translation.external:
        yield f"{hairpin} snat to {translation.external}"


def _arrive(translation: Translation) -> Iterable[str]:
    """Metadata is for who is inside, and comes from where the answer would go: so the address says who asks."""
    if translation.gateway:
        yield f'iifname "{translation.gateway}" ip daddr {METADATA} drop'
    yield f"ip daddr {METADATA} fib saddr . iif oif missing drop"
    yield f"ip daddr {METADATA} tcp dport != 80 drop"
    yield f"ip daddr {METADATA} meta l4proto != tcp drop"


def _pass(translation: Translation) -> Iterable[str]:
    yield "ip daddr 169.254.0.0/16 drop"
    if translation.gateway and translation.snat:
        # Private addresses can't be reached past the translation by who knows them and the router.
        yield f'iifname "{translation.gateway}" oifname != "{translation.gateway}" ct state new ct status ! dnat drop'


def is_usable(one: FloatingIp) -> bool:
    return ip_address(one.floating).version == 4 and ip_address(one.fixed).version == 4
