"""Parses the block device mappings of a request, in either of their two forms, and those that an image defines.

An image has them as text among its properties, where any user may have written anything, so they are checked against
the same schema as those of a request.
"""

from collections.abc import Sequence

import msgspec
from oslo_utils import strutils

from pileus_compute.api.schemas.servers import DISK, DISK_V1
from pileus_compute.api.schemas.types import TAG, is_true, obj
from pileus_compute.core.block_devices import MAX_DEVICES, SOURCES_WITH_ID, BlockDevice, invalid, root_of
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import JsonObject
from pileus_kit.schema import Validator, explain, formats

TYPED = {"tag": TAG, "volume_type": {"type": "string", "maxLength": 255}}
DEFAULT_ROOT = "vda"


def _validator(device: JsonObject) -> Validator:
    return Validator({"type": "array", "maxItems": MAX_DEVICES, "items": obj(device)}, format_checker=formats)


V2, V1 = _validator(DISK | TYPED), _validator(DISK_V1)


def of_request(server: JsonObject) -> tuple[BlockDevice, ...]:
    """Return the devices that the body of `POST /servers` asks for.

    In the first form, the first device is the one to boot from if the request names no image.
    """
    first, second = server.get("block_device_mapping"), server.get("block_device_mapping_v2")
    if first and second:
        raise BadRequest(why="Using different block_device_mapping syntaxes is not allowed in the same request.")
    if second:
        return tuple(_of_second_form(mapping) for mapping in second)
    boots = not server.get("imageRef")
    return tuple(_of_first_form(mapping, boots and i == 0) for i, mapping in enumerate(first or ()))


def of_image(image: JsonObject) -> tuple[BlockDevice, ...]:
    """Return the devices that the image defines; none if it has data only."""
    text = image.get("block_device_mapping")
    if not text:
        return ()
    about = f"block_device_mapping of image {image['id']}"
    is_second_form = strutils.bool_from_string(str(image.get("bdm_v2", "")))
    mappings = _decode(text, about)
    error = next((V2 if is_second_form else V1).iter_errors(mappings), None)
    if error is not None:
        raise invalid(explain(error, about) if not error.absolute_path else f"{about}: {explain(error, about)}")
    if is_second_form:
        devices = tuple(_of_second_form(mapping) for mapping in mappings)
    else:
        root = _short(image.get("root_device_name")) or DEFAULT_ROOT
        devices = tuple(_of_first_form(mapping, _short(mapping.get("device_name")) == root) for mapping in mappings)
    if any(d.source == "image" and d.local for d in devices):
        raise invalid(f"{about}: a local disk can't be made from another image.")
    return devices


def require_data(image: JsonObject) -> JsonObject:
    """Return the image if a disk can be filled from it. Raises BadRequest."""
    if root_of(of_image(image)):
        raise BadRequest(why=f"Image {image['id']} has no data: it boots from snapshots of volumes.")
    return image


def _decode(text: object, about: str) -> Sequence[JsonObject]:
    """Return the mappings without what is null in them: other clouds write every name that they know."""
    try:
        found = msgspec.json.decode(text)  # type: ignore[call-overload]
    except (msgspec.DecodeError, UnicodeError, RecursionError, TypeError):
        raise invalid(f"{about} is not JSON.") from None
    if not isinstance(found, list):
        raise invalid(f"{about} must be a list.")
    return [{k: v for k, v in m.items() if v is not None} if isinstance(m, dict) else m for m in found]


def _of_first_form(mapping: JsonObject, boots: bool) -> BlockDevice:
    """Return the device of a mapping in the first form, which knew volumes and snapshots only."""
    return _device(
        mapping,
        source="snapshot" if mapping.get("snapshot_id") else "volume",
        source_id=mapping.get("snapshot_id") or mapping.get("volume_id"),
        boot_index=0 if boots else None,
    )


def _of_second_form(mapping: JsonObject) -> BlockDevice:
    named = next((kind for kind in ("snapshot", "volume", "image") if mapping.get(f"{kind}_id")), "")
    source = mapping.get("source_type") or named
    destination = mapping.get("destination_type") or ("volume" if source in ("volume", "snapshot") else "local")
    return _device(
        mapping,
        source=source,
        source_id=mapping.get("uuid") or mapping.get(f"{source}_id") if source in SOURCES_WITH_ID else None,
        boot_index=_boot_index(mapping.get("boot_index")),
        local=destination == "local",
        removed=mapping.get("no_device") is not None and not mapping.get("source_type"),
    )


def _device(
    mapping: JsonObject,
    *,
    source: str,
    source_id: str | None,
    boot_index: int | None,
    local: bool = False,
    removed: bool = False,
) -> BlockDevice:
    return BlockDevice(
        source=source,
        source_id=source_id,
        boot_index=boot_index,
        local=local,
        swap=mapping.get("guest_format") == "swap",
        size_gib=int(mapping["volume_size"]) if mapping.get("volume_size") else None,
        device=mapping.get("device_name"),
        volume_type=mapping.get("volume_type") or None,
        delete_on_termination=is_true(mapping.get("delete_on_termination", False)),
        tag=mapping.get("tag"),
        removed=removed,
    )


def _boot_index(given: str | int | None) -> int | None:
    if given is None or given == "":
        return None
    return int(given) if int(given) >= 0 else None


def _short(name: object) -> str:
    return str(name or "").removeprefix("/dev/")
