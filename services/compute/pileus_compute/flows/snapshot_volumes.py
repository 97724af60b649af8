"""Make an image of a server that boots from a volume: a snapshot of each of its volumes, and an image without data
whose property `block_device_mapping` names them, as Nova documents it.

A volume that the server's host has open is snapshotted by its hypervisor: the volume service asks for it (see
`api/assisted_volume_snapshots.py`). Each disk is consistent in itself, as after a power cut.
"""

import msgspec

from pileus_compute.clients import image, volume
from pileus_compute.clients.volume import NewSnapshot
from pileus_compute.core.job_data import Added, SnapshotDisk, SnapshotVolumesData, TakenSnapshot, as_json
from pileus_compute.core.tools import Tools
from pileus_compute.errors import SnapshotFailed
from pileus_kit.flow import Again, Flow, Remote, Work
from pileus_kit.json_types import JsonObject
from pileus_kit.peers import PeerRefused

PATIENCE_S = 3600.0  # large volumes take their time
MAX_NAME = 255  # characters
CHANGING = ("reserved", "attaching", "detaching")
"""A volume in these statuses can be snapshotted soon."""
MAPPING_KEYS = (
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
)
"""Clients look for each of these, also where it is null."""


def create_snapshots(tools: Tools, work: Work) -> None:
    """Begin a snapshot of each volume. A repeated step finds those that it has begun before."""
    data = work.data_as(SnapshotVolumesData)
    begun = volume.snapshots_for_image(tools.peers, data.project_id, data.image_id)
    for disk in data.disks:
        if disk.volume_id not in begun:
            _create_snapshot(tools, data, disk.volume_id)


def _create_snapshot(tools: Tools, data: SnapshotVolumesData, volume_id: str) -> None:
    name, metadata = f"snapshot for {data.image_name}"[:MAX_NAME], {volume.SERVER_IMAGE: data.image_id}
    try:
        new = NewSnapshot(volume_id, name, force=True, metadata=metadata)
        volume.create_snapshot(tools.peers, data.project_id, new)
    except PeerRefused as err:
        if err.status not in volume.BUSY:
            raise
        if volume.show_volume(tools.peers, data.project_id, volume_id).status in CHANGING:
            raise Again(why=str(err)) from None
        raise


def delete_snapshots(tools: Tools, work: Work) -> None:
    """Undo of `create_snapshots`. The image goes first: it names the snapshots. They are gone when this is done,
    because a volume with snapshots can't be deleted."""
    data = work.data_as(SnapshotVolumesData)
    image.ensure_image_deleted(tools.peers, data.image_id)
    left = volume.snapshots_for_image(tools.peers, data.project_id, data.image_id)
    for snapshot in left.values():
        if not volume.ensure_snapshot_deleted(tools.peers, data.project_id, snapshot):
            raise Again(why=f"snapshot {snapshot.id} can't be deleted yet")
    if left and (remaining := volume.snapshots_for_image(tools.peers, data.project_id, data.image_id)):
        raise Again(after=0.5, why=f"snapshots {', '.join(s.id for s in remaining.values())} are not gone")


def await_snapshots(tools: Tools, work: Work) -> Added:
    data = work.data_as(SnapshotVolumesData)
    taken = volume.snapshots_for_image(tools.peers, data.project_id, data.image_id)
    for disk in data.disks:
        status = taken[disk.volume_id].status if disk.volume_id in taken else "gone"
        if status == "creating":
            raise Again(after=0.5, why=f"the snapshot of volume {disk.volume_id} is {status}")
        if status != "available":
            raise SnapshotFailed(volume=disk.volume_id, status=status)
    return {"taken": as_json({volume_id: TakenSnapshot(s.id, s.size_gib) for volume_id, s in taken.items()})}


def describe_snapshots(tools: Tools, work: Work) -> None:
    """Have the image name the snapshots."""
    data = work.data_as(SnapshotVolumesData)
    mappings = [_mapping(disk, data.taken[disk.volume_id]) for disk in data.disks]
    value = msgspec.json.encode(mappings).decode()
    image.set_property(tools.peers, data.image_id, "block_device_mapping", value)


def activate_image(tools: Tools, work: Work) -> None:
    """An image becomes active when it gets its data; this one has none."""
    image_id = work.data_as(SnapshotVolumesData).image_id
    if not image.is_active(tools.peers, image_id) and not image.upload_nothing(tools.peers, image_id):
        raise Again(why=f"an earlier upload to image {image_id} has not ended")


def _mapping(disk: SnapshotDisk, taken: TakenSnapshot) -> JsonObject:
    kinds = {"source_type": "snapshot", "destination_type": "volume", "device_type": "disk"}
    return dict.fromkeys(MAPPING_KEYS) | as_json(disk) | as_json(taken) | kinds | {"volume_id": None}


snapshot_volumes = Flow(
    "server.snapshot_volumes",
    Remote(create_snapshots, undo=delete_snapshots),
    Remote(await_snapshots, patience_s=PATIENCE_S),
    Remote(describe_snapshots),
    Remote(activate_image),
)
