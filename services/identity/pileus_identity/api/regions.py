"""/v3/regions."""

from typing import Any

from pileus_identity.api.views import TEXT, View, asked, link, listed, wrapped
from pileus_identity.core import regions
from pileus_identity.db.models import Region
from pileus_identity.errors import Invalid
from pileus_kit.web import Resource, tools

resource = Resource("regions", __name__, url_prefix="/v3/regions")

REGION_ID = {"type": "string", "maxLength": 255}
PROPERTIES = {"id": REGION_ID, "description": TEXT, "parent_region_id": REGION_ID | {"type": ["string", "null"]}}
BODY = wrapped("region", PROPERTIES)


@resource.endpoint("POST", "", policy="identity:create_region", body=BODY)
def create(body: View) -> Any:
    with tools().change() as session:
        return {"region": show(regions.create(session, body["region"]))}, 201


@resource.endpoint("PUT", "/<region_id>", policy="identity:create_region", body=BODY)
def create_named(region_id: str, body: View) -> Any:
    if body["region"].get("id", region_id) != region_id:
        raise Invalid(why="The region's id in the body is not the one in the URL.")
    with tools().change() as session:
        return {"region": show(regions.create(session, {**body["region"], "id": region_id}))}, 201


@resource.endpoint("GET", "", policy="identity:list_regions")
def list_all() -> Any:
    return listed(regions.find(asked()), Region, "regions", show)


@resource.endpoint("GET", "/<region_id>", policy="identity:get_region")
def show_one(region_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"region": show(regions.get(session, region_id))}


@resource.endpoint("PATCH", "/<region_id>", policy="identity:update_region", body=BODY)
def update(region_id: str, body: View) -> Any:
    with tools().change() as session:
        region = regions.get(session, region_id)
        regions.change(session, region, body["region"])
        return {"region": show(region)}


@resource.endpoint("DELETE", "/<region_id>", policy="identity:delete_region")
def delete(region_id: str) -> Any:
    with tools().change() as session:
        regions.remove(session, regions.get(session, region_id))
    return "", 204


def show(region: Region) -> View:
    return {
        **region.extra,
        "id": region.id,
        "description": region.description,
        "parent_region_id": region.parent_id,
        "links": link("regions", region.id),
    }
