"""/v2.0/security-groups"""

from typing import TYPE_CHECKING

from flask import request

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
from pileus_network.api.default_security_groups import ensure_default_groups
from pileus_network.api.listing import respond
from pileus_network.api.resources import Resource
from pileus_network.api.security_group_rules import view as rule_view
from pileus_network.api.transactions import read, write
from pileus_network.api.views import check_revision, show_standard_attributes
from pileus_network.core import security_groups
from pileus_network.core.security_groups import NewSecurityGroup, SecurityGroupUpdate
from pileus_network.db.models import SecurityGroup

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

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
    NewSecurityGroup,
    SecurityGroupUpdate,
)


def view(row: SecurityGroup) -> JsonObject:
    return show_standard_attributes(row) | {
        "name": row.name,
        "stateful": row.stateful,
        "shared": False,
        "tags": row.tags,
        "security_group_rules": [rule_view(rule) for rule in row.rules],
    }


@resource.endpoint("GET", "", policy="get_security_group")
def index() -> Answer:
    ensure_default_groups(request.args)
    return respond(security_groups.LISTING, ATTRIBUTE_MAP, view)


@resource.endpoint("POST", "", policy="create_security_group", body=JSON_OBJECT)
def create(body: JsonObject) -> Answer:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize_create(owner_target(requested), requested)
    views = write(lambda session: [view(security_groups.create(session, requested)) for requested in requests])
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<group_id>", policy="get_security_group")
def show(group_id: str) -> Answer:
    return ATTRIBUTE_MAP.response(read(lambda session: view(security_groups.find(session, group_id, viewer()))))


@resource.endpoint("PUT", "/<group_id>", policy="update_security_group", body=JSON_OBJECT)
def update(body: JsonObject, group_id: str) -> Answer:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: "Session") -> JsonObject:
        row = security_groups.find(session, group_id, viewer())
        ATTRIBUTE_MAP.authorize_update(owner_target(row), requested)
        check_revision(row)
        security_groups.update(session, row, requested)
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<group_id>", policy="delete_security_group")
def delete(group_id: str) -> Answer:
    def work(session: "Session") -> None:
        row = security_groups.find(session, group_id, viewer())
        ATTRIBUTE_MAP.authorize_delete(owner_target(row))
        check_revision(row)
        security_groups.delete(session, row, by_admin=viewer().sees_everything)

    write(work)
    return "", 204
