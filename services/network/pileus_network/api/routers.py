"""/v2.0/routers"""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from pileus_network.api import values
from pileus_network.api.attributes import ANY, READ_ONLY, STANDARD, Attr, Shape, owned, permit, scope
from pileus_network.api.listing import Listing
from pileus_network.api.networks import ZONE, ZONE_HINTS
from pileus_network.api.resources import Resource
from pileus_network.api.subnets import ROUTE
from pileus_network.api.transactions import change, read
from pileus_network.api.views import check_revision, standard
from pileus_network.core import nouns, routers
from pileus_network.db.models import Port, Router
from pileus_network.errors import HTTPBadRequest

resource = Resource("routers", __name__, get="get_router", url_prefix="/v2.0/routers")

FIXED_IP = values.mapping({}, {"subnet_id": values.uuid, "ip_address": values.address})
GATEWAY_KEYS = values.mapping(
    {},
    {
        "network_id": values.nullable(values.uuid),
        "enable_snat": values.boolean,
        "external_fixed_ips": values.items(FIXED_IP, most=10),
        "qos_policy_id": values.one_of(None),
    },
)


def _gateway_info(value: Any) -> dict[str, Any]:
    """Empty takes the gateway away; else the network must be named."""
    found: dict[str, Any] = GATEWAY_KEYS(value)
    if found and "network_id" not in found:
        raise ValueError("the required key 'network_id' is missing")
    return found


SHAPE = Shape(
    "router",
    "routers",
    STANDARD
    | {
        "name": Attr(values.text(), ""),
        "admin_state_up": Attr(values.boolean, True),
        "external_gateway_info": Attr(values.nullable(_gateway_info), None),
        "routes": Attr(values.items(ROUTE), None, post=False),
        "availability_zone_hints": ZONE_HINTS,
        "availability_zones": READ_ONLY,
        "flavor_id": READ_ONLY,
    },
)

LISTING = Listing(
    SHAPE,
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
    return standard(row) | {
        "name": row.name,
        "admin_state_up": row.admin_state_up,
        "status": row.status,
        "external_gateway_info": _gateway(row),
        "routes": row.routes,
        "availability_zone_hints": [],
        "availability_zones": [ZONE] if row.host else [],
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
    return LISTING.answer(nouns.mine(Router, scope()), view)


@resource.endpoint("POST", "", policy="create_router", body=ANY)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    wishes = SHAPE.posted(body)
    for wish in wishes:
        SHAPE.permit("create", {"project_id": wish["project_id"], "tenant_id": wish["project_id"]}, wish)
    views = change(lambda session: [view(routers.create(session, wish, scope())) for wish in wishes])
    return SHAPE.reply(body, views), 201


@resource.endpoint("GET", "/<router_id>", policy="get_router")
def show(router_id: str) -> dict[str, Any]:
    return SHAPE.show(read(lambda session: view(routers.get(session, router_id, scope()))))


@resource.endpoint("PUT", "/<router_id>", policy="update_router", body=ANY)
def update(body: dict[str, Any], router_id: str) -> dict[str, Any]:
    wish = SHAPE.put(body)

    def work(session: Session) -> dict[str, Any]:
        row = routers.get(session, router_id, scope())
        SHAPE.permit("update", owned(row), wish)
        check_revision(row)
        routers.update(session, row, wish, scope())
        return view(row)

    return SHAPE.show(change(work))


@resource.endpoint("DELETE", "/<router_id>", policy="delete_router")
def delete(router_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = routers.get(session, router_id, scope())
        SHAPE.permit("delete", owned(row))
        check_revision(row)
        routers.delete(session, row)

    change(work)
    return "", 204


# -- interfaces ----------------------------------------------------------------------------------------------------

INTERFACE = values.mapping({}, {"subnet_id": values.uuid, "port_id": values.uuid})


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


@resource.endpoint("PUT", "/<router_id>/add_router_interface", policy="add_router_interface", body=ANY)
def add_interface(body: dict[str, Any], router_id: str) -> dict[str, Any]:
    wish = _interface(body)

    def work(session: Session) -> dict[str, Any]:
        row = routers.get(session, router_id, scope())
        permit("add_router_interface", owned(row))
        return _interface_view(row, *routers.add_interface(session, row, wish, scope()))

    return change(work)


@resource.endpoint("PUT", "/<router_id>/remove_router_interface", policy="remove_router_interface", body=ANY)
def remove_interface(body: dict[str, Any], router_id: str) -> dict[str, Any]:
    wish = _interface(body)

    def work(session: Session) -> dict[str, Any]:
        row = routers.get(session, router_id, scope())
        permit("remove_router_interface", owned(row))
        return _interface_view(row, *routers.remove_interface(session, row, wish))

    return change(work)


# -- routes --------------------------------------------------------------------------------------------------------


def _change_routes(body: dict[str, Any], router_id: str, rule: str, apply: Callable[..., None]) -> dict[str, Any]:
    wish = SHAPE.put(body)
    if set(wish) != {"routes"}:
        raise HTTPBadRequest(why="The body must hold routes and nothing else")

    def work(session: Session) -> dict[str, Any]:
        row = routers.get(session, router_id, scope())
        permit(rule, owned(row))
        apply(session, row, wish["routes"])
        return view(row)

    return SHAPE.show(change(work))


@resource.endpoint("PUT", "/<router_id>/add_extraroutes", policy="add_extraroutes", body=ANY)
def add_routes(body: dict[str, Any], router_id: str) -> dict[str, Any]:
    return _change_routes(body, router_id, "add_extraroutes", routers.add_routes)


@resource.endpoint("PUT", "/<router_id>/remove_extraroutes", policy="remove_extraroutes", body=ANY)
def remove_routes(body: dict[str, Any], router_id: str) -> dict[str, Any]:
    return _change_routes(body, router_id, "remove_extraroutes", routers.remove_routes)
