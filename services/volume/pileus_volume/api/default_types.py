"""Default types (3.62): the volume type that a project gets when a request names none."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import NAME, wrapped
from pileus_volume.api.tools import tools
from pileus_volume.core import default_types
from pileus_volume.db.models import DefaultType

resource = Resource("default_types", __name__, url_prefix="/v3/default-types")

SINCE = (3, 62)
SET = {SINCE: wrapped("default_type", {"volume_type": NAME}, required=("volume_type",))}


def view(row: DefaultType) -> JsonObject:
    """The project and its default."""
    return {"project_id": row.project_id, "volume_type_id": row.type_id}


@resource.endpoint("GET", "", policy="volume_extension:default_get_all", since=SINCE)
def index() -> Answer:
    with tools().sessions.read() as session:
        return {"default_types": [view(row) for row in default_types.list_defaults(session)]}


@resource.endpoint("GET", "/<project_id>", policy="volume_extension:default_get", since=SINCE)
def show(project_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"default_type": view(default_types.find(session, project_id))}


@resource.endpoint("PUT", "/<project_id>", policy="volume_extension:default_set_or_update", body=SET, since=SINCE)
def update(project_id: str, body: JsonObject) -> Answer:
    name = body["default_type"]["volume_type"]
    with tools().sessions.begin() as session:
        return {"default_type": view(default_types.update(session, caller(), project_id, name))}


@resource.endpoint("DELETE", "/<project_id>", policy="volume_extension:default_unset", since=SINCE)
def delete(project_id: str) -> Answer:
    with tools().sessions.begin() as session:
        default_types.delete(session, project_id)
    return "", 204
