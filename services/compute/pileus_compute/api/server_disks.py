"""What a new server boots from, and which volumes it gets, from the block device mappings of a request."""

from dataclasses import dataclass
from typing import Any

from pileus_compute.api.schemas import truth
from pileus_compute.core.servers import VolumeWish
from pileus_kit.errors import BadRequest
from pileus_kit.peers import PeerRefused
from pileus_kit.web import caller, tools

VOLUME_VERSION = "3.44"


@dataclass(frozen=True)
class Disks:
    """`image_id` None: the volume with boot index 0 is what it boots from."""

    image_id: str | None
    volumes: tuple[VolumeWish, ...]
    image: dict[str, Any] | None = None  # of a boot volume: the properties of the image it was made from


def invalid(why: str) -> BadRequest:
    return BadRequest(why=f"Block Device Mapping is Invalid: {why}")


def parse(server: dict[str, Any], flavor_disks: tuple[int, int]) -> Disks:
    """`flavor_disks`: ephemeral GiB and swap MiB, which blank local disks may use up."""
    image_id = server.get("imageRef") or None
    v1, v2 = server.get("block_device_mapping"), server.get("block_device_mapping_v2")
    if v1 and v2:
        raise BadRequest(why="Using different block_device_mapping syntaxes is not allowed in the same request.")
    mappings = v2 if v2 else [_modern(m, i, image_id) for i, m in enumerate(v1 or [])]
    volumes, boots = [], []
    for mapping in mappings:
        if mapping.get("no_device") is not None and "no_device" in mapping and not mapping.get("source_type"):
            continue
        source, target = _kinds(mapping)
        index = _boot_index(mapping)
        if target == "local":
            if source == "image":
                if index != 0 or (image_id and mapping.get("uuid") != image_id):
                    raise invalid("Mapping image to local is not supported.")
                image_id = mapping.get("uuid")
            elif source == "blank":
                _blank_local(mapping, flavor_disks)
            else:
                raise invalid(f"Mapping {source} to local is not supported.")
            continue
        if index == 0:
            boots.append(mapping)
        volumes.append(_volume(source, mapping, index))
    if len(boots) > 1 or (boots and image_id and not _same_image(boots[0], image_id)):
        raise invalid("Boot sequence for the instance and image/block device mapping combination is not valid.")
    if boots:
        image_id = None
    elif not image_id:
        raise invalid("Boot sequence for the instance and image/block device mapping combination is not valid."
                      if mappings else "you must supply an image or a bootable volume.")
    return Disks(image_id, *_looked_up(volumes))


def _same_image(boot: dict[str, Any], image_id: str) -> bool:
    return boot.get("source_type") == "image" and boot.get("uuid") == image_id


def _modern(mapping: dict[str, Any], index: int, image_id: str | None) -> dict[str, Any]:
    """The first form knew volumes and snapshots only; without an image the first device is what boots."""
    source = "snapshot" if mapping.get("snapshot_id") else "volume"
    boots = index == 0 and not image_id
    return mapping | {"source_type": source, "destination_type": "volume", "boot_index": 0 if boots else None,
                      "uuid": mapping.get("snapshot_id") or mapping.get("volume_id")}


def _kinds(mapping: dict[str, Any]) -> tuple[str, str]:
    source = mapping.get("source_type") or ("snapshot" if mapping.get("snapshot_id") else "volume"
                                            if mapping.get("volume_id") else "image" if mapping.get("image_id") else "")
    if not source:
        raise invalid("source_type is missing.")
    default = "volume" if source in ("volume", "snapshot") else "local"
    return source, mapping.get("destination_type") or default


def _boot_index(mapping: dict[str, Any]) -> int | None:
    index = mapping.get("boot_index")
    if index is None or index == "":
        return None
    number = int(index)
    return number if number >= 0 else None


def _blank_local(mapping: dict[str, Any], flavor_disks: tuple[int, int]) -> None:
    ephemeral, swap = flavor_disks
    is_swap = mapping.get("guest_format") == "swap"
    room = -(-swap // 1024) if is_swap else ephemeral
    if int(mapping.get("volume_size") or 0) > room or not room:
        raise invalid("Local disks must not be larger than the flavor's.")


def _volume(source: str, mapping: dict[str, Any], index: int | None) -> VolumeWish:
    key = {"volume": "volume_id", "snapshot": "snapshot_id", "image": "image_id"}.get(source, "")
    source_id = mapping.get("uuid") or mapping.get(key) if key else None
    size = int(mapping["volume_size"]) if mapping.get("volume_size") else None
    if key and not source_id:
        raise invalid("Missing device UUID.")
    if source in ("blank", "image") and not size:
        raise invalid("Volume size is missing: it must be given for blank volumes and volumes made from images.")
    return VolumeWish(source, source_id, index, size, mapping.get("device_name"), mapping.get("volume_type") or None,
                      truth(mapping.get("delete_on_termination", False)), mapping.get("tag"))


def _looked_up(wishes: list[VolumeWish]) -> tuple[tuple[VolumeWish, ...], dict[str, Any] | None]:
    """Check with the user's own rights that what is named exists; sizes of snapshots; properties of the boot image."""
    found, image = [], None
    for wish in wishes:
        if wish.source == "volume":
            volume = _get(f"/volumes/{wish.source_id}", "volume")
            if volume["status"] != "available" and not volume.get("multiattach"):
                raise BadRequest(why=f"Invalid volume: volume '{wish.source_id}' status must be 'available'. "
                                     f"Currently in '{volume['status']}'")
            if wish.boot_index == 0:
                if str(volume.get("bootable", "")).lower() != "true":
                    raise BadRequest(why=f"Block Device {wish.source_id} is not bootable.")
                image = volume.get("volume_image_metadata") or {}
        elif wish.source == "snapshot":
            snapshot = _get(f"/snapshots/{wish.source_id}", "snapshot")
            wish = VolumeWish(**vars(wish) | {"size_gib": wish.size_gib or snapshot["size"]})
        found.append(wish)
    return tuple(found), image


def _get(path: str, kind: str) -> dict[str, Any]:
    who = caller()
    try:
        return tools().peers.call("volume", "GET", f"/v3/{who.project_id}{path}", caller=who,
                                  microversion=VOLUME_VERSION)[kind]
    except PeerRefused as err:
        if err.status == 404:
            raise invalid(f"failed to get {kind} {path.rpartition('/')[2]}.") from None
        raise
