"""/v3/groups/{group_id}/users and /v3/users/{user_id}/groups."""

from pileus_identity.api import policy_targets
from pileus_identity.api.domain_scope import visible_domain_id
from pileus_identity.api.groups import group_view
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.tools import tools
from pileus_identity.api.users import user_view
from pileus_identity.core import groups, users
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource, caller

resource = Resource("group_members", __name__, url_prefix="/v3")

MEMBER = "/groups/<group_id>/users/<user_id>"


@resource.endpoint(
    "GET", "/groups/<group_id>/users", policy="identity:list_users_in_group", target=policy_targets.group
)
def index(group_id: str) -> Answer:
    with tools().sessions.read() as session:
        groups.find(session, group_id)
        found = users.list_page_in_group(session, group_id, list_query(), visible_domain_id())
        return list_view("users", found, user_view)


@resource.endpoint("GET", "/users/<user_id>/groups", policy="identity:list_groups_for_user", target=policy_targets.user)
def index_groups(user_id: str) -> Answer:
    with tools().sessions.read() as session:
        users.find(session, user_id)
        domain_id = None if caller().user_id == user_id else visible_domain_id()
        return list_view("groups", groups.list_page_of_user(session, user_id, list_query(), domain_id), group_view)


@resource.endpoint("PUT", MEMBER, policy="identity:add_user_to_group", target=policy_targets.group_member)
def create(group_id: str, user_id: str) -> Answer:
    with tools().change() as session:
        group = groups.find(session, group_id)
        groups.add_member(session, group, users.find(session, user_id).id)
    return "", 204


@resource.endpoint("GET", MEMBER, policy="identity:check_user_in_group", target=policy_targets.group_member)
def show(group_id: str, user_id: str) -> Answer:
    with tools().sessions.read() as session:
        groups.find_member(session, groups.find(session, group_id), users.find(session, user_id).id)
    return "", 204


@resource.endpoint("DELETE", MEMBER, policy="identity:remove_user_from_group", target=policy_targets.group_member)
def delete(group_id: str, user_id: str) -> Answer:
    with tools().change() as session:
        groups.remove_member(session, groups.find(session, group_id), users.find(session, user_id).id)
    return "", 204
