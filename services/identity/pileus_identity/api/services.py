"""/v3/services and /v3/endpoints: the catalogue, as administrators write it."""

from typing import Any

from pileus_identity.api.views import FLAG, ID, NAME, TEXT, View, asked, link, listed, wrapped
from pileus_identity.core import services
from pileus_identity.db.models import Endpoint, Service
from pileus_kit.web import Resource, tools

resource = Resource("services", __name__, url_prefix="/v3")

SERVICE = {"type": NAME, "name": {"type": "string", "maxLength": 255}, "description": TEXT, "enabled": FLAG}
REGION = {"type": ["string", "null"], "maxLength": 255}
ENDPOINT = {
    "interface": {"enum": ["public", "internal", "admin"]},
    "service_id": ID,
    "region": REGION,
    "region_id": REGION,
    "url": {"type": "string", "minLength": 1, "maxLength": 2048, "pattern": "^[a-zA-Z][a-zA-Z0-9+.-]*://"},
    "enabled": FLAG,
    "name": {"type": "string", "maxLength": 255},
    "description": TEXT,
}


@resource.endpoint("POST", "/services", policy="identity:create_service", body=wrapped("service", SERVICE, ["type"]))
def create(body: View) -> Any:
    with tools().change() as session:
        return {"service": show(services.create(session, body["service"]))}, 201


@resource.endpoint("GET", "/services", policy="identity:list_services")
def list_all() -> Any:
    return listed(services.find(asked()), Service, "services", show)


@resource.endpoint("GET", "/services/<service_id>", policy="identity:get_service")
def show_one(service_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"service": show(services.get(session, service_id))}


@resource.endpoint(
    "PATCH", "/services/<service_id>", policy="identity:update_service", body=wrapped("service", SERVICE)
)
def update(service_id: str, body: View) -> Any:
    with tools().change() as session:
        service = services.get(session, service_id)
        services.change(session, service, body["service"])
        return {"service": show(service)}


@resource.endpoint("DELETE", "/services/<service_id>", policy="identity:delete_service")
def delete(service_id: str) -> Any:
    with tools().change() as session:
        services.remove(session, services.get(session, service_id))
    return "", 204


@resource.endpoint(
    "POST",
    "/endpoints",
    policy="identity:create_endpoint",
    body=wrapped("endpoint", ENDPOINT, ["interface", "service_id", "url"]),
)
def create_endpoint(body: View) -> Any:
    with tools().change() as session:
        return {"endpoint": show_endpoint(services.create_endpoint(session, body["endpoint"]))}, 201


@resource.endpoint("GET", "/endpoints", policy="identity:list_endpoints")
def list_endpoints() -> Any:
    return listed(services.find_endpoints(asked()), Endpoint, "endpoints", show_endpoint)


@resource.endpoint("GET", "/endpoints/<endpoint_id>", policy="identity:get_endpoint")
def show_one_endpoint(endpoint_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"endpoint": show_endpoint(services.get_endpoint(session, endpoint_id))}


@resource.endpoint(
    "PATCH", "/endpoints/<endpoint_id>", policy="identity:update_endpoint", body=wrapped("endpoint", ENDPOINT)
)
def update_endpoint(endpoint_id: str, body: View) -> Any:
    with tools().change() as session:
        endpoint = services.get_endpoint(session, endpoint_id)
        services.change_endpoint(session, endpoint, body["endpoint"])
        return {"endpoint": show_endpoint(endpoint)}


@resource.endpoint("DELETE", "/endpoints/<endpoint_id>", policy="identity:delete_endpoint")
def delete_endpoint(endpoint_id: str) -> Any:
    with tools().change() as session:
        services.remove_endpoint(session, services.get_endpoint(session, endpoint_id))
    return "", 204


def show(service: Service) -> View:
    view = {
        **service.extra,
        "id": service.id,
        "type": service.type,
        "name": service.name,
        "enabled": service.enabled,
        "links": link("services", service.id),
    }
    return view if service.description is None else view | {"description": service.description}


def show_endpoint(endpoint: Endpoint) -> View:
    return {
        **endpoint.extra,
        "id": endpoint.id,
        "interface": endpoint.interface,
        "service_id": endpoint.service_id,
        "region": endpoint.region_id,
        "region_id": endpoint.region_id,
        "url": endpoint.url,
        "enabled": endpoint.enabled,
        "links": link("endpoints", endpoint.id),
    }
