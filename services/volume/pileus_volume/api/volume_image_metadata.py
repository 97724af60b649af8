"""Image metadata of volumes: what a bootable volume keeps of its image, which compute reads when it boots from it."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller
from pileus_volume.api.actions import NO_ARGUMENTS
from pileus_volume.api.schemas import METADATA, NAME, only
from pileus_volume.api.tools import tools
from pileus_volume.api.volume_actions import actions
from pileus_volume.core import volume_actions, volumes


@actions.action(
    "os-set_image_metadata",
    policy="volume_extension:volume_image_metadata:set",
    schema=only(("metadata",), metadata=METADATA),
)
def set_metadata(volume_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        metadata = volume_actions.set_image_metadata(volume, asked["metadata"])
        return {"metadata": {key: str(value) for key, value in metadata.items()}}, 200


@actions.action("os-show_image_metadata", policy="volume_extension:volume_image_metadata:show", schema=NO_ARGUMENTS)
def show_metadata(volume_id: str, _: object) -> Answer:
    with tools().sessions.read() as session:
        metadata = volumes.find(session, volume_id, caller()).image_meta or {}
    return {"metadata": {key: str(value) for key, value in metadata.items()}}, 200


@actions.action(
    "os-unset_image_metadata",
    policy="volume_extension:volume_image_metadata:remove",
    schema=only(("key",), key=NAME),
)
def unset_metadata(volume_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        volume_actions.unset_image_metadata(volumes.find(session, volume_id, caller()), asked["key"])
    return "", 200
