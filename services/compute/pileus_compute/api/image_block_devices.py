"""The block device mappings that an image defines: such an image has no data, its disks are snapshots of volumes.

They are in the image's properties, as text, where any user may have written anything; so they are held against the
same schema as those of a request.
"""

from typing import Any

import msgspec

from pileus_compute.api.schemas import TAG, obj
from pileus_compute.api.server_schemas import DISK, DISK_V1
from pileus_kit.errors import BadRequest
from pileus_kit.schema import Validator, explain, formats

Mapping = dict[str, Any]
MOST = 64  # disks of one server
TYPED = {"tag": TAG, "volume_type": {"type": "string", "maxLength": 255}}
YES = ("1", "t", "true", "on", "y", "yes")


def _check(mapping: dict[str, Any]) -> Any:
    return Validator({"type": "array", "maxItems": MOST, "items": obj(mapping)}, format_checker=formats)


CHECK, CHECK_V1 = _check(DISK | TYPED), _check(DISK_V1)


def invalid(why: str) -> BadRequest:
    return BadRequest(why=f"Block Device Mapping is Invalid: {why}")


def of(image: Mapping) -> list[Mapping]:
    """What the image defines, in the form of `block_device_mapping_v2`; nothing of an image that has data only."""
    text = image.get("block_device_mapping")
    if not text:
        return []
    about = f"block_device_mapping of image {image['id']}"
    modern = str(image.get("bdm_v2", "")).strip().lower() in YES
    found = _read(text, about)
    error = next((CHECK if modern else CHECK_V1).iter_errors(found), None)
    if error is not None:
        raise invalid(explain(error, about) if not error.absolute_path else f"{about}: {explain(error, about)}")
    if not modern:
        root = device(image.get("root_device_name")) or "vda"
        found = [of_first_form(m, device(m.get("device_name")) == root) for m in found]
    if any(source_of(m) == "image" and m.get("destination_type") != "volume" for m in found):
        raise invalid(f"{about}: a local disk can't be made from another image.")
    return found


def _read(text: Any, about: str) -> list[Any]:
    """The list; its mappings without what is null in them: other clouds write every name that they know."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError, TypeError):
        raise invalid(f"{about} is not JSON.") from None
    if not isinstance(found, list):
        raise invalid(f"{about} must be a list.")
    return [{k: v for k, v in m.items() if v is not None} if isinstance(m, dict) else m for m in found]


def of_first_form(mapping: Mapping, boots: bool) -> Mapping:
    """The first form knew volumes and snapshots only."""
    source = "snapshot" if mapping.get("snapshot_id") else "volume"
    return mapping | {
        "source_type": source,
        "destination_type": "volume",
        "boot_index": 0 if boots else None,
        "uuid": mapping.get("snapshot_id") or mapping.get("volume_id"),
    }


def merged(defined: list[Mapping], asked: list[Mapping]) -> list[Mapping]:
    """What the image defines and what the request asks for: the request's wins where both name one device or one place
    in the boot order. A root disk made from the image itself is no wish against the root that the image defines."""
    if root_of(defined):
        asked = [m for m in asked if not (boot_index(m) == 0 and source_of(m) == "image")]
    devices = {device(m.get("device_name")) for m in asked} - {""}
    places = {boot_index(m) for m in asked} - {None}
    return asked + [m for m in defined if device(m.get("device_name")) not in devices and boot_index(m) not in places]


def root_of(mappings: list[Mapping]) -> Mapping | None:
    return next((m for m in mappings if boot_index(m) == 0), None)


def source_of(mapping: Mapping) -> str:
    """What fills the disk: as it says, or as the one id that it names says."""
    named = next((kind for kind in ("snapshot", "volume", "image") if mapping.get(f"{kind}_id")), "")
    return mapping.get("source_type") or named


def boot_index(mapping: Mapping) -> int | None:
    index = mapping.get("boot_index")
    if index is None or index == "":
        return None
    number = int(index)
    return number if number >= 0 else None


def device(name: Any) -> str:
    return str(name or "").removeprefix("/dev/")


def require_data(image: Mapping) -> dict[str, Any]:
    """The image, if a disk can be filled from it."""
    if root_of(of(image)):
        raise BadRequest(why=f"Image {image['id']} has no data: it boots from snapshots of volumes.")
    return image
