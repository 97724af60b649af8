"""/v2.0/floatingips"""

from typing import TYPE_CHECKING

from pileus_kit.json_types import Answer, JsonObject
from pileus_network.api import converters
from pileus_network.api.attributes import (
    JSON_OBJECT,
    READ_ONLY,
    REQUIRED,
    STANDARD_ATTRIBUTES,
    Attribute,
    AttributeMap,
    owner_target,
    viewer,
)
from pileus_network.api.listing import respond
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import read, write
from pileus_network.api.views import check_revision, show_standard_attributes
from pileus_network.core import floatingips
from pileus_network.core.floatingips import FloatingIpUpdate, NewFloatingIp
from pileus_network.db.models import FloatingIp

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("floatingips", __name__, get="get_floatingip", url_prefix="/v2.0/floatingips")

ATTRIBUTE_MAP = AttributeMap(
    "floatingip",
    "floatingips",
    STANDARD_ATTRIBUTES
    | {
        "floating_network_id": Attribute(converters.uuid, REQUIRED, allow_put=False),
        "subnet_id": Attribute(converters.nullable(converters.uuid), None, allow_put=False),
        "floating_ip_address": Attribute(converters.nullable(converters.address), None, allow_put=False),
        "port_id": Attribute(converters.blank_or(converters.uuid), None),
        "fixed_ip_address": Attribute(converters.nullable(converters.address), None),
        "router_id": READ_ONLY,
        "port_details": READ_ONLY,
    },
    NewFloatingIp,
    FloatingIpUpdate,
)


def view(row: FloatingIp) -> JsonObject:
    return show_standard_attributes(row) | {
        "floating_network_id": row.floating_network_id,
        "floating_ip_address": row.floating_ip_address,
        "port_id": row.port_id,
        "fixed_ip_address": row.fixed_ip_address,
        "router_id": row.router_id,
        "status": row.status,
        "port_details": _port(row),
        "tags": row.tags,
    }


def _port(row: FloatingIp) -> JsonObject | None:
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
def index() -> Answer:
    return respond(floatingips.LISTING, ATTRIBUTE_MAP, view)


@resource.endpoint("POST", "", policy="create_floatingip", body=JSON_OBJECT)
def create(body: JsonObject) -> Answer:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize_create(owner_target(requested), requested)
    views = write(lambda session: [view(floatingips.create(session, requested, viewer())) for requested in requests])
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<floating_id>", policy="get_floatingip")
def show(floating_id: str) -> Answer:
    return ATTRIBUTE_MAP.response(read(lambda session: view(floatingips.find(session, floating_id, viewer()))))


@resource.endpoint("PUT", "/<floating_id>", policy="update_floatingip", body=JSON_OBJECT)
def update(body: JsonObject, floating_id: str) -> Answer:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: "Session") -> JsonObject:
        row = floatingips.find(session, floating_id, viewer())
        ATTRIBUTE_MAP.authorize_update(owner_target(row), requested)
        check_revision(row)
        floatingips.update(session, row, requested, viewer())
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<floating_id>", policy="delete_floatingip")
def delete(floating_id: str) -> Answer:
    def work(session: "Session") -> None:
        row = floatingips.find(session, floating_id, viewer())
        ATTRIBUTE_MAP.authorize_delete(owner_target(row))
        check_revision(row)
        floatingips.delete(session, row)

    write(work)
    return "", 204
