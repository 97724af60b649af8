"""/v2.0/subnetpools"""

from typing import Any

from sqlalchemy.orm import Session

from pileus_network.api import values
from pileus_network.api.attributes import ANY, READ_ONLY, REQUIRED, STANDARD, Attr, Shape, owned, scope
from pileus_network.api.listing import Listing
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import change, read
from pileus_network.api.views import check_revision, standard
from pileus_network.core import scopes, subnetpools
from pileus_network.db.models import SubnetPool

resource = Resource("subnetpools", __name__, get="get_subnetpool", url_prefix="/v2.0/subnetpools")

LENGTH = values.integer(0, 128)
SHAPE = Shape(
    "subnetpool",
    "subnetpools",
    STANDARD
    | {
        "name": Attr(values.text(), REQUIRED),
        "prefixes": Attr(values.items(values.prefix), REQUIRED),
        "min_prefixlen": Attr(LENGTH, None),
        "max_prefixlen": Attr(LENGTH, None),
        "default_prefixlen": Attr(LENGTH, None),
        "default_quota": Attr(values.nullable(values.integer(0, 2**31 - 1)), None),
        "address_scope_id": Attr(values.nullable(values.uuid), None),
        "shared": Attr(values.boolean, False, put=False),
        "is_default": Attr(values.boolean, False),
        "ip_version": READ_ONLY,
    },
)

LISTING = Listing(
    SHAPE,
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
    return standard(row) | {
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
    return owned(row, shared=row.shared)


@resource.endpoint("GET", "", policy="get_subnetpool")
def index() -> dict[str, Any]:
    return LISTING.answer(scopes.subnet_pools(scope(services=False)), view)


@resource.endpoint("POST", "", policy="create_subnetpool", body=ANY)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    wishes = SHAPE.posted(body)
    for wish in wishes:
        SHAPE.permit("create", {"project_id": wish["project_id"], "tenant_id": wish["project_id"]}, wish)
    views = change(lambda session: [view(subnetpools.create(session, scope(services=False), wish)) for wish in wishes])
    return SHAPE.reply(body, views), 201


@resource.endpoint("GET", "/<pool_id>", policy="get_subnetpool")
def show(pool_id: str) -> dict[str, Any]:
    return SHAPE.show(read(lambda session: view(subnetpools.get(session, pool_id, scope(services=False)))))


@resource.endpoint("PUT", "/<pool_id>", policy="update_subnetpool", body=ANY)
def update(body: dict[str, Any], pool_id: str) -> dict[str, Any]:
    wish = SHAPE.put(body)

    def work(session: Session) -> dict[str, Any]:
        row = subnetpools.get(session, pool_id, scope(services=False))
        SHAPE.permit("update", target(row), wish)
        check_revision(row)
        subnetpools.update(session, scope(services=False), row, wish)
        return view(row)

    return SHAPE.show(change(work))


@resource.endpoint("DELETE", "/<pool_id>", policy="delete_subnetpool")
def delete(pool_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = subnetpools.get(session, pool_id, scope(services=False))
        SHAPE.permit("delete", target(row))
        check_revision(row)
        subnetpools.delete(session, row)

    change(work)
    return "", 204
