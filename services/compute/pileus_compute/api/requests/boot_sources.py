"""Finds the image, volumes and snapshots that a request names, with the rights of the user who names them.

What is made of them later is made with this service's own rights, which see everything.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from pileus_compute.api.requests import block_devices
from pileus_compute.api.tools import tools
from pileus_compute.clients import image as image_client
from pileus_compute.clients import volume as volume_client
from pileus_compute.clients.volume import Snapshot, Volume
from pileus_compute.core import block_devices as rules
from pileus_compute.core import boot_images
from pileus_compute.core.block_devices import BlockDevice, BootSource, invalid
from pileus_compute.errors import MultiattachNotSupportedOldMicroversion
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import JsonObject
from pileus_kit.peers import PeerRefused
from pileus_kit.web import caller, version

MULTIATTACH = (2, 60)
"""Since when the API knows volumes that several servers share."""


def find(image_id: str | None, requested: Sequence[BlockDevice]) -> BootSource:
    """Return what a new server is made from. Raises BadRequest for what doesn't exist or can't be used."""
    root = rules.root_of(requested)
    named = image_id or (root.source_id if root and root.source == "image" else None)
    image = find_image(named) if named else None
    defined = block_devices.of_image(image) if image else ()
    plan = rules.plan(rules.merge(defined, requested), None if rules.root_of(defined) else image_id)
    facts = boot_images.facts_of(image) if image else None
    volumes = []
    for device in plan.volumes:
        if device.source == "volume":
            volume = _find_volume(device, boots_alone=image is None)
            if device.is_root and facts is None:
                facts = _facts_of_volume(volume)
        elif device.source == "snapshot":
            device = _with_size(device, _find_snapshot(device))
        elif device.source == "image":
            same = image is not None and image["id"] == device.source_id
            block_devices.require_data(image if same and image else find_image(str(device.source_id)))
        volumes.append(device)
    facts = facts or {}
    if plan.image_id is None and image_id:
        facts[boot_images.OF_RECORD] = image_id
    return BootSource(plan.image_id, tuple(volumes), plan.local_disks, facts, from_image=image is not None)


# -- images --------------------------------------------------------------------------------------------------------


def find_image(image_id: str) -> JsonObject:
    """Return an image that the user may boot from. Raises BadRequest.

    The kernel and ramdisk that it names must be there for this user, too.
    """
    image = _find_active(image_id)
    for key in boot_images.SIDE_IMAGES:
        if image.get(key):
            _find_active(str(image[key]))
    return image


def _find_active(image_id: str) -> JsonObject:
    if not is_uuid(image_id):
        raise BadRequest(why=f"Image {image_id[:255]} could not be found.")
    try:
        image = image_client.show_image(tools().peers, image_id, caller())
    except PeerRefused as err:
        if err.status in (403, 404):
            raise BadRequest(why=f"Image {image_id} could not be found.") from None
        raise
    if image["status"] != "active":
        raise BadRequest(why=f"Image {image_id} is not active.")
    return image


def is_uuid(text: str) -> bool:
    """Return whether it is a UUID in the usual spelling: any other text could lead elsewhere in an address."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


# -- volumes and snapshots -----------------------------------------------------------------------------------------


def _find_volume(device: BlockDevice, boots_alone: bool) -> Volume:
    """Return a volume that exists. One to boot from must be bootable, unless an image is named too, as in Nova."""
    volume_id = _checked_id("volume", device)
    try:
        volume = volume_client.show_volume(tools().peers, caller().project_id or "", volume_id, caller())
    except PeerRefused as err:
        raise _refusal("volume", device, err) from None
    if volume.multiattach and version() < MULTIATTACH:
        raise MultiattachNotSupportedOldMicroversion()
    if volume.status != "available" and not volume.multiattach:
        raise BadRequest(
            why=f"Invalid volume: volume '{volume_id}' status must be 'available'. Currently in '{volume.status}'"
        )
    if boots_alone and device.is_root and not volume.bootable:
        raise BadRequest(why=f"Block Device {volume_id} is not bootable.")
    return volume


def _find_snapshot(device: BlockDevice) -> Snapshot:
    snapshot_id = _checked_id("snapshot", device)
    try:
        return volume_client.show_snapshot(tools().peers, caller().project_id or "", snapshot_id, caller())
    except PeerRefused as err:
        raise _refusal("snapshot", device, err) from None


def _checked_id(kind: str, device: BlockDevice) -> str:
    if not device.source_id or not is_uuid(device.source_id):
        raise invalid(f"failed to get {kind} {device.source_id}.")
    return device.source_id


def _refusal(kind: str, device: BlockDevice, err: PeerRefused) -> Exception:
    return invalid(f"failed to get {kind} {device.source_id}.") if err.status == 404 else err


def _with_size(device: BlockDevice, snapshot: Snapshot) -> BlockDevice:
    rules.check_snapshot(device, snapshot.status, snapshot.size_gib)
    return replace(device, size_gib=device.size_gib or snapshot.size_gib)


def _facts_of_volume(volume: Volume) -> JsonObject:
    for key in boot_images.SIDE_IMAGES:
        if volume.image_metadata.get(key):
            _find_active(str(volume.image_metadata[key]))
    return boot_images.facts_of_volume(volume.image_metadata)
