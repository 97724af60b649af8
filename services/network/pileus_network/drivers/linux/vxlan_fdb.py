"""Where a VXLAN network's frames go: every MAC behind a known tunnel address, broadcasts to every host that takes
part.
"""

from collections.abc import Iterable

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from pileus_network.rpc import Peer

ALL_MACS = "00:00:00:00:00:00"
NUD_NOARP, NUD_PERMANENT = 0x40, 0x80
NTF_SELF, NTF_MASTER = 0x02, 0x04

Entry = tuple[str, str]  # MAC, tunnel address


def entries(peers: Iterable[Peer]) -> set[Entry]:
    """The entries of a tunnel: a flood entry for each peer, and one for each MAC behind it."""
    return {(mac, peer.address) for peer in peers for mac in (ALL_MACS, *peer.macs)}


def list_entries(netlink: IPRoute) -> dict[int, set[Entry]]:
    """What each tunnel of the host has now, by the tunnel's index."""
    found: dict[int, set[Entry]] = {}
    for entry in netlink.fdb("dump"):
        address = entry.get_attr("NDA_DST")
        if address:
            found.setdefault(entry["ifindex"], set()).add((entry.get_attr("NDA_LLADDR"), address))
    return found


def update(netlink: IPRoute, tunnel: int, old: set[Entry], new: set[Entry]) -> None:
    """Turn a tunnel's entries `old` into `new`. What is new comes first, so that a MAC that moves is never lost."""
    for mac, address in sorted(new - old):
        if mac == ALL_MACS:
            netlink.fdb("append", ifindex=tunnel, lladdr=mac, dst=address)
            continue
        netlink.fdb("replace", ifindex=tunnel, lladdr=mac, dst=address, flags=NTF_SELF, state=NUD_NOARP | NUD_PERMANENT)
        # `static`, not `permanent`: the bridge would take a permanent MAC for its own and swallow the frames.
        netlink.fdb("replace", ifindex=tunnel, lladdr=mac, flags=NTF_MASTER, state=NUD_NOARP)
    kept = {mac for mac, _ in new if mac != ALL_MACS}
    for mac, address in sorted(old - new):
        if mac in kept:
            continue  # replaced above
        _forget(netlink, tunnel, mac, address)


def _forget(netlink: IPRoute, tunnel: int, mac: str, address: str) -> None:
    try:
        netlink.fdb("del", ifindex=tunnel, lladdr=mac, dst=address)
        if mac != ALL_MACS:
            netlink.fdb("del", ifindex=tunnel, lladdr=mac, flags=NTF_MASTER)
    except NetlinkError as err:
        if err.code != 2:  # ENOENT: it has gone by itself
            raise
