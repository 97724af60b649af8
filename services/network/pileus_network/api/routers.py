"""/v2.0/routers"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pileus_kit.json_types import Answer, JsonObject
from pileus_network.api import converters
from pileus_network.api.attributes import (
    JSON_OBJECT,
    READ_ONLY,
    STANDARD_ATTRIBUTES,
    Attribute,
    AttributeMap,
    authorize,
    owner_target,
    viewer,
)
from pileus_network.api.availability_zones import AVAILABILITY_ZONE_HINTS
from pileus_network.api.listing import respond
from pileus_network.api.resources import Resource
from pileus_network.api.subnets import ROUTE
from pileus_network.api.transactions import read, write
from pileus_network.api.views import check_revision, show_standard_attributes
from pileus_network.core import router_interfaces, routers
from pileus_network.core.networks import AVAILABILITY_ZONE
from pileus_network.core.router_interfaces import InterfaceRequest
from pileus_network.core.routers import NewRouter, RouterUpdate
from pileus_network.db.models import Port, Router
from pileus_network.errors import HTTPBadRequest

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("routers", __name__, get="get_router", url_prefix="/v2.0/routers")

FIXED_IP = converters.mapping({}, {"subnet_id": converters.uuid, "ip_address": converters.address})
GATEWAY_KEYS = converters.mapping(
    {},
    {
        "network_id": converters.nullable(converters.uuid),
        "enable_snat": converters.boolean,
        "external_fixed_ips": converters.list_of(FIXED_IP, maximum=10),
        "qos_policy_id": converters.one_of(None),
    },
)


def _gateway_info(value: object) -> JsonObject:
    """An empty object removes the gateway; any other must name the network."""
    found = GATEWAY_KEYS(value)
    if found and "network_id" not in found:
        raise ValueError("the required key 'network_id' is missing")
    return found


ATTRIBUTE_MAP = AttributeMap(
    "router",
    "routers",
    STANDARD_ATTRIBUTES
    | {
        "name": Attribute(converters.text(), ""),
        "admin_state_up": Attribute(converters.boolean, True),
        "external_gateway_info": Attribute(converters.nullable(_gateway_info), None),
        "routes": Attribute(converters.list_of(ROUTE), None, allow_post=False),
        "availability_zone_hints": AVAILABILITY_ZONE_HINTS,
        "availability_zones": READ_ONLY,
        "flavor_id": READ_ONLY,
    },
    NewRouter,
    RouterUpdate,
)


def view(row: Router) -> JsonObject:
    return show_standard_attributes(row) | {
        "name": row.name,
        "admin_state_up": row.admin_state_up,
        "status": row.status,
        "external_gateway_info": _gateway(row),
        "routes": row.routes,
        "availability_zone_hints": [],
        "availability_zones": [AVAILABILITY_ZONE] if row.host else [],
        "flavor_id": None,
        "tags": row.tags,
    }


def _gateway(row: Router) -> JsonObject | None:
    if row.gateway is None:
        return None
    return {
        "network_id": row.gateway.network_id,
        "enable_snat": row.enable_snat,
        "external_fixed_ips": [{"subnet_id": ip.subnet_id, "ip_address": ip.address} for ip in row.gateway.fixed_ips],
    }


@resource.endpoint("GET", "", policy="get_router")
def index() -> Answer:
    return respond(routers.LISTING, ATTRIBUTE_MAP, view)


@resource.endpoint("POST", "", policy="create_router", body=JSON_OBJECT)
def create(body: JsonObject) -> Answer:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize_create(owner_target(requested), requested)
    views = write(lambda session: [view(routers.create(session, requested, viewer())) for requested in requests])
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<router_id>", policy="get_router")
def show(router_id: str) -> Answer:
    return ATTRIBUTE_MAP.response(read(lambda session: view(routers.find(session, router_id, viewer()))))


@resource.endpoint("PUT", "/<router_id>", policy="update_router", body=JSON_OBJECT)
def update(body: JsonObject, router_id: str) -> Answer:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: "Session") -> JsonObject:
        row = routers.find(session, router_id, viewer())
        ATTRIBUTE_MAP.authorize_update(owner_target(row), requested)
        check_revision(row)
        routers.update(session, row, requested, viewer())
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<router_id>", policy="delete_router")
def delete(router_id: str) -> Answer:
    def work(session: "Session") -> None:
        row = routers.find(session, router_id, viewer())
        ATTRIBUTE_MAP.authorize_delete(owner_target(row))
        check_revision(row)
        routers.delete(session, row)

    write(work)
    return "", 204


# -- interfaces ----------------------------------------------------------------------------------------------------

INTERFACE = converters.mapping({}, {"subnet_id": converters.uuid, "port_id": converters.uuid})


def _parse_interface(body: JsonObject) -> InterfaceRequest:
    try:
        found = INTERFACE(body)
    except ValueError as err:
        raise HTTPBadRequest(why=f"Invalid input for the interface. Reason: {err}.") from None
    requested = InterfaceRequest()
    if "subnet_id" in found:
        requested["subnet_id"] = found["subnet_id"]
    if "port_id" in found:
        requested["port_id"] = found["port_id"]
    return requested


def _interface_view(router: Router, port: Port, subnet_ids: list[str]) -> JsonObject:
    return {
        "id": router.id,
        "project_id": router.project_id,
        "tenant_id": router.project_id,
        "port_id": port.id,
        "network_id": port.network_id,
        "subnet_id": subnet_ids[0],
        "subnet_ids": subnet_ids,
        "tags": router.tags,
    }


@resource.endpoint("PUT", "/<router_id>/add_router_interface", policy="add_router_interface", body=JSON_OBJECT)
def add_interface(body: JsonObject, router_id: str) -> Answer:
    requested = _parse_interface(body)

    def work(session: "Session") -> JsonObject:
        row = routers.find(session, router_id, viewer())
        authorize("add_router_interface", owner_target(row))
        return _interface_view(row, *router_interfaces.add(session, row, requested, viewer()))

    return write(work)


@resource.endpoint("PUT", "/<router_id>/remove_router_interface", policy="remove_router_interface", body=JSON_OBJECT)
def remove_interface(body: JsonObject, router_id: str) -> Answer:
    requested = _parse_interface(body)

    def work(session: "Session") -> JsonObject:
        row = routers.find(session, router_id, viewer())
        authorize("remove_router_interface", owner_target(row))
        return _interface_view(row, *router_interfaces.remove(session, row, requested))

    return write(work)


# -- routes --------------------------------------------------------------------------------------------------------


ChangeRoutes = Callable[["Session", Router, Sequence[dict[str, str]]], None]


def _change_routes(body: JsonObject, router_id: str, rule: str, apply: ChangeRoutes) -> JsonObject:
    requested = ATTRIBUTE_MAP.parse_put(body)
    routes = requested.get("routes")
    if set(requested) != {"routes"} or routes is None:
        raise HTTPBadRequest(why="The body must hold routes and nothing else")

    def work(session: "Session") -> JsonObject:
        row = routers.find(session, router_id, viewer())
        authorize(rule, owner_target(row))
        apply(session, row, routes)
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("PUT", "/<router_id>/add_extraroutes", policy="add_extraroutes", body=JSON_OBJECT)
def add_routes(body: JsonObject, router_id: str) -> Answer:
    return _change_routes(body, router_id, "add_extraroutes", routers.add_routes)


@resource.endpoint("PUT", "/<router_id>/remove_extraroutes", policy="remove_extraroutes", body=JSON_OBJECT)
def remove_routes(body: JsonObject, router_id: str) -> Answer:
    return _change_routes(body, router_id, "remove_extraroutes", routers.remove_routes)
