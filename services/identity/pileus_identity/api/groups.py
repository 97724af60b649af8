"""/v3/groups."""

from typing import Any

from pileus_identity.api import targets
from pileus_identity.api.views import (
    ID,
    NAME,
    TEXT,
    View,
    asked,
    link,
    listed,
    own_as,
    visible_domain,
    wrapped,
)
from pileus_identity.core import groups
from pileus_identity.db.models import Group
from pileus_kit.web import Resource, tools

resource = Resource("groups", __name__, url_prefix="/v3/groups")

PROPERTIES = {"name": NAME, "description": TEXT, "domain_id": ID}


@resource.endpoint(
    "POST", "", policy="identity:create_group", target=own_as("group"), body=wrapped("group", PROPERTIES, ["name"])
)
def create(body: View) -> Any:
    home = targets.home("identity:create_group", "group", body["group"])
    with tools().change() as session:
        return {"group": show(groups.create(session, body["group"], home))}, 201


@resource.endpoint("GET", "", policy="identity:list_groups", target=own_as("group"))
def list_all() -> Any:
    stmt = groups.find(asked())
    if visible_domain() is not None:
        stmt = stmt.where(Group.domain_id == visible_domain())
    return listed(stmt, Group, "groups", show)


@resource.endpoint("GET", "/<group_id>", policy="identity:get_group", target=targets.group)
def show_one(group_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"group": show(groups.get(session, group_id))}


@resource.endpoint(
    "PATCH", "/<group_id>", policy="identity:update_group", target=targets.group, body=wrapped("group", PROPERTIES)
)
def update(group_id: str, body: View) -> Any:
    with tools().change() as session:
        group = groups.get(session, group_id)
        groups.change(session, group, body["group"])
        return {"group": show(group)}


@resource.endpoint("DELETE", "/<group_id>", policy="identity:delete_group", target=targets.existing_group)
def delete(group_id: str) -> Any:
    with tools().change() as session:
        groups.remove(session, groups.get(session, group_id))
    return "", 204


def show(group: Group) -> View:
    return {
        **group.extra,
        "id": group.id,
        "name": group.name,
        "domain_id": group.domain_id,
        "description": group.description,
        "links": link("groups", group.id),
    }
