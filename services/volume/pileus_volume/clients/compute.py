"""The compute service: what its servers have attached, and work that only a server's hypervisor can do on a disk."""

import json
from collections.abc import Sequence
from urllib.parse import quote

from pileus_kit.auth import Caller
from pileus_kit.peers import PeerRefused, Peers
from pileus_volume.rpc import file_name

NOT_FOUND = 404
ATTACHMENT_ID_SINCE = "2.89"  # the microversion from which compute shows the attachment's id
EXTENDED_SINCE = "2.51"  # the microversion that knows the event volume-extended
ASSISTED_SNAPSHOTS = "/v2.1/os-assisted-volume-snapshots"


def is_attached(peers: Peers, caller: Caller, server_id: str, volume_id: str, attachment_id: str) -> bool:
    """Whether the server has the volume by this attachment, as far as the caller may know."""
    path = f"/v2.1/servers/{server_id}/os-volume_attachments/{volume_id}"
    try:
        answer = peers.call("compute", "GET", path, caller=caller, microversion=ATTACHMENT_ID_SINCE)
    except PeerRefused as err:
        if err.status == NOT_FOUND:
            return False
        raise
    return answer["volumeAttachment"].get("attachment_id") in (None, attachment_id)


def send_volume_extended(peers: Peers, volume_id: str, server_ids: Sequence[str]) -> None:
    """Tell compute that the volume of these servers has grown, so that their hypervisors adopt the new size."""
    events = [{"name": "volume-extended", "server_uuid": server_id, "tag": volume_id} for server_id in server_ids]
    if events:
        path = "/v2.1/os-server-external-events"
        peers.call("compute", "POST", path, json={"events": events}, microversion=EXTENDED_SINCE)


def create_assisted_snapshot(peers: Peers, volume_id: str, snapshot_id: str) -> None:
    """Have the hypervisor of the server that holds the volume take the snapshot."""
    info = {"snapshot_id": snapshot_id, "type": "qcow2", "new_file": file_name(volume_id)}
    snapshot = {"volume_id": volume_id, "create_info": info}
    peers.call("compute", "POST", ASSISTED_SNAPSHOTS, json={"snapshot": snapshot})


def delete_assisted_snapshot(peers: Peers, volume_id: str, snapshot_id: str) -> None:
    """Have the hypervisor of the server that holds the volume remove the snapshot."""
    info = quote(json.dumps({"volume_id": volume_id, "type": "qcow2", "file_to_merge": file_name(volume_id)}))
    peers.call("compute", "DELETE", f"{ASSISTED_SNAPSHOTS}/{snapshot_id}?delete_info={info}")
