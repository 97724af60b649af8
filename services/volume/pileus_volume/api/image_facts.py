"""What the image service tells about an image that the caller wants to use."""

from typing import Any

import msgspec

from pileus_kit import decoding
from pileus_kit.peers import PeerRefused
from pileus_kit.web import caller, tools
from pileus_volume.core.volumes import ImageFacts
from pileus_volume.errors import ImageNotFound, Invalid, InvalidImage

HIDDEN = frozenset(
    {  # not remembered with the volume
        "self",
        "file",
        "schema",
        "locations",
        "direct_url",
        "owner",
        "visibility",
        "protected",
        "tags",
        "created_at",
        "updated_at",
        "status",
        "id",
        "name",
        "os_hidden",
        "stores",
        "virtual_size",
        "os_hash_algo",
        "os_hash_value",
    }
)


def image_facts(image_id: str) -> ImageFacts:
    """Asked for with the caller's own token, so their rights are checked where they are known.

    A service that makes a volume for a server checked its user's rights when the user asked; it has no token of theirs.
    """
    if "/" in image_id or "?" in image_id:
        raise ImageNotFound()
    try:
        image = (
            _of_a_service(image_id)
            if "service" in caller().roles
            else tools().peers.call("image", "GET", f"/v2/images/{image_id}", caller=caller())
        )
    except PeerRefused as err:
        raise ImageNotFound() from err
    if image["status"] != "active":
        raise InvalidImage(image=image_id, why=f"it must be active, not {image['status']}")
    meta = {k: v for k, v in image.items() if k not in HIDDEN and v is not None}
    return ImageFacts(
        image_id,
        image["disk_format"],
        image.get("os_hash_algo") or "",
        image.get("os_hash_value") or "",
        image.get("size") or 0,
        image.get("virtual_size") or 0,
        image.get("min_disk") or 0,
        {"image_id": image_id, "image_name": image.get("name") or "", **meta},
    )


def _of_a_service(image_id: str) -> dict[str, Any]:
    """What comes with the right to read it, which is for services."""
    right = {"image_id": image_id, "action": "read", "seconds": 1}
    image: dict[str, Any] = tools().peers.call("image", "POST", "/v2/tickets", json=right)["image"]
    return image


def boot_snapshot(image: ImageFacts) -> str | None:
    """The snapshot that an image of a server on volumes names as what boots: such an image has no data of its own.

    Compute writes the property; any user may have. Raises Invalid if it can't be read.
    """
    text = image.meta.get("block_device_mapping")
    if not text:
        return None
    try:
        mappings = decoding.decode(text, list[dict[str, Any]])
    except (msgspec.MsgspecError, RecursionError, TypeError, UnicodeError):
        raise Invalid(why=f"block_device_mapping of image {image.id} is not what compute writes.") from None
    root = next((m for m in mappings if m.get("boot_index") in (0, "0") and m.get("source_type") == "snapshot"), {})
    found = root.get("snapshot_id")
    return found if isinstance(found, str) else None
