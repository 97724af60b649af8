"""/v2.0/address-scopes"""

from typing import Any

from sqlalchemy.orm import Session

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
from pileus_network.api.listing import Listing
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import read, write
from pileus_network.core import subnetpools, visibility
from pileus_network.db.models import AddressScope

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
)

LISTING = Listing(
    ATTRIBUTE_MAP,
    AddressScope,
    columns={
        "id": AddressScope.id,
        "name": AddressScope.name,
        "project_id": AddressScope.project_id,
        "tenant_id": AddressScope.project_id,
        "ip_version": AddressScope.ip_version,
        "shared": AddressScope.shared,
    },
)


def view(row: AddressScope) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "project_id": row.project_id,
        "tenant_id": row.project_id,
        "ip_version": row.ip_version,
        "shared": row.shared,
    }


def target(row: AddressScope) -> dict[str, Any]:
    return owner_target(row, shared=row.shared)


@resource.endpoint("GET", "", policy="get_address_scope")
def index() -> dict[str, Any]:
    return LISTING.respond(visibility.address_scopes(viewer(services=False)), view)


@resource.endpoint("POST", "", policy="create_address_scope", body=JSON_OBJECT)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize(
            "create", {"project_id": requested["project_id"], "tenant_id": requested["project_id"]}, requested
        )

    def work(session: Session) -> list[dict[str, Any]]:
        rows = [AddressScope(**requested) for requested in requests]
        session.add_all(rows)
        session.flush()
        return [view(row) for row in rows]

    return ATTRIBUTE_MAP.post_response(body, write(work)), 201


@resource.endpoint("GET", "/<scope_id>", policy="get_address_scope")
def show(scope_id: str) -> dict[str, Any]:
    return ATTRIBUTE_MAP.response(
        read(lambda session: view(subnetpools.find_scope(session, scope_id, viewer(services=False))))
    )


@resource.endpoint("PUT", "/<scope_id>", policy="update_address_scope", body=JSON_OBJECT)
def update(body: dict[str, Any], scope_id: str) -> dict[str, Any]:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: Session) -> dict[str, Any]:
        row = subnetpools.find_scope(session, scope_id, viewer(services=False))
        ATTRIBUTE_MAP.authorize("update", target(row), requested)
        subnetpools.update_scope(row, requested)
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<scope_id>", policy="delete_address_scope")
def delete(scope_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = subnetpools.find_scope(session, scope_id, viewer(services=False))
        ATTRIBUTE_MAP.authorize("delete", target(row))
        subnetpools.delete_scope(session, row)

    write(work)
    return "", 204
