"""What a server remembers of the image that its root disk is made from, and whether the image suits its flavor."""

from collections.abc import Mapping

from pileus_compute.core import image_properties
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import JsonObject
from pileus_kit.numbers import parse_whole_number

SIDE_IMAGES = ("kernel_id", "ramdisk_id")
ATTRIBUTES = ("name", "disk_format", "container_format", "size", "virtual_size", "min_ram", "min_disk", *SIDE_IMAGES)
OF_RECORD = "of_record"
"""Among the facts of a server that boots from a volume: the image that its request named."""


def facts_of(image: Mapping[str, object]) -> JsonObject:
    """Return what a server remembers of its image. Raises BadRequest for a property value unknown to OpenStack."""
    facts = {name: image.get(name) for name in ATTRIBUTES}
    properties = image_properties.hardware_properties(image)
    image_properties.check(properties)
    facts |= properties
    if image.get("os_hash_algo") == "sha256":
        facts["sha256"] = image.get("os_hash_value")
    return {name: value for name, value in facts.items() if value is not None}


def facts_of_volume(image_metadata: Mapping[str, str]) -> JsonObject:
    """Return the same from what a volume remembers of its image, where users may have written anything as text."""
    numbers = {name: parse_whole_number(str(image_metadata.get(name) or 0)) or 0 for name in ("min_ram", "min_disk")}
    return facts_of({**image_metadata, **numbers})


def check_fits(facts: JsonObject, memory_mib: int, disk_gib: int) -> None:
    """Raise BadRequest if the image needs more memory or disk. `disk_gib` 0: the disk is as large as the image."""
    if memory_mib < (facts.get("min_ram") or 0):
        raise BadRequest(why="Flavor's memory is too small for requested image.")
    if disk_gib == 0:
        return
    needed = max(facts.get("virtual_size") or 0, facts.get("size") or 0)
    if needed > disk_gib << 30:
        raise BadRequest(
            why=f"Flavor's disk is too small for requested image. Flavor disk is {disk_gib << 30} bytes, "
            f"image is {needed} bytes."
        )
    min_disk = facts.get("min_disk") or 0
    if disk_gib < min_disk:
        raise BadRequest(
            why=f"Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk "
            f"is {disk_gib << 30} bytes, minimum size is {min_disk << 30} bytes."
        )
