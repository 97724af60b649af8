"""Snapshots on a storage host: it takes them itself, unless a guest there has the disk open. Then the guest's
hypervisor has to, through compute's assisted snapshots, and the storage host looks whether it came about."""

import json
from urllib.parse import quote

from pileus_kit.flow import Again
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import StorageAgent, file_name

PATH = "/v2.1/os-assisted-volume-snapshots"


def freeze(tools: Tools, agent: StorageAgent, volume_id: str, snapshot_id: str) -> None:
    """Make sure of the snapshot."""
    if agent.snapshot(volume_id, snapshot_id).done:
        return
    tools.peers.call(
        "compute",
        "POST",
        PATH,
        json={
            "snapshot": {
                "volume_id": volume_id,
                "create_info": {"snapshot_id": snapshot_id, "type": "qcow2", "new_file": file_name(volume_id)},
            }
        },
    )
    if not agent.snapshot(volume_id, snapshot_id).done:
        raise Again(why="the server's hypervisor has not taken the snapshot yet")


def melt(tools: Tools, agent: StorageAgent, volume_id: str, snapshot_id: str) -> None:
    """Make sure that it's gone."""
    if agent.delete_snapshot(volume_id, snapshot_id).done:
        return
    info = quote(json.dumps({"volume_id": volume_id, "type": "qcow2", "file_to_merge": file_name(volume_id)}))
    tools.peers.call("compute", "DELETE", f"{PATH}/{snapshot_id}?delete_info={info}")
    if not agent.delete_snapshot(volume_id, snapshot_id).done:
        raise Again(why="the server's hypervisor has not removed the snapshot yet")
