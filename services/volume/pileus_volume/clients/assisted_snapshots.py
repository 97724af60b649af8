"""Snapshots of disks on a storage host. The host takes them itself, unless a guest there has the disk open: then the
guest's hypervisor has to, through compute's assisted snapshots, and the storage host checks that it happened."""

from pileus_kit.flow import Again
from pileus_kit.peers import Peers
from pileus_volume.clients import compute
from pileus_volume.rpc import StorageAgent


def take_snapshot(peers: Peers, agent: StorageAgent, volume_id: str, snapshot_id: str) -> None:
    """Make sure that the snapshot exists. Raises Again while the hypervisor has not taken it."""
    if agent.snapshot(volume_id, snapshot_id).done:
        return
    compute.create_assisted_snapshot(peers, volume_id, snapshot_id)
    if not agent.snapshot(volume_id, snapshot_id).done:
        raise Again(why="the server's hypervisor has not taken the snapshot yet")


def remove_snapshot(peers: Peers, agent: StorageAgent, volume_id: str, snapshot_id: str) -> None:
    """Make sure that the snapshot doesn't exist. Raises Again while the hypervisor has not removed it."""
    if agent.delete_snapshot(volume_id, snapshot_id).done:
        return
    compute.delete_assisted_snapshot(peers, volume_id, snapshot_id)
    if not agent.delete_snapshot(volume_id, snapshot_id).done:
        raise Again(why="the server's hypervisor has not removed the snapshot yet")
