"""/v2.0/address-scopes"""

from typing import TYPE_CHECKING

from pileus_kit.json_types import Answer, JsonObject
from pileus_network.api import converters
from pileus_network.api.attributes import (
    JSON_OBJECT,
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
from pileus_network.core import address_scopes
from pileus_network.core.address_scopes import AddressScopeUpdate, NewAddressScope
from pileus_network.db.models import AddressScope

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("address_scopes", __name__, get="get_address_scope", url_prefix="/v2.0/address-scopes")

ATTRIBUTE_MAP = AttributeMap(
    "address_scope",
    "address_scopes",
    {"id": STANDARD_ATTRIBUTES["id"]}
    | {
        "name": Attribute(converters.text(), REQUIRED),
        "ip_version": Attribute(converters.one_of(4, 6), REQUIRED, allow_put=False),
        "shared": Attribute(converters.boolean, False),
    },
    NewAddressScope,
    AddressScopeUpdate,
)


def view(row: AddressScope) -> JsonObject:
    return {
        "id": row.id,
        "name": row.name,
        "project_id": row.project_id,
        "tenant_id": row.project_id,
        "ip_version": row.ip_version,
        "shared": row.shared,
    }


def target(row: AddressScope) -> dict[str, object]:
    return owner_target(row, shared=row.shared)


@resource.endpoint("GET", "", policy="get_address_scope")
def index() -> Answer:
    return respond(address_scopes.LISTING, ATTRIBUTE_MAP, view, visible_to=viewer(services=False))


@resource.endpoint("POST", "", policy="create_address_scope", body=JSON_OBJECT)
def create(body: JsonObject) -> Answer:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize_create(owner_target(requested), requested)

    views = write(lambda session: [view(address_scopes.create(session, requested)) for requested in requests])
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<scope_id>", policy="get_address_scope")
def show(scope_id: str) -> Answer:
    return ATTRIBUTE_MAP.response(
        read(lambda session: view(address_scopes.find(session, scope_id, viewer(services=False))))
    )


@resource.endpoint("PUT", "/<scope_id>", policy="update_address_scope", body=JSON_OBJECT)
def update(body: JsonObject, scope_id: str) -> Answer:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: "Session") -> JsonObject:
        row = address_scopes.find(session, scope_id, viewer(services=False))
        ATTRIBUTE_MAP.authorize_update(target(row), requested)
        address_scopes.update(row, requested)
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<scope_id>", policy="delete_address_scope")
def delete(scope_id: str) -> Answer:
    def work(session: "Session") -> None:
        row = address_scopes.find(session, scope_id, viewer(services=False))
        ATTRIBUTE_MAP.authorize_delete(target(row))
        address_scopes.delete(session, row)

    write(work)
    return "", 204
