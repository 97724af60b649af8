"""The images that a request names, as the user sees them, and what a server remembers of one."""

from typing import Any
from uuid import UUID

from pileus_compute.clients import image
from pileus_compute.core import image_properties
from pileus_kit.errors import BadRequest
from pileus_kit.numbers import parse_whole_number
from pileus_kit.peers import PeerRefused
from pileus_kit.web import caller, tools

SIDE = ("kernel_id", "ramdisk_id")
OF_RECORD = "of_record"  # among the facts of a server that boots from a volume: the image that its request named


def image_for(image_id: str) -> dict[str, Any]:
    """The image, asked for with the user's own rights: what is made of it later is made with ours, which see all.

    Raises BadRequest if it, or the kernel or ramdisk that it names, isn't there for this user or can't be used.
    """
    found = _active(image_id)
    for key in SIDE:
        if found.get(key):
            _active(str(found[key]))
    return found


def _active(image_id: str) -> dict[str, Any]:
    if not is_uuid(image_id):
        raise BadRequest(why=f"Image {image_id[:255]} could not be found.")
    try:
        found = image.show_image(tools().peers, image_id, caller())
    except PeerRefused as err:
        if err.status in (403, 404):
            raise BadRequest(why=f"Image {image_id} could not be found.") from None
        raise
    if found["status"] != "active":
        raise BadRequest(why=f"Image {image_id} is not active.")
    return found


def is_uuid(text: str) -> bool:
    """Whether it is one in the usual spelling: anything else would be a path of its own in an address."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def check_fits(image: dict[str, Any], memory_mib: int, disk_gib: int) -> None:
    if memory_mib < (image.get("min_ram") or 0):
        raise BadRequest(why="Flavor's memory is too small for requested image.")
    if disk_gib == 0:
        return
    needed = max(image.get("virtual_size") or 0, image.get("size") or 0)
    if needed > disk_gib << 30:
        raise BadRequest(
            why=f"Flavor's disk is too small for requested image. Flavor disk is {disk_gib << 30} bytes, "
            f"image is {needed} bytes."
        )
    if disk_gib < (image.get("min_disk") or 0):
        raise BadRequest(
            why=f"Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk "
            f"is {disk_gib << 30} bytes, minimum size is {image['min_disk'] << 30} bytes."
        )


def kept(image: dict[str, Any]) -> dict[str, Any]:
    """What a server remembers of its image: what its disks and its guest are made from. Raises BadRequest for a value
    of a property that OpenStack doesn't know."""
    facts = {
        k: image.get(k)
        for k in ("name", "disk_format", "container_format", "size", "virtual_size", "min_ram", "min_disk", *SIDE)
    }
    properties = image_properties.wishes(image)
    image_properties.check(properties)
    facts |= properties
    if image.get("os_hash_algo") == "sha256":
        facts["sha256"] = image.get("os_hash_value")
    return {k: v for k, v in facts.items() if v is not None}


def kept_of_volume(meta: dict[str, Any]) -> dict[str, Any]:
    """The same of what a volume remembers of its image. There users may have written anything, in texts."""
    for key in SIDE:
        if meta.get(key):
            _active(str(meta[key]))
    needs = {key: parse_whole_number(str(meta.get(key) or 0)) or 0 for key in ("min_ram", "min_disk")}
    return kept(meta | needs)
