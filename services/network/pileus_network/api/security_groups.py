"""/v2.0/security-groups"""

from typing import Any

from flask import request
from sqlalchemy import false
from sqlalchemy.orm import Session

from pileus_network.api import values
from pileus_network.api.attributes import ANY, READ_ONLY, REQUIRED, STANDARD, Attr, Shape, owned, scope
from pileus_network.api.default_groups import ensure_default
from pileus_network.api.listing import Listing, flag
from pileus_network.api.resources import Resource
from pileus_network.api.security_group_rules import view as rule_view
from pileus_network.api.transactions import change, read
from pileus_network.api.views import check_revision, standard
from pileus_network.core import nouns, securitygroups
from pileus_network.db.models import SecurityGroup

resource = Resource("security_groups", __name__, get="get_security_group", url_prefix="/v2.0/security-groups")

SHAPE = Shape(
    "security_group",
    "security_groups",
    STANDARD
    | {
        "name": Attr(values.text(), REQUIRED),
        "stateful": Attr(values.boolean, True),
        "shared": READ_ONLY,
        "security_group_rules": READ_ONLY,
    },
)

LISTING = Listing(
    SHAPE,
    SecurityGroup,
    columns={
        "id": SecurityGroup.id,
        "name": SecurityGroup.name,
        "description": SecurityGroup.description,
        "project_id": SecurityGroup.project_id,
        "tenant_id": SecurityGroup.project_id,
        "stateful": SecurityGroup.stateful,
        "revision_number": SecurityGroup.revision_number,
        "created_at": SecurityGroup.created_at,
        "updated_at": SecurityGroup.updated_at,
    },
    clauses={"shared": flag("shared", false)},
    options=securitygroups.LOADED,
)


def view(row: SecurityGroup) -> dict[str, Any]:
    return standard(row) | {
        "name": row.name,
        "stateful": row.stateful,
        "shared": False,
        "tags": row.tags,
        "security_group_rules": [rule_view(rule) for rule in row.rules],
    }


@resource.endpoint("GET", "", policy="get_security_group")
def index() -> dict[str, Any]:
    ensure_default(request.args)
    return LISTING.answer(nouns.mine(SecurityGroup, scope()), view)


@resource.endpoint("POST", "", policy="create_security_group", body=ANY)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    wishes = SHAPE.posted(body)
    for wish in wishes:
        SHAPE.permit("create", {"project_id": wish["project_id"], "tenant_id": wish["project_id"]}, wish)
    views = change(lambda session: [view(securitygroups.create(session, wish)) for wish in wishes])
    return SHAPE.reply(body, views), 201


@resource.endpoint("GET", "/<group_id>", policy="get_security_group")
def show(group_id: str) -> dict[str, Any]:
    return SHAPE.show(read(lambda session: view(securitygroups.get(session, group_id, scope()))))


@resource.endpoint("PUT", "/<group_id>", policy="update_security_group", body=ANY)
def update(body: dict[str, Any], group_id: str) -> dict[str, Any]:
    wish = SHAPE.put(body)

    def work(session: Session) -> dict[str, Any]:
        row = securitygroups.get(session, group_id, scope())
        SHAPE.permit("update", owned(row), wish)
        check_revision(row)
        securitygroups.update(session, row, wish)
        return view(row)

    return SHAPE.show(change(work))


@resource.endpoint("DELETE", "/<group_id>", policy="delete_security_group")
def delete(group_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = securitygroups.get(session, group_id, scope())
        SHAPE.permit("delete", owned(row))
        check_revision(row)
        securitygroups.delete(session, row, by_admin=scope().everything)

    change(work)
    return "", 204
