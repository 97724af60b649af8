"""/v3/groups."""

from pileus_identity.api import policy_targets
from pileus_identity.api.domain_scope import own_domain_target, visible_domain_id
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.schemas import ID, NAME, TEXT, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import groups
from pileus_identity.db.models import Group
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("groups", __name__, url_prefix="/v3/groups")

PROPERTIES = {"name": NAME, "description": TEXT, "domain_id": ID}
CREATE = wrapped("group", PROPERTIES, ["name"])
UPDATE = wrapped("group", PROPERTIES)


@resource.endpoint("POST", "", policy="identity:create_group", target=own_domain_target("group"), body=CREATE)
def create(body: JsonObject) -> Answer:
    domain_id = policy_targets.resolve_domain_id("identity:create_group", "group", body["group"])
    with tools().change() as session:
        return {"group": group_view(groups.create(session, body["group"], domain_id))}, 201


@resource.endpoint("GET", "", policy="identity:list_groups", target=own_domain_target("group"))
def index() -> Answer:
    with tools().sessions.read() as session:
        return list_view("groups", groups.list_page(session, list_query(), visible_domain_id()), group_view)


@resource.endpoint("GET", "/<group_id>", policy="identity:get_group", target=policy_targets.group)
def show(group_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"group": group_view(groups.find(session, group_id))}


@resource.endpoint("PATCH", "/<group_id>", policy="identity:update_group", target=policy_targets.group, body=UPDATE)
def update(group_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        group = groups.find(session, group_id)
        groups.update(session, group, body["group"])
        return {"group": group_view(group)}


@resource.endpoint("DELETE", "/<group_id>", policy="identity:delete_group", target=policy_targets.existing_group)
def delete(group_id: str) -> Answer:
    with tools().change() as session:
        groups.delete(session, groups.find(session, group_id))
    return "", 204


def group_view(group: Group) -> JsonObject:
    """A group as the API shows it."""
    return {
        **group.extra,
        "id": group.id,
        "name": group.name,
        "domain_id": group.domain_id,
        "description": group.description,
        "links": self_link("groups", group.id),
    }
