"""Prefixes, allocation pools and SLAAC addresses."""

import pytest

from pileus_network.core import ip_ranges
from pileus_network.errors.networks import GatewayConflictWithAllocationPools, OverlappingAllocationPools


@pytest.mark.parametrize(
    ("cidr", "gateway", "pools"),
    [
        ("10.0.0.0/24", "10.0.0.1", [("10.0.0.2", "10.0.0.254")]),
        ("10.0.0.0/24", None, [("10.0.0.1", "10.0.0.254")]),
        ("10.0.0.0/24", "10.0.0.254", [("10.0.0.1", "10.0.0.253")]),
        ("10.0.0.0/24", "10.0.0.9", [("10.0.0.1", "10.0.0.8"), ("10.0.0.10", "10.0.0.254")]),
        ("10.0.0.0/24", "192.168.0.1", [("10.0.0.1", "10.0.0.254")]),
        ("10.0.0.0/30", "10.0.0.1", [("10.0.0.2", "10.0.0.2")]),
        ("10.0.0.0/31", "10.0.0.0", [("10.0.0.1", "10.0.0.1")]),
        ("10.0.0.7/32", None, [("10.0.0.7", "10.0.0.7")]),
        ("fd00::/64", "fd00::1", [("fd00::2", "fd00::ffff:ffff:ffff:ffff")]),
    ],
)
def test_default_pools(cidr: str, gateway: str | None, pools: list[tuple[str, str]]) -> None:
    assert ip_ranges.default_pools(cidr, gateway) == [{"start": start, "end": end} for start, end in pools]


def test_pools_are_sorted_and_checked() -> None:
    pools = [{"start": "10.0.0.20", "end": "10.0.0.29"}, {"start": "10.0.0.2", "end": "10.0.0.9"}]
    assert ip_ranges.check_pools(pools, "10.0.0.0/24", "10.0.0.1") == pools[::-1]
    with pytest.raises(GatewayConflictWithAllocationPools):
        ip_ranges.check_pools(pools, "10.0.0.0/24", "10.0.0.5")
    with pytest.raises(OverlappingAllocationPools):
        ip_ranges.check_pools([*pools, {"start": "10.0.0.9", "end": "10.0.0.10"}], "10.0.0.0/24", None)


def test_eui64_is_the_example_of_the_rfc() -> None:
    """RFC 2464 section 4: 34-56-78-9A-BC-DE gives 36-56-78-FF-FE-9A-BC-DE."""
    assert ip_ranges.eui64("2001:db8::/64", "34:56:78:9a:bc:de") == "2001:db8::3656:78ff:fe9a:bcde"


def test_free_prefixes_jump_over_what_is_taken() -> None:
    net = ip_ranges.prefix("10.0.0.0/24")
    taken = [ip_ranges.prefix("10.0.0.0/26"), ip_ranges.prefix("10.0.0.96/28")]
    assert [str(free) for free in ip_ranges.list_free_prefixes(net, 27, taken)] == [
        "10.0.0.64/27",
        "10.0.0.128/27",
        "10.0.0.160/27",
        "10.0.0.192/27",
        "10.0.0.224/27",
    ]
    assert next(ip_ranges.list_free_prefixes(net, 25, taken)) == ip_ranges.prefix("10.0.0.128/25")
    assert list(ip_ranges.list_free_prefixes(net, 24, taken)) == []


def test_overlaps() -> None:
    assert ip_ranges.find_overlapping("10.0.0.0/24", ["10.0.1.0/24", "fd00::/64", "10.0.0.0/8"]) == "10.0.0.0/8"
    assert ip_ranges.find_overlapping("10.0.0.0/24", ["10.0.1.0/24"]) is None


@pytest.mark.parametrize(
    ("hole", "left"),
    [
        ("10.0.0.64/26", ["10.0.0.0/26", "10.0.0.128/25", "192.0.2.0/24"]),
        ("10.0.0.0/24", ["192.0.2.0/24"]),
        ("10.0.0.0/8", ["192.0.2.0/24"]),
        ("0.0.0.0/0", []),
        ("10.0.1.0/24", ["10.0.0.0/24", "192.0.2.0/24"]),
        ("fd00::/8", ["10.0.0.0/24", "192.0.2.0/24"]),
    ],
)
def test_what_is_left_of_prefixes_without_a_hole(hole: str, left: list[str]) -> None:
    assert ip_ranges.subtract(["10.0.0.0/24", "192.0.2.0/24"], hole) == left
