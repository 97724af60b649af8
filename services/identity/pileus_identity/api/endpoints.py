"""/v3/endpoints: the endpoints of the catalog, as administrators manage them."""

from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.schemas import FLAG, ID, INTERFACE, REGION_OR_NULL, TEXT, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import endpoints
from pileus_identity.db.models import Endpoint
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("endpoints", __name__, url_prefix="/v3/endpoints")

PROPERTIES: JsonObject = {
    "interface": INTERFACE,
    "service_id": ID,
    "region": REGION_OR_NULL,
    "region_id": REGION_OR_NULL,
    "url": {"type": "string", "minLength": 1, "maxLength": 2048, "pattern": "^[a-zA-Z][a-zA-Z0-9+.-]*://"},
    "enabled": FLAG,
    "name": {"type": "string", "maxLength": 255},
    "description": TEXT,
}
CREATE = wrapped("endpoint", PROPERTIES, ["interface", "service_id", "url"])
UPDATE = wrapped("endpoint", PROPERTIES)


@resource.endpoint("POST", "", policy="identity:create_endpoint", body=CREATE)
def create(body: JsonObject) -> Answer:
    with tools().change() as session:
        return {"endpoint": endpoint_view(endpoints.create(session, body["endpoint"]))}, 201


@resource.endpoint("GET", "", policy="identity:list_endpoints")
def index() -> Answer:
    with tools().sessions.read() as session:
        return list_view("endpoints", endpoints.list_page(session, list_query()), endpoint_view)


@resource.endpoint("GET", "/<endpoint_id>", policy="identity:get_endpoint")
def show(endpoint_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"endpoint": endpoint_view(endpoints.find(session, endpoint_id))}


@resource.endpoint("PATCH", "/<endpoint_id>", policy="identity:update_endpoint", body=UPDATE)
def update(endpoint_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        endpoint = endpoints.find(session, endpoint_id)
        endpoints.update(session, endpoint, body["endpoint"])
        return {"endpoint": endpoint_view(endpoint)}


@resource.endpoint("DELETE", "/<endpoint_id>", policy="identity:delete_endpoint")
def delete(endpoint_id: str) -> Answer:
    with tools().change() as session:
        endpoints.delete(session, endpoints.find(session, endpoint_id))
    return "", 204


def endpoint_view(endpoint: Endpoint) -> JsonObject:
    """An endpoint as the API shows it."""
    return {
        **endpoint.extra,
        "id": endpoint.id,
        "interface": endpoint.interface,
        "service_id": endpoint.service_id,
        "region": endpoint.region_id,
        "region_id": endpoint.region_id,
        "url": endpoint.url,
        "enabled": endpoint.enabled,
        "links": self_link("endpoints", endpoint.id),
    }
