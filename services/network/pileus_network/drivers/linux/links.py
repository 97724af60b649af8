"""The host's network interfaces: which exist, which are desired, and how the former become the latter."""

import errno
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from pileus_network.drivers.base import HostUnfit
from pileus_network.drivers.linux import namespaces, taps

BRIDGE, VXLAN, VLAN, TAP, PAIR = "bridge", "vxlan", "vlan", "tap", "veth"
VXLAN_PORT = 4789
REMOVAL_GROUP = 0x706C6575  # the group of links that are about to be deleted
# Our bridges pass IP through the inet hooks, where security groups are, run no spanning tree, and flood multicast: a
# tenant's network has no multicast querier, so snooping would make IPv6 neighbours unreachable after some minutes.
BRIDGE_OPTIONS = {
    "br_nf_call_iptables": 1,
    "br_nf_call_ip6tables": 1,
    "br_mcast_snooping": 0,
    "br_stp_state": 0,
    "br_forward_delay": 0,
}


@dataclass(frozen=True)
class Link:
    """An interface that is desired.

    `id` with `local` describes a tunnel, `id` with `parent` a VLAN. `namespace`, `inner` and `mac` describe the far end
    of a veth pair.
    """

    name: str
    kind: str
    mtu: int
    alias: str = ""
    master: str = ""
    up: bool = True
    id: int = 0
    local: str = ""
    parent: str = ""
    namespace: str = ""
    inner: str = ""
    mac: str = ""


@dataclass(frozen=True)
class ExistingLink:
    """An interface as the kernel shows it."""

    index: int
    name: str
    kind: str
    mtu: int
    alias: str
    master: int
    up: bool
    id: int
    local: str


def list_links(netlink: IPRoute) -> dict[str, ExistingLink]:
    """Return all interfaces of the namespace that `netlink` is in, by name."""
    return {seen.name: seen for seen in map(_seen, netlink.get_links())}


def _seen(message: Any) -> ExistingLink:
    info = message.get_attr("IFLA_LINKINFO")
    kind = info.get_attr("IFLA_INFO_KIND") if info else ""
    data = info.get_attr("IFLA_INFO_DATA") if info and kind in (VXLAN, VLAN) else None
    identity = (data.get_attr("IFLA_VXLAN_ID") or data.get_attr("IFLA_VLAN_ID") or 0) if data else 0
    return ExistingLink(
        message["index"],
        message.get_attr("IFLA_IFNAME"),
        TAP if kind == "tun" else kind or "",
        message.get_attr("IFLA_MTU"),
        message.get_attr("IFLA_IFALIAS") or "",
        message.get_attr("IFLA_MASTER") or 0,
        bool(message["flags"] & 1),
        identity,
        (data.get_attr("IFLA_VXLAN_LOCAL") or "") if data else "",
    )


def ensure(
    netlink: IPRoute, link: Link, seen: Mapping[str, ExistingLink], new_name: Callable[[str], str]
) -> ExistingLink:
    """Create or change the link, except for its master. A link that can't be changed in place is created again."""
    existing = seen.get(link.name)
    if existing and _differs(existing, link):
        netlink.link("del", index=existing.index)
        existing = None
    if existing is None:
        existing = _create(netlink, link, seen, new_name)
    desired = replace(existing, mtu=link.mtu, alias=link.alias or existing.alias, up=link.up)
    change: dict[str, Any] = {}
    if existing.mtu != desired.mtu:
        change["mtu"] = desired.mtu
    if existing.alias != desired.alias:
        change["ifalias"] = desired.alias
    if existing.up != desired.up:
        change["state"] = "up" if desired.up else "down"
    if change:
        netlink.link("set", index=existing.index, **change)
    return desired


def enable_bridge_netfilter(netlink: IPRoute, bridge: ExistingLink) -> None:
    """Have the inet hooks see what the bridge forwards, whatever the host's default is."""
    netlink.link("set", index=bridge.index, kind=BRIDGE, br_nf_call_iptables=1, br_nf_call_ip6tables=1)


def set_master(netlink: IPRoute, link: Link, seen: Mapping[str, ExistingLink]) -> ExistingLink:
    """Put a link into its bridge. Raises HostUnfit if the bridge doesn't exist."""
    if link.master not in seen:
        raise HostUnfit(why=f"There is no bridge {link.master}")
    existing, master = seen[link.name], seen[link.master].index
    if existing.master != master:
        netlink.link("set", index=existing.index, master=master)
    return replace(existing, master=master)


def remove(netlink: IPRoute, removed: Iterable[ExistingLink]) -> None:
    """Delete links together: for each that is deleted alone, the kernel waits some 20 ms."""
    for seen in removed:
        with _gone_is_fine():
            netlink.link("set", index=seen.index, group=REMOVAL_GROUP)
    with _gone_is_fine():
        netlink.link("del", index=0, group=REMOVAL_GROUP)


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except NetlinkError as err:
        if err.code != errno.ENODEV:
            raise


def _differs(existing: ExistingLink, link: Link) -> bool:
    return existing.kind != link.kind or (
        link.kind in (VXLAN, VLAN) and (existing.id, existing.local) != (link.id, link.local)
    )


def _create(
    netlink: IPRoute, link: Link, seen: Mapping[str, ExistingLink], new_name: Callable[[str], str]
) -> ExistingLink:
    """Create a link. It is down, and has the kernel's default MTU."""
    if link.kind == TAP:
        _create_tap(netlink, link, new_name(link.name))
    elif link.kind == BRIDGE:
        # Without an address of its own, a bridge takes the lowest of its ports', and changes it with them.
        address = ":".join(f"{byte:02x}" for byte in (0x02, *os.urandom(5)))
        netlink.link("add", ifname=link.name, kind=BRIDGE, address=address, **BRIDGE_OPTIONS)
    elif link.kind == VXLAN:
        netlink.link(
            "add",
            ifname=link.name,
            kind=VXLAN,
            vxlan_id=link.id,
            vxlan_local=link.local,
            vxlan_port=VXLAN_PORT,
            vxlan_learning=False,
        )
    elif link.kind == VLAN and link.parent in seen:
        netlink.link("add", ifname=link.name, kind=VLAN, vlan_id=link.id, link=seen[link.parent].index)
    elif link.kind == PAIR:
        netlink.link(
            "add",
            ifname=link.name,
            kind=PAIR,
            peer={
                "ifname": link.inner,
                "address": link.mac,
                "mtu": link.mtu,
                "net_ns_fd": str(namespaces.FOLDER / link.namespace),
            },
        )
    else:
        raise HostUnfit(why=f"There is no interface {link.parent}")
    _silence(link.name)
    alias = link.alias if link.kind == TAP else ""
    return ExistingLink(socket.if_nametoindex(link.name), link.name, link.kind, 0, alias, 0, False, link.id, link.local)


def _create_tap(netlink: IPRoute, link: Link, working_name: str) -> None:
    """Create a tap, and give it its name and our alias in one call: it can be recognized at any moment."""
    taps.create(working_name)
    netlink.link("set", index=socket.if_nametoindex(working_name), ifname=link.name, ifalias=link.alias)


def _silence(interface: str) -> None:
    """Keep the host itself from speaking IPv6 (router solicitations, link-local addresses) on a tenant's network."""
    switch = Path("/proc/sys/net/ipv6/conf", interface, "disable_ipv6")
    if switch.exists():
        switch.write_text("1")
