"""/v2.0/address-scopes"""

from typing import Any

from sqlalchemy.orm import Session

from pileus_network.api import values
from pileus_network.api.attributes import ANY, REQUIRED, STANDARD, Attr, Shape, owned, scope
from pileus_network.api.listing import Listing
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import change, read
from pileus_network.core import scopes, subnetpools
from pileus_network.db.models import AddressScope

resource = Resource("address_scopes", __name__, get="get_address_scope", url_prefix="/v2.0/address-scopes")

SHAPE = Shape(
    "address_scope",
    "address_scopes",
    {"id": STANDARD["id"]}
    | {
        "name": Attr(values.text(), REQUIRED),
        "ip_version": Attr(values.one_of(4, 6), REQUIRED, put=False),
        "shared": Attr(values.boolean, False),
    },
)

LISTING = Listing(
    SHAPE,
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
    return owned(row, shared=row.shared)


@resource.endpoint("GET", "", policy="get_address_scope")
def index() -> dict[str, Any]:
    return LISTING.answer(scopes.address_scopes(scope(services=False)), view)


@resource.endpoint("POST", "", policy="create_address_scope", body=ANY)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    wishes = SHAPE.posted(body)
    for wish in wishes:
        SHAPE.permit("create", {"project_id": wish["project_id"], "tenant_id": wish["project_id"]}, wish)

    def work(session: Session) -> list[dict[str, Any]]:
        rows = [AddressScope(**wish) for wish in wishes]
        session.add_all(rows)
        session.flush()
        return [view(row) for row in rows]

    return SHAPE.reply(body, change(work)), 201


@resource.endpoint("GET", "/<scope_id>", policy="get_address_scope")
def show(scope_id: str) -> dict[str, Any]:
    return SHAPE.show(read(lambda session: view(subnetpools.get_scope(session, scope_id, scope(services=False)))))


@resource.endpoint("PUT", "/<scope_id>", policy="update_address_scope", body=ANY)
def update(body: dict[str, Any], scope_id: str) -> dict[str, Any]:
    wish = SHAPE.put(body)

    def work(session: Session) -> dict[str, Any]:
        row = subnetpools.get_scope(session, scope_id, scope(services=False))
        SHAPE.permit("update", target(row), wish)
        subnetpools.update_scope(row, wish)
        return view(row)

    return SHAPE.show(change(work))


@resource.endpoint("DELETE", "/<scope_id>", policy="delete_address_scope")
def delete(scope_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = subnetpools.get_scope(session, scope_id, scope(services=False))
        SHAPE.permit("delete", target(row))
        subnetpools.delete_scope(session, row)

    change(work)
    return "", 204
