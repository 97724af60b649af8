"""Who is in which group: /v3/groups/{id}/users and /v3/users/{id}/groups."""

from typing import Any

from pileus_identity.api import groups as group_views
from pileus_identity.api import targets
from pileus_identity.api import users as user_views
from pileus_identity.api.views import asked, listed, visible_domain
from pileus_identity.core import groups, users
from pileus_identity.db.models import Group, User
from pileus_kit.web import Resource, caller, tools

resource = Resource("memberships", __name__, url_prefix="/v3")

ONE = "/groups/<group_id>/users/<user_id>"


@resource.endpoint("GET", "/groups/<group_id>/users", policy="identity:list_users_in_group", target=targets.group)
def list_users(group_id: str) -> Any:
    with tools().sessions.read() as session:
        groups.get(session, group_id)
    stmt = users.of_group(group_id, asked())
    if visible_domain() is not None:
        stmt = stmt.where(User.domain_id == visible_domain())
    return listed(stmt, User, "users", user_views.show)


@resource.endpoint("GET", "/users/<user_id>/groups", policy="identity:list_groups_for_user", target=targets.user)
def list_groups(user_id: str) -> Any:
    with tools().sessions.read() as session:
        users.get(session, user_id)
    stmt = users.groups_of(user_id, asked())
    if caller().user_id != user_id and visible_domain() is not None:
        stmt = stmt.where(Group.domain_id == visible_domain())
    return listed(stmt, Group, "groups", group_views.show)


@resource.endpoint("PUT", ONE, policy="identity:add_user_to_group", target=targets.member)
def add(group_id: str, user_id: str) -> Any:
    with tools().change() as session:
        group = groups.get(session, group_id)
        groups.add(session, group, users.get(session, user_id).id)
    return "", 204


@resource.endpoint("GET", ONE, policy="identity:check_user_in_group", target=targets.member)
def check(group_id: str, user_id: str) -> Any:
    with tools().sessions.read() as session:
        groups.check(session, groups.get(session, group_id), users.get(session, user_id).id)
    return "", 204


@resource.endpoint("DELETE", ONE, policy="identity:remove_user_from_group", target=targets.member)
def remove(group_id: str, user_id: str) -> Any:
    with tools().change() as session:
        groups.discard(session, groups.get(session, group_id), users.get(session, user_id).id)
    return "", 204
