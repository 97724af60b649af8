"""What a new server boots from, and which volumes it gets: from the block device mappings of request and image."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pileus_compute.api import image_block_devices
from pileus_compute.api.boot_images import OF_RECORD, image_for, is_uuid, kept, kept_of_volume
from pileus_compute.api.image_block_devices import MOST, Mapping, boot_index, invalid, source_of
from pileus_compute.api.schemas import truth
from pileus_compute.clients import volume
from pileus_compute.clients.volume import Snapshot, Volume
from pileus_compute.core.servers import BlockDevice
from pileus_compute.errors import MultiattachNotSupportedOldMicroversion
from pileus_kit.auth import Caller
from pileus_kit.errors import BadRequest
from pileus_kit.peers import PeerRefused, Peers
from pileus_kit.web import caller, tools, version

T = TypeVar("T")
LONGEST_DEVICE = 64
MULTIATTACH = (2, 60)  # since when the API knows of volumes that several servers share


@dataclass(frozen=True)
class Disks:
    """`image_id` None: the volume with boot index 0 is what it boots from."""

    image_id: str | None
    volumes: tuple[BlockDevice, ...]
    image: dict[str, Any] | None  # that it is made from, as the image service shows it
    facts: dict[str, Any]  # what the server remembers of the image that its root disk was made from, in whatever way

    @property
    def root_gib(self) -> int:
        """Of the volume that it boots from; 0 if there is none, or one that exists."""
        return next((v.size_gib or 0 for v in self.volumes if v.boot_index == 0), 0)


def parse(server: dict[str, Any], flavor_disks: tuple[int, int]) -> Disks:
    """`flavor_disks`: ephemeral GiB and swap MiB, which blank local disks may use up."""
    image_id = server.get("imageRef") or None
    mappings = _asked(server, image_id)
    named = image_id or _root_image(mappings)
    image = image_for(named) if named else None
    defined = image_block_devices.of(image) if image else []
    if image_block_devices.root_of(defined):
        image_id = None
    mappings = [m for m in image_block_devices.merged(defined, mappings) if not _left_out(m)]
    if len(mappings) > MOST:
        raise invalid(f"A server has at most {MOST} disks.")
    image_id, wishes = _sorted_out(mappings, image_id, flavor_disks)
    volumes, facts = _looked_up(wishes, image)
    if image_id is None and server.get("imageRef"):
        facts[OF_RECORD] = server["imageRef"]
    return Disks(image_id, volumes, image, facts)


def _asked(server: dict[str, Any], image_id: str | None) -> list[Mapping]:
    """Without an image the first device of the first form is what boots."""
    v1, v2 = server.get("block_device_mapping"), server.get("block_device_mapping_v2")
    if v1 and v2:
        raise BadRequest(why="Using different block_device_mapping syntaxes is not allowed in the same request.")
    return v2 or [image_block_devices.of_first_form(m, i == 0 and not image_id) for i, m in enumerate(v1 or [])]


def _root_image(mappings: list[Mapping]) -> str | None:
    return next(
        (m.get("uuid") or m.get("image_id") for m in mappings if boot_index(m) == 0 and source_of(m) == "image"), None
    )


def _left_out(mapping: Mapping) -> bool:
    return mapping.get("no_device") is not None and not mapping.get("source_type")


def _sorted_out(
    mappings: list[Mapping], image_id: str | None, flavor_disks: tuple[int, int]
) -> tuple[str | None, list[BlockDevice]]:
    """The image of a local root disk, and the volumes. One to boot from goes before the request's image."""
    volumes, boots, local = [], [], False
    for mapping in mappings:
        source, target = _kinds(mapping)
        index = boot_index(mapping)
        if target == "local":
            if source == "image":
                if index != 0 or (image_id and mapping.get("uuid") != image_id):
                    raise invalid("Mapping image to local is not supported.")
                image_id, local = mapping.get("uuid"), True
            elif source == "blank":
                _blank_local(mapping, flavor_disks)
            else:
                raise invalid(f"Mapping {source} to local is not supported.")
            continue
        if index == 0:
            boots.append(mapping)
        volumes.append(_volume(source, mapping, index))
    if len(boots) > 1 or (boots and local):
        raise invalid("Boot sequence for the instance and image/block device mapping combination is not valid.")
    if not boots and not image_id:
        raise invalid(
            "Boot sequence for the instance and image/block device mapping combination is not valid."
            if mappings
            else "you must supply an image or a bootable volume."
        )
    return None if boots else image_id, volumes


def _kinds(mapping: Mapping) -> tuple[str, str]:
    source = source_of(mapping)
    if not source:
        raise invalid("source_type is missing.")
    default = "volume" if source in ("volume", "snapshot") else "local"
    return source, mapping.get("destination_type") or default


def _blank_local(mapping: Mapping, flavor_disks: tuple[int, int]) -> None:
    ephemeral, swap = flavor_disks
    is_swap = mapping.get("guest_format") == "swap"
    room = -(-swap // 1024) if is_swap else ephemeral
    if int(mapping.get("volume_size") or 0) > room or not room:
        raise invalid("Local disks must not be larger than the flavor's.")


def _volume(source: str, mapping: Mapping, index: int | None) -> BlockDevice:
    key = {"volume": "volume_id", "snapshot": "snapshot_id", "image": "image_id"}.get(source, "")
    source_id = mapping.get("uuid") or mapping.get(key) if key else None
    size = int(mapping["volume_size"]) if mapping.get("volume_size") else None
    if key and not source_id:
        raise invalid("Missing device UUID.")
    if source in ("blank", "image") and not size:
        raise invalid("Volume size is missing: it must be given for blank volumes and volumes made from images.")
    name = mapping.get("device_name")
    if name and len(name) > LONGEST_DEVICE:
        raise invalid(f"A device name has at most {LONGEST_DEVICE} characters.")
    return BlockDevice(
        source,
        source_id,
        index,
        size,
        name,
        mapping.get("volume_type") or None,
        truth(mapping.get("delete_on_termination", False)),
        mapping.get("tag"),
    )


def _looked_up(
    wishes: list[BlockDevice], image: dict[str, Any] | None
) -> tuple[tuple[BlockDevice, ...], dict[str, Any]]:
    """Check with the user's own rights that what is named exists, for volumes are made with ours; fill in sizes."""
    found, facts = [], kept(image) if image else None
    for wish in wishes:
        if wish.source == "volume":
            named = _named_volume(wish, boots_alone=image is None)
            if wish.boot_index == 0 and facts is None:
                facts = kept_of_volume(dict(named.image_metadata))
        elif wish.source == "snapshot":
            wish = _sized(wish, _find(volume.show_snapshot, "snapshot", wish.source_id))
        elif wish.source == "image":
            same = image is not None and image["id"] == wish.source_id
            image_block_devices.require_data(image if same and image else image_for(str(wish.source_id)))
        found.append(wish)
    return tuple(found), facts or {}


def _named_volume(wish: BlockDevice, boots_alone: bool) -> Volume:
    """A volume that a server boots from must be bootable, unless the request names an image beside it, as in Nova."""
    named = _find(volume.show_volume, "volume", wish.source_id)
    if named.multiattach and version() < MULTIATTACH:
        raise MultiattachNotSupportedOldMicroversion()
    if named.status != "available" and not named.multiattach:
        raise BadRequest(
            why=f"Invalid volume: volume '{wish.source_id}' status must be 'available'. Currently in '{named.status}'"
        )
    if boots_alone and wish.boot_index == 0 and not named.bootable:
        raise BadRequest(why=f"Block Device {wish.source_id} is not bootable.")
    return named


def _sized(wish: BlockDevice, snapshot: Snapshot) -> BlockDevice:
    least = snapshot.size_gib
    if snapshot.status != "available":
        raise invalid(f"snapshot {wish.source_id} must be available, and is {snapshot.status}.")
    if wish.size_gib is not None and wish.size_gib < least:
        raise invalid(f"snapshot {wish.source_id} has {least} GiB, and a volume of {wish.size_gib} GiB was asked for.")
    return replace(wish, size_gib=wish.size_gib or least)


def _find(show: Callable[[Peers, str, str, Caller], T], kind: str, item_id: str | None) -> T:
    """What the request names, as the user sees it."""
    if not item_id or not is_uuid(item_id):
        raise invalid(f"failed to get {kind} {item_id}.")
    try:
        return show(tools().peers, str(caller().project_id), item_id, caller())
    except PeerRefused as err:
        if err.status == 404:
            raise invalid(f"failed to get {kind} {item_id}.") from None
        raise
