"""/v2.0/floatingips"""

from typing import Any

from sqlalchemy.orm import Session

from pileus_network.api import values
from pileus_network.api.attributes import ANY, READ_ONLY, REQUIRED, STANDARD, Attr, Shape, owned, scope
from pileus_network.api.listing import Listing
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import change, read
from pileus_network.api.views import check_revision, standard
from pileus_network.core import floatingips, nouns
from pileus_network.db.models import FloatingIp

resource = Resource("floatingips", __name__, get="get_floatingip", url_prefix="/v2.0/floatingips")

SHAPE = Shape(
    "floatingip",
    "floatingips",
    STANDARD
    | {
        "floating_network_id": Attr(values.uuid, REQUIRED, put=False),
        "subnet_id": Attr(values.nullable(values.uuid), None, put=False),
        "floating_ip_address": Attr(values.nullable(values.address), None, put=False),
        "port_id": Attr(values.blank_or(values.uuid), None),
        "fixed_ip_address": Attr(values.nullable(values.address), None),
        "router_id": READ_ONLY,
        "port_details": READ_ONLY,
    },
)

LISTING = Listing(
    SHAPE,
    FloatingIp,
    columns={
        "id": FloatingIp.id,
        "description": FloatingIp.description,
        "project_id": FloatingIp.project_id,
        "tenant_id": FloatingIp.project_id,
        "floating_network_id": FloatingIp.floating_network_id,
        "floating_ip_address": FloatingIp.floating_ip_address,
        "port_id": FloatingIp.port_id,
        "fixed_ip_address": FloatingIp.fixed_ip_address,
        "router_id": FloatingIp.router_id,
        "status": FloatingIp.status,
        "revision_number": FloatingIp.revision_number,
        "created_at": FloatingIp.created_at,
        "updated_at": FloatingIp.updated_at,
    },
    options=floatingips.LOADED,
)


def view(row: FloatingIp) -> dict[str, Any]:
    return standard(row) | {
        "floating_network_id": row.floating_network_id,
        "floating_ip_address": row.floating_ip_address,
        "port_id": row.port_id,
        "fixed_ip_address": row.fixed_ip_address,
        "router_id": row.router_id,
        "status": row.status,
        "port_details": _port(row),
        "tags": row.tags,
    }


def _port(row: FloatingIp) -> dict[str, Any] | None:
    port = row.port
    if port is None:
        return None
    return {
        "name": port.name,
        "network_id": port.network_id,
        "mac_address": port.mac_address,
        "admin_state_up": port.admin_state_up,
        "status": port.status,
        "device_id": port.device_id,
        "device_owner": port.device_owner,
    }


@resource.endpoint("GET", "", policy="get_floatingip")
def index() -> dict[str, Any]:
    return LISTING.answer(nouns.mine(FloatingIp, scope()), view)


@resource.endpoint("POST", "", policy="create_floatingip", body=ANY)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    wishes = SHAPE.posted(body)
    for wish in wishes:
        SHAPE.permit("create", {"project_id": wish["project_id"], "tenant_id": wish["project_id"]}, wish)
    views = change(lambda session: [view(floatingips.create(session, wish, scope())) for wish in wishes])
    return SHAPE.reply(body, views), 201


@resource.endpoint("GET", "/<floating_id>", policy="get_floatingip")
def show(floating_id: str) -> dict[str, Any]:
    return SHAPE.show(read(lambda session: view(floatingips.get(session, floating_id, scope()))))


@resource.endpoint("PUT", "/<floating_id>", policy="update_floatingip", body=ANY)
def update(body: dict[str, Any], floating_id: str) -> dict[str, Any]:
    wish = SHAPE.put(body)

    def work(session: Session) -> dict[str, Any]:
        row = floatingips.get(session, floating_id, scope())
        SHAPE.permit("update", owned(row), wish)
        check_revision(row)
        floatingips.update(session, row, wish, scope())
        return view(row)

    return SHAPE.show(change(work))


@resource.endpoint("DELETE", "/<floating_id>", policy="delete_floatingip")
def delete(floating_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = floatingips.get(session, floating_id, scope())
        SHAPE.permit("delete", owned(row))
        check_revision(row)
        floatingips.delete(session, row)

    change(work)
    return "", 204
