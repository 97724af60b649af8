"""What a project gets when it doesn't name a type (3.62)."""

from typing import Any

from sqlalchemy import select

from pileus_kit.web import caller, tools
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import NAME, wrapped
from pileus_volume.core import types
from pileus_volume.db.models import DefaultType
from pileus_volume.errors import DefaultTypeNotFound

resource = Resource("default_types", __name__, url_prefix="/v3/default-types")
SET = {(3, 62): wrapped("default_type", {"volume_type": NAME}, required=("volume_type",))}
SINCE = (3, 62)


def view(row: DefaultType) -> dict[str, str]:
    return {"project_id": row.project_id, "volume_type_id": row.type_id}


@resource.endpoint("GET", "", policy="volume_extension:default_get_all", since=SINCE)
def index() -> Any:
    with tools().sessions.read() as session:
        rows = session.scalars(select(DefaultType).order_by(DefaultType.project_id).limit(1000))
        return {"default_types": [view(row) for row in rows]}


@resource.endpoint("GET", "/<project_id>", policy="volume_extension:default_get", since=SINCE)
def show(project_id: str) -> Any:
    with tools().sessions.read() as session:
        row = session.get(DefaultType, project_id)
    if row is None:
        raise DefaultTypeNotFound(project=project_id)
    return {"default_type": view(row)}


@resource.endpoint("PUT", "/<project_id>", policy="volume_extension:default_set_or_update", body=SET, since=SINCE)
def update(project_id: str, body: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        kind = types.choose(session, caller(), body["default_type"]["volume_type"])
        return {"default_type": view(session.merge(DefaultType(project_id=project_id, type_id=kind.id)))}


@resource.endpoint("DELETE", "/<project_id>", policy="volume_extension:default_unset", since=SINCE)
def delete(project_id: str) -> Any:
    with tools().sessions.begin() as session:
        row = session.get(DefaultType, project_id)
        if row is not None:
            session.delete(row)
    return "", 204
