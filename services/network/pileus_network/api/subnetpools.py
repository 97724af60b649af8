"""/v2.0/subnetpools"""

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
    authorize,
    owner_target,
    viewer,
)
from pileus_network.api.listing import respond
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import read, write
from pileus_network.api.views import check_revision, show_standard_attributes
from pileus_network.core import subnetpools
from pileus_network.core.subnetpools import NewSubnetPool, SubnetPoolUpdate
from pileus_network.db.models import SubnetPool
from pileus_network.errors import HTTPBadRequest

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("subnetpools", __name__, get="get_subnetpool", url_prefix="/v2.0/subnetpools")

PREFIXES = converters.list_of(converters.prefix)
LENGTH = converters.integer(0, 128)
ATTRIBUTE_MAP = AttributeMap(
    "subnetpool",
    "subnetpools",
    STANDARD_ATTRIBUTES
    | {
        "name": Attribute(converters.text(), REQUIRED),
        "prefixes": Attribute(PREFIXES, REQUIRED),
        "min_prefixlen": Attribute(LENGTH, None),
        "max_prefixlen": Attribute(LENGTH, None),
        "default_prefixlen": Attribute(LENGTH, None),
        "default_quota": Attribute(converters.nullable(converters.integer(0, 2**31 - 1)), None),
        "address_scope_id": Attribute(converters.nullable(converters.uuid), None),
        "shared": Attribute(converters.boolean, False, allow_put=False),
        "is_default": Attribute(converters.boolean, False),
        "ip_version": READ_ONLY,
    },
    NewSubnetPool,
    SubnetPoolUpdate,
)


def view(row: SubnetPool) -> JsonObject:
    """Prefix lengths are shown as text, as in OpenStack."""
    return show_standard_attributes(row) | {
        "name": row.name,
        "ip_version": row.ip_version,
        "prefixes": row.prefixes,
        "default_quota": row.default_quota,
        "min_prefixlen": str(row.min_prefixlen),
        "max_prefixlen": str(row.max_prefixlen),
        "default_prefixlen": str(row.default_prefixlen),
        "address_scope_id": row.address_scope_id,
        "shared": row.shared,
        "is_default": row.is_default,
        "tags": row.tags,
    }


def target(row: SubnetPool) -> dict[str, object]:
    return owner_target(row, shared=row.shared)


@resource.endpoint("GET", "", policy="get_subnetpool")
def index() -> Answer:
    return respond(subnetpools.LISTING, ATTRIBUTE_MAP, view, visible_to=viewer(services=False))


@resource.endpoint("POST", "", policy="create_subnetpool", body=JSON_OBJECT)
def create(body: JsonObject) -> Answer:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize_create(owner_target(requested), requested)
    views = write(
        lambda session: [view(subnetpools.create(session, viewer(services=False), requested)) for requested in requests]
    )
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<pool_id>", policy="get_subnetpool")
def show(pool_id: str) -> Answer:
    return ATTRIBUTE_MAP.response(
        read(lambda session: view(subnetpools.find(session, pool_id, viewer(services=False))))
    )


@resource.endpoint("PUT", "/<pool_id>", policy="update_subnetpool", body=JSON_OBJECT)
def update(body: JsonObject, pool_id: str) -> Answer:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: "Session") -> JsonObject:
        row = subnetpools.find(session, pool_id, viewer(services=False))
        ATTRIBUTE_MAP.authorize_update(target(row), requested)
        check_revision(row)
        subnetpools.update(session, viewer(services=False), row, requested)
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("PUT", "/<pool_id>/add_prefixes", policy="add_prefixes", body=JSON_OBJECT)
def add_prefixes(body: JsonObject, pool_id: str) -> Answer:
    prefixes = _parse_prefixes(body)

    def work(session: "Session") -> JsonObject:
        row = subnetpools.find(session, pool_id, viewer(services=False))
        authorize("add_prefixes", target(row))
        subnetpools.add_prefixes(session, viewer(services=False), row, prefixes)
        return {"prefixes": row.prefixes}

    return write(work)


@resource.endpoint("PUT", "/<pool_id>/remove_prefixes", policy="remove_prefixes", body=JSON_OBJECT)
def remove_prefixes(body: JsonObject, pool_id: str) -> Answer:
    prefixes = _parse_prefixes(body)

    def work(session: "Session") -> JsonObject:
        row = subnetpools.find(session, pool_id, viewer(services=False))
        authorize("remove_prefixes", target(row))
        subnetpools.remove_prefixes(session, row, prefixes)
        return {"prefixes": row.prefixes}

    return write(work)


def _parse_prefixes(body: JsonObject) -> list[str]:
    if not body.get("prefixes"):
        raise HTTPBadRequest(why="Request body contains invalid data")
    try:
        return PREFIXES(body["prefixes"])
    except ValueError as err:
        raise HTTPBadRequest(why=f"Invalid input for prefixes. Reason: {err}.") from None


@resource.endpoint("DELETE", "/<pool_id>", policy="delete_subnetpool")
def delete(pool_id: str) -> Answer:
    def work(session: "Session") -> None:
        row = subnetpools.find(session, pool_id, viewer(services=False))
        ATTRIBUTE_MAP.authorize_delete(target(row))
        check_revision(row)
        subnetpools.delete(session, row)

    write(work)
    return "", 204
