"""Make an image of a server that boots from a volume: a snapshot of each of its volumes, and an image without data
whose property `block_device_mapping` names them, as Nova documents it.

A volume that the server's host has open is snapshotted by its hypervisor: the volume service asks for it (see
api.assisted_snapshots). Each disk is consistent in itself, as after a power cut.
"""

from typing import Any

import msgspec

from pileus_compute.core.tools import Tools
from pileus_compute.flows import images, volumes
from pileus_kit.errors import CloudError
from pileus_kit.flow import Again, Flow, Remote, Work

PATIENCE = 3600.0  # large volumes take their time
NAMES = (
    "source_type",
    "destination_type",
    "device_type",
    "disk_bus",
    "guest_format",
    "boot_index",
    "device_name",
    "delete_on_termination",
    "volume_size",
    "snapshot_id",
    "volume_id",
    "image_id",
    "no_device",
    "tag",
    "volume_type",
)  # clients look for each, also where it says nothing


class SnapshotFailed(CloudError):
    text = "The snapshot of volume {volume} is {status}."


def take(tools: Tools, work: Work) -> None:
    taken = _snapshots(tools, work)
    for disk in work.data["disks"]:
        if disk["volume_id"] not in taken:
            volumes.take_snapshot(
                tools,
                work.data["project_id"],
                disk["volume_id"],
                work.data["image_id"],
                f"snapshot for {work.data['image_name']}",
            )


def untake(tools: Tools, work: Work) -> None:
    """The image first: it names the snapshots. They are gone when this is done: a volume that has any can't go."""
    images.remove(tools, work.data["image_id"])
    left = _snapshots(tools, work)
    for snapshot in left.values():
        volumes.drop_snapshot(tools, work.data["project_id"], snapshot)
    if left and (busy := _snapshots(tools, work)):
        raise Again(after=0.5, why=f"snapshots {', '.join(s['id'] for s in busy.values())} are not gone")


def wait(tools: Tools, work: Work) -> dict[str, Any]:
    taken = _snapshots(tools, work)
    for disk in work.data["disks"]:
        status = taken.get(disk["volume_id"], {"status": "gone"})["status"]
        if status == "creating":
            raise Again(after=0.5, why=f"the snapshot of volume {disk['volume_id']} is {status}")
        if status != "available":
            raise SnapshotFailed(volume=disk["volume_id"], status=status)
    return {"taken": {volume_id: {"snapshot_id": s["id"], "volume_size": s["size"]} for volume_id, s in taken.items()}}


def describe(tools: Tools, work: Work) -> None:
    mappings = [_mapping(disk, work.data["taken"][disk["volume_id"]]) for disk in work.data["disks"]]
    images.set_property(tools, work.data["image_id"], "block_device_mapping", msgspec.json.encode(mappings).decode())


def publish(tools: Tools, work: Work) -> None:
    """An image becomes active when it gets its data. Here that is none."""
    if not images.is_whole(tools, work.data["image_id"]):
        images.fill_with_nothing(tools, work.data["image_id"])


def _snapshots(tools: Tools, work: Work) -> dict[str, dict[str, Any]]:
    """Those taken for this image, by volume: an answer may have been lost."""
    return volumes.snapshots_for(tools, work.data["project_id"], work.data["image_id"])


def _mapping(disk: dict[str, Any], taken: dict[str, Any]) -> dict[str, Any]:
    said = disk | taken | {"source_type": "snapshot", "destination_type": "volume", "device_type": "disk"}
    return dict.fromkeys(NAMES) | said | {"volume_id": None}


snapshot_volumes = Flow(
    "server.snapshot_volumes",
    Remote(take, undo=untake),
    Remote(wait, patience_s=PATIENCE),
    Remote(describe),
    Remote(publish),
)
