"""How the storage hosts are, as each tells it itself."""

from pileus_kit.errors import HostDown
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.recon_calls import GetRecon, ReconReply


def ask_all(tools: Tools) -> dict[str, ReconReply | str]:
    """Ask every host that a ring names: its state, or why it doesn't answer."""
    rings = tools.cluster.rings
    devices = [device for kind in rings.kinds() for device in rings.ring(*kind).file.devices]
    found: dict[str, ReconReply | str] = {}
    for host in sorted({device.host for device in devices if device}):
        try:
            found[host] = tools.cluster.pool.call(host, "get_recon", GetRecon(), ReconReply)[0]
        except HostDown as e:
            found[host] = str(e)
    return found
