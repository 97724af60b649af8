"""/v2.0/routers"""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

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
from pileus_network.api.listing import Listing
from pileus_network.api.networks import AVAILABILITY_ZONE, AVAILABILITY_ZONE_HINTS
from pileus_network.api.resources import Resource
from pileus_network.api.subnets import ROUTE
from pileus_network.api.transactions import read, write
from pileus_network.api.views import check_revision, show_standard_attributes
from pileus_network.core import routers, standard_attributes
from pileus_network.db.models import Port, Router
from pileus_network.errors import HTTPBadRequest

resource = Resource("routers", __name__, get="get_router", url_prefix="/v2.0/routers")

FIXED_IP = converters.mapping({}, {"subnet_id": converters.uuid, "ip_address": converters.address})
GATEWAY_KEYS = converters.mapping(
    {},
    {
        "network_id": converters.nullable(converters.uuid),
        "enable_snat": converters.boolean,
        "external_fixed_ips": converters.list_of(FIXED_IP, most=10),
        "qos_policy_id": converters.one_of(None),
    },
)


def _gateway_info(value: Any) -> dict[str, Any]:
    """Empty takes the gateway away; else the network must be named."""
    found: dict[str, Any] = GATEWAY_KEYS(value)
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
)

LISTING = Listing(
    ATTRIBUTE_MAP,
    Router,
    columns={
        "id": Router.id,
        "name": Router.name,
        "description": Router.description,
        "project_id": Router.project_id,
        "tenant_id": Router.project_id,
        "admin_state_up": Router.admin_state_up,
        "status": Router.status,
        "revision_number": Router.revision_number,
        "created_at": Router.created_at,
        "updated_at": Router.updated_at,
    },
    options=routers.LOADED,
)


def view(row: Router) -> dict[str, Any]:
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


def _gateway(row: Router) -> dict[str, Any] | None:
    if row.gateway is None:
        return None
    return {
        "network_id": row.gateway.network_id,
        "enable_snat": row.enable_snat,
        "external_fixed_ips": [{"subnet_id": ip.subnet_id, "ip_address": ip.address} for ip in row.gateway.fixed_ips],
    }


@resource.endpoint("GET", "", policy="get_router")
def index() -> dict[str, Any]:
    return LISTING.respond(standard_attributes.own_rows(Router, viewer()), view)


@resource.endpoint("POST", "", policy="create_router", body=JSON_OBJECT)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize(
            "create", {"project_id": requested["project_id"], "tenant_id": requested["project_id"]}, requested
        )
    views = write(lambda session: [view(routers.create(session, requested, viewer())) for requested in requests])
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<router_id>", policy="get_router")
def show(router_id: str) -> dict[str, Any]:
    return ATTRIBUTE_MAP.response(read(lambda session: view(routers.find(session, router_id, viewer()))))


@resource.endpoint("PUT", "/<router_id>", policy="update_router", body=JSON_OBJECT)
def update(body: dict[str, Any], router_id: str) -> dict[str, Any]:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: Session) -> dict[str, Any]:
        row = routers.find(session, router_id, viewer())
        ATTRIBUTE_MAP.authorize("update", owner_target(row), requested)
        check_revision(row)
        routers.update(session, row, requested, viewer())
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<router_id>", policy="delete_router")
def delete(router_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = routers.find(session, router_id, viewer())
        ATTRIBUTE_MAP.authorize("delete", owner_target(row))
        check_revision(row)
        routers.delete(session, row)

    write(work)
    return "", 204


# -- interfaces ----------------------------------------------------------------------------------------------------

INTERFACE = converters.mapping({}, {"subnet_id": converters.uuid, "port_id": converters.uuid})


def _interface(body: dict[str, Any]) -> dict[str, str]:
    try:
        found: dict[str, str] = INTERFACE(body)
    except ValueError as err:
        raise HTTPBadRequest(why=f"Invalid input for the interface. Reason: {err}.") from None
    return found


def _interface_view(router: Router, port: Port, subnet_ids: list[str]) -> dict[str, Any]:
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
def add_interface(body: dict[str, Any], router_id: str) -> dict[str, Any]:
    requested = _interface(body)

    def work(session: Session) -> dict[str, Any]:
        row = routers.find(session, router_id, viewer())
        authorize("add_router_interface", owner_target(row))
        return _interface_view(row, *routers.add_interface(session, row, requested, viewer()))

    return write(work)


@resource.endpoint("PUT", "/<router_id>/remove_router_interface", policy="remove_router_interface", body=JSON_OBJECT)
def remove_interface(body: dict[str, Any], router_id: str) -> dict[str, Any]:
    requested = _interface(body)

    def work(session: Session) -> dict[str, Any]:
        row = routers.find(session, router_id, viewer())
        authorize("remove_router_interface", owner_target(row))
        return _interface_view(row, *routers.remove_interface(session, row, requested))

    return write(work)


# -- routes --------------------------------------------------------------------------------------------------------


def _change_routes(body: dict[str, Any], router_id: str, rule: str, apply: Callable[..., None]) -> dict[str, Any]:
    requested = ATTRIBUTE_MAP.parse_put(body)
    if set(requested) != {"routes"}:
        raise HTTPBadRequest(why="The body must hold routes and nothing else")

    def work(session: Session) -> dict[str, Any]:
        row = routers.find(session, router_id, viewer())
        authorize(rule, owner_target(row))
        apply(session, row, requested["routes"])
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("PUT", "/<router_id>/add_extraroutes", policy="add_extraroutes", body=JSON_OBJECT)
def add_routes(body: dict[str, Any], router_id: str) -> dict[str, Any]:
    return _change_routes(body, router_id, "add_extraroutes", routers.add_routes)


@resource.endpoint("PUT", "/<router_id>/remove_extraroutes", policy="remove_extraroutes", body=JSON_OBJECT)
def remove_routes(body: dict[str, Any], router_id: str) -> dict[str, Any]:
    return _change_routes(body, router_id, "remove_extraroutes", routers.remove_routes)
