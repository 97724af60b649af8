"""/v2.0/security-groups"""

from typing import Any

from flask import request
from sqlalchemy import false
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
from pileus_network.api.default_security_groups import ensure_default_groups
from pileus_network.api.listing import Listing, boolean_filter
from pileus_network.api.resources import Resource
from pileus_network.api.security_group_rules import view as rule_view
from pileus_network.api.transactions import read, write
from pileus_network.api.views import check_revision, show_standard_attributes
from pileus_network.core import security_groups, standard_attributes
from pileus_network.db.models import SecurityGroup

resource = Resource("security_groups", __name__, get="get_security_group", url_prefix="/v2.0/security-groups")

ATTRIBUTE_MAP = AttributeMap(
    "security_group",
    "security_groups",
    STANDARD_ATTRIBUTES
    | {
        "name": Attribute(converters.text(), REQUIRED),
        "stateful": Attribute(converters.boolean, True),
        "shared": READ_ONLY,
        "security_group_rules": READ_ONLY,
    },
)

LISTING = Listing(
    ATTRIBUTE_MAP,
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
    clauses={"shared": boolean_filter("shared", false)},
    options=security_groups.LOADED,
)


def view(row: SecurityGroup) -> dict[str, Any]:
    return show_standard_attributes(row) | {
        "name": row.name,
        "stateful": row.stateful,
        "shared": False,
        "tags": row.tags,
        "security_group_rules": [rule_view(rule) for rule in row.rules],
    }


@resource.endpoint("GET", "", policy="get_security_group")
def index() -> dict[str, Any]:
    ensure_default_groups(request.args)
    return LISTING.respond(standard_attributes.own_rows(SecurityGroup, viewer()), view)


@resource.endpoint("POST", "", policy="create_security_group", body=JSON_OBJECT)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize(
            "create", {"project_id": requested["project_id"], "tenant_id": requested["project_id"]}, requested
        )
    views = write(lambda session: [view(security_groups.create(session, requested)) for requested in requests])
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<group_id>", policy="get_security_group")
def show(group_id: str) -> dict[str, Any]:
    return ATTRIBUTE_MAP.response(read(lambda session: view(security_groups.find(session, group_id, viewer()))))


@resource.endpoint("PUT", "/<group_id>", policy="update_security_group", body=JSON_OBJECT)
def update(body: dict[str, Any], group_id: str) -> dict[str, Any]:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: Session) -> dict[str, Any]:
        row = security_groups.find(session, group_id, viewer())
        ATTRIBUTE_MAP.authorize("update", owner_target(row), requested)
        check_revision(row)
        security_groups.update(session, row, requested)
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<group_id>", policy="delete_security_group")
def delete(group_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = security_groups.find(session, group_id, viewer())
        ATTRIBUTE_MAP.authorize("delete", owner_target(row))
        check_revision(row)
        security_groups.delete(session, row, by_admin=viewer().sees_everything)

    write(work)
    return "", 204
