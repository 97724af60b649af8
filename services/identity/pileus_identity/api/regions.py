"""/v3/regions."""

from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.schemas import REGION_OR_NULL, TEXT, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import regions
from pileus_identity.db.models import Region
from pileus_identity.errors import ValidationFailed
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("regions", __name__, url_prefix="/v3/regions")

BODY = wrapped(
    "region",
    {"id": {"type": "string", "maxLength": 255}, "description": TEXT, "parent_region_id": REGION_OR_NULL},
)


@resource.endpoint("POST", "", policy="identity:create_region", body=BODY)
def create(body: JsonObject) -> Answer:
    with tools().change() as session:
        return {"region": region_view(regions.create(session, body["region"]))}, 201


@resource.endpoint("PUT", "/<region_id>", policy="identity:create_region", body=BODY)
def create_with_id(region_id: str, body: JsonObject) -> Answer:
    if body["region"].get("id", region_id) != region_id:
        raise ValidationFailed(why="The region's id in the body is not the one in the URL.")
    with tools().change() as session:
        return {"region": region_view(regions.create(session, {**body["region"], "id": region_id}))}, 201


@resource.endpoint("GET", "", policy="identity:list_regions")
def index() -> Answer:
    with tools().sessions.read() as session:
        return list_view("regions", regions.list_page(session, list_query()), region_view)


@resource.endpoint("GET", "/<region_id>", policy="identity:get_region")
def show(region_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"region": region_view(regions.find(session, region_id))}


@resource.endpoint("PATCH", "/<region_id>", policy="identity:update_region", body=BODY)
def update(region_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        region = regions.find(session, region_id)
        regions.update(session, region, body["region"])
        return {"region": region_view(region)}


@resource.endpoint("DELETE", "/<region_id>", policy="identity:delete_region")
def delete(region_id: str) -> Answer:
    with tools().change() as session:
        regions.delete(session, regions.find(session, region_id))
    return "", 204


def region_view(region: Region) -> JsonObject:
    """A region as the API shows it."""
    return {
        **region.extra,
        "id": region.id,
        "description": region.description,
        "parent_region_id": region.parent_id,
        "links": self_link("regions", region.id),
    }
