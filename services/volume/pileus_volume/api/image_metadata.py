"""What a bootable volume remembers of its image: compute reads it when it boots from the volume."""

from typing import Any

from pileus_kit.db import now
from pileus_kit.web import caller, tools
from pileus_volume.api.schemas import METADATA, NAME
from pileus_volume.api.volume_actions import action
from pileus_volume.core import volumes
from pileus_volume.errors import MetadataNotFound

SET = {"type": "object", "properties": {"metadata": METADATA}, "required": ["metadata"], "additionalProperties": False}
UNSET = {"type": "object", "properties": {"key": NAME}, "required": ["key"], "additionalProperties": False}


@action("os-set_image_metadata", "volume_extension:volume_image_metadata:set", SET)
def put(volume_id: str, asked: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        volume.image_meta, volume.updated_at = {**(volume.image_meta or {}), **asked["metadata"]}, now()
        return {"metadata": {k: str(v) for k, v in volume.image_meta.items()}}, 200


@action("os-show_image_metadata", "volume_extension:volume_image_metadata:show")
def show(volume_id: str, _: Any) -> Any:
    with tools().sessions.read() as session:
        meta = volumes.find(session, volume_id, caller()).image_meta or {}
    return {"metadata": {k: str(v) for k, v in meta.items()}}, 200


@action("os-unset_image_metadata", "volume_extension:volume_image_metadata:remove", UNSET)
def unset(volume_id: str, asked: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        if asked["key"] not in (volume.image_meta or {}):
            raise MetadataNotFound(kind="Volume image", id=volume_id, key=asked["key"])
        volume.image_meta = {k: v for k, v in (volume.image_meta or {}).items() if k != asked["key"]}
        volume.updated_at = now()
    return "", 200
