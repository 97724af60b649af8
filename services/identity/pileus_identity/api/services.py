"""/v3/services: the services of the catalog, as administrators manage them."""

from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.schemas import FLAG, NAME, TEXT, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import services
from pileus_identity.db.models import Service
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("services", __name__, url_prefix="/v3/services")

PROPERTIES = {"type": NAME, "name": {"type": "string", "maxLength": 255}, "description": TEXT, "enabled": FLAG}
CREATE = wrapped("service", PROPERTIES, ["type"])
UPDATE = wrapped("service", PROPERTIES)


@resource.endpoint("POST", "", policy="identity:create_service", body=CREATE)
def create(body: JsonObject) -> Answer:
    with tools().change() as session:
        return {"service": service_view(services.create(session, body["service"]))}, 201


@resource.endpoint("GET", "", policy="identity:list_services")
def index() -> Answer:
    with tools().sessions.read() as session:
        return list_view("services", services.list_page(session, list_query()), service_view)


@resource.endpoint("GET", "/<service_id>", policy="identity:get_service")
def show(service_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"service": service_view(services.find(session, service_id))}


@resource.endpoint("PATCH", "/<service_id>", policy="identity:update_service", body=UPDATE)
def update(service_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        service = services.find(session, service_id)
        services.update(session, service, body["service"])
        return {"service": service_view(service)}


@resource.endpoint("DELETE", "/<service_id>", policy="identity:delete_service")
def delete(service_id: str) -> Answer:
    with tools().change() as session:
        services.delete(session, services.find(session, service_id))
    return "", 204


def service_view(service: Service) -> JsonObject:
    """A service as the API shows it."""
    view: JsonObject = {
        **service.extra,
        "id": service.id,
        "type": service.type,
        "name": service.name,
        "enabled": service.enabled,
        "links": self_link("services", service.id),
    }
    return view if service.description is None else view | {"description": service.description}
