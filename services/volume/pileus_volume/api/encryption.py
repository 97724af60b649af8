"""What is encrypted: nothing yet. Clients that ask before they attach a volume are told so."""

from typing import Any

from pileus_kit.web import caller, tools
from pileus_volume.api.project_paths import Resource
from pileus_volume.core import types, volumes
from pileus_volume.errors import MetadataNotFound, SpecNotFound

of_volumes = Resource("volume_encryption", __name__, url_prefix="/v3/volumes/<volume_id>/encryption")
of_types = Resource("type_encryption", __name__, url_prefix="/v3/types/<type_id>/encryption")


def metadata(volume_id: str) -> dict[str, Any]:
    with tools().sessions.read() as session:
        volumes.find(session, volume_id, caller())
    return {"encryption_key_id": None}


@of_volumes.endpoint("GET", "", policy="volume_extension:volume_encryption_metadata")
def index(volume_id: str) -> Any:
    return metadata(volume_id)


@of_volumes.endpoint("GET", "/<key>", policy="volume_extension:volume_encryption_metadata")
def show(volume_id: str, key: str) -> Any:
    known = metadata(volume_id)
    if key not in known:
        raise MetadataNotFound(kind="Volume encryption", id=volume_id, key=key[:80])
    return {key: known[key]}


@of_types.endpoint("GET", "", policy="volume_extension:volume_type_encryption:get")
def of_type(type_id: str) -> Any:
    with tools().sessions.read() as session:
        types.get(session, type_id, caller())
    return {}


@of_types.endpoint("GET", "/<key>", policy="volume_extension:volume_type_encryption:get")
def spec_of_type(type_id: str, key: str) -> Any:
    of_type(type_id)
    raise SpecNotFound(type=type_id, key=key[:80])
