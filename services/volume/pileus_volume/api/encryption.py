"""Encryption of volumes and types: nothing is encrypted here, which clients ask before they attach a volume."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.tools import tools
from pileus_volume.core import types, volumes
from pileus_volume.errors import MetadataNotFound, SpecNotFound

of_volumes = Resource("volume_encryption", __name__, url_prefix="/v3/volumes/<volume_id>/encryption")
of_types = Resource("type_encryption", __name__, url_prefix="/v3/types/<type_id>/encryption")


def _metadata(volume_id: str) -> JsonObject:
    with tools().sessions.read() as session:
        volumes.find(session, volume_id, caller())
    return {"encryption_key_id": None}


@of_volumes.endpoint("GET", "", policy="volume_extension:volume_encryption_metadata")
def index(volume_id: str) -> Answer:
    return _metadata(volume_id)


@of_volumes.endpoint("GET", "/<key>", policy="volume_extension:volume_encryption_metadata")
def show(volume_id: str, key: str) -> Answer:
    metadata = _metadata(volume_id)
    if key not in metadata:
        raise MetadataNotFound(kind="Volume encryption", id=volume_id, key=key[:80])
    return {key: metadata[key]}


@of_types.endpoint("GET", "", policy="volume_extension:volume_type_encryption:get")
def index_type(type_id: str) -> Answer:
    with tools().sessions.read() as session:
        types.find(session, type_id, caller())
    return {}


@of_types.endpoint("GET", "/<key>", policy="volume_extension:volume_type_encryption:get")
def show_type(type_id: str, key: str) -> Answer:
    index_type(type_id)
    raise SpecNotFound(type=type_id, key=key[:80])
