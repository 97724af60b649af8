"""/v2.0/subnetpools"""

from typing import Any

from sqlalchemy.orm import Session

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
from pileus_network.api.listing import Listing
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import read, write
from pileus_network.api.views import check_revision, show_standard_attributes
from pileus_network.core import subnetpools, visibility
from pileus_network.db.models import SubnetPool

resource = Resource("subnetpools", __name__, get="get_subnetpool", url_prefix="/v2.0/subnetpools")

LENGTH = converters.integer(0, 128)
ATTRIBUTE_MAP = AttributeMap(
    "subnetpool",
    "subnetpools",
    STANDARD_ATTRIBUTES
    | {
        "name": Attribute(converters.text(), REQUIRED),
        "prefixes": Attribute(converters.list_of(converters.prefix), REQUIRED),
        "min_prefixlen": Attribute(LENGTH, None),
        "max_prefixlen": Attribute(LENGTH, None),
        "default_prefixlen": Attribute(LENGTH, None),
        "default_quota": Attribute(converters.nullable(converters.integer(0, 2**31 - 1)), None),
        "address_scope_id": Attribute(converters.nullable(converters.uuid), None),
        "shared": Attribute(converters.boolean, False, allow_put=False),
        "is_default": Attribute(converters.boolean, False),
        "ip_version": READ_ONLY,
    },
)

LISTING = Listing(
    ATTRIBUTE_MAP,
    SubnetPool,
    columns={
        "id": SubnetPool.id,
        "name": SubnetPool.name,
        "description": SubnetPool.description,
        "project_id": SubnetPool.project_id,
        "tenant_id": SubnetPool.project_id,
        "ip_version": SubnetPool.ip_version,
        "address_scope_id": SubnetPool.address_scope_id,
        "shared": SubnetPool.shared,
        "is_default": SubnetPool.is_default,
        "min_prefixlen": SubnetPool.min_prefixlen,
        "max_prefixlen": SubnetPool.max_prefixlen,
        "default_prefixlen": SubnetPool.default_prefixlen,
        "default_quota": SubnetPool.default_quota,
        "revision_number": SubnetPool.revision_number,
        "created_at": SubnetPool.created_at,
        "updated_at": SubnetPool.updated_at,
    },
)


def view(row: SubnetPool) -> dict[str, Any]:
    """Lengths are text, as OpenStack writes them."""
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


def target(row: SubnetPool) -> dict[str, Any]:
    return owner_target(row, shared=row.shared)


@resource.endpoint("GET", "", policy="get_subnetpool")
def index() -> dict[str, Any]:
    return LISTING.respond(visibility.subnet_pools(viewer(services=False)), view)


@resource.endpoint("POST", "", policy="create_subnetpool", body=JSON_OBJECT)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize(
            "create", {"project_id": requested["project_id"], "tenant_id": requested["project_id"]}, requested
        )
    views = write(
        lambda session: [view(subnetpools.create(session, viewer(services=False), requested)) for requested in requests]
    )
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<pool_id>", policy="get_subnetpool")
def show(pool_id: str) -> dict[str, Any]:
    return ATTRIBUTE_MAP.response(
        read(lambda session: view(subnetpools.find(session, pool_id, viewer(services=False))))
    )


@resource.endpoint("PUT", "/<pool_id>", policy="update_subnetpool", body=JSON_OBJECT)
def update(body: dict[str, Any], pool_id: str) -> dict[str, Any]:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: Session) -> dict[str, Any]:
        row = subnetpools.find(session, pool_id, viewer(services=False))
        ATTRIBUTE_MAP.authorize("update", target(row), requested)
        check_revision(row)
        subnetpools.update(session, viewer(services=False), row, requested)
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<pool_id>", policy="delete_subnetpool")
def delete(pool_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = subnetpools.find(session, pool_id, viewer(services=False))
        ATTRIBUTE_MAP.authorize("delete", target(row))
        check_revision(row)
        subnetpools.delete(session, row)

    write(work)
    return "", 204
