"""The forwarding databases of VXLAN networks.

Every MAC is behind a known tunnel address, and broadcasts go to all hosts that take part.
"""

from collections.abc import Iterable

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from pileus_network.rpc import Peer

ALL_MACS = "00:00:00:00:00:00"
NUD_NOARP, NUD_PERMANENT = 0x40, 0x80
NTF_SELF, NTF_MASTER = 0x02, 0x04

Entry = tuple[str, str]  # a MAC and a tunnel address


def entries(peers: Iterable[Peer]) -> set[Entry]:
    """Return the entries of a tunnel: one that floods to each peer, and one for each MAC behind a peer."""
    return {(mac, peer.address) for peer in peers for mac in (ALL_MACS, *peer.macs)}


def list_entries(netlink: IPRoute) -> dict[int, set[Entry]]:
    """Return the entries that each tunnel of the host has now, by the tunnel's index."""
    found: dict[int, set[Entry]] = {}
    for entry in netlink.fdb("dump"):
        address = entry.get_attr("NDA_DST")
        if address:
            found.setdefault(entry["ifindex"], set()).add((entry.get_attr("NDA_LLADDR"), address))
    return found


def update(netlink: IPRoute, tunnel: int, old: set[Entry], new: set[Entry]) -> None:
    """Turn a tunnel's entries from `old` into `new`. New ones come first: a MAC that moves stays reachable."""
    for mac, address in sorted(new - old):
        if mac == ALL_MACS:
            netlink.fdb("append", ifindex=tunnel, lladdr=mac, dst=address)
            continue
        netlink.fdb("replace", ifindex=tunnel, lladdr=mac, dst=address, flags=NTF_SELF, state=NUD_NOARP | NUD_PERMANENT)
        # The state is static, not permanent: the bridge would take a permanent MAC for its own and drop the frames.
        netlink.fdb("replace", ifindex=tunnel, lladdr=mac, flags=NTF_MASTER, state=NUD_NOARP)
    kept = {mac for mac, _ in new if mac != ALL_MACS}
    for mac, address in sorted(old - new):
        if mac in kept:
            continue  # it was replaced above
        _delete(netlink, tunnel, mac, address)


def _delete(netlink: IPRoute, tunnel: int, mac: str, address: str) -> None:
    try:
        netlink.fdb("del", ifindex=tunnel, lladdr=mac, dst=address)
        if mac != ALL_MACS:
            netlink.fdb("del", ifindex=tunnel, lladdr=mac, flags=NTF_MASTER)
    except NetlinkError as err:
        if err.code != 2:  # ENOENT: the kernel has deleted it already
            raise
