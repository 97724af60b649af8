"""Roles of users and groups on projects, domains and the system, and (OS-INHERIT) on all projects below.

One function declares the ten families of paths, because they differ only in what the path names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pileus_identity.api.lists import views_with_links
from pileus_identity.api.roles import role_view
from pileus_identity.api.tools import tools
from pileus_identity.core import grants, roles
from pileus_identity.core.assignment_conditions import SYSTEM
from pileus_identity.core.grants import GrantTarget
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource, enforce

resource = Resource("grants", __name__, url_prefix="/v3")

GrantOf = Callable[..., GrantTarget]  # from the parameters of the path


@dataclass(frozen=True)
class Rules:
    """The policy rules of a family of paths."""

    index: str
    show: str
    create: str
    delete: str


def _declare(path: str, one: str, all: str, grant_of: GrantOf, rules: Rules) -> None:
    """Declare the routes of a family: `path` + `all` lists, `path` + `one` shows, creates and deletes a grant."""

    def target(role_id: str | None = None, **parameters: str) -> Mapping[str, object]:
        with tools().sessions.read() as session:
            role = roles.find(session, role_id) if role_id else None
            return grants.policy_target(session, grant_of(**parameters), role)

    @resource.endpoint("GET", path + all, policy=rules.index, target=target)
    def index(**parameters: str) -> Answer:
        with tools().sessions.read() as session:
            grant = grant_of(**parameters)
            grants.policy_target(session, grant)
            return views_with_links("roles", [role_view(role) for role in grants.list_roles(session, grant)])

    @resource.endpoint("GET", path + one, policy=rules.show, target=target)
    def show(role_id: str, **parameters: str) -> Answer:
        with tools().sessions.read() as session:
            grant = grant_of(**parameters)
            grants.policy_target(session, grant, roles.find(session, role_id))
            grants.find(session, grant, role_id)
        return "", 204

    @resource.endpoint("PUT", path + one, policy=rules.create, target=target)
    def create(role_id: str, **parameters: str) -> Answer:
        with tools().change() as session:
            role, grant = roles.find(session, role_id), grant_of(**parameters)
            # Again inside the transaction: the parts exist and are those that the rule was asked about.
            enforce(rules.create, grants.policy_target(session, grant, role))
            grants.create(session, grant, role)
        return "", 204

    @resource.endpoint("DELETE", path + one, policy=rules.delete, target=target)
    def delete(role_id: str, **parameters: str) -> Answer:
        with tools().change() as session:
            grant = grant_of(**parameters)
            grants.policy_target(session, grant, roles.find(session, role_id))
            grants.delete(session, grant, role_id)
        return "", 204


def _grant_of(actor: str, target: str, inherited: bool) -> GrantOf:
    def grant_of(actor_id: str, target_id: str = SYSTEM) -> GrantTarget:
        return GrantTarget(actor, actor_id, target, target_id, inherited)

    return grant_of


PROJECT_AND_DOMAIN_RULES = Rules(
    "identity:list_grants", "identity:check_grant", "identity:create_grant", "identity:revoke_grant"
)


def _system_rules(actor: str) -> Rules:
    return Rules(
        f"identity:list_system_grants_for_{actor}",
        f"identity:check_system_grant_for_{actor}",
        f"identity:create_system_grant_for_{actor}",
        f"identity:revoke_system_grant_for_{actor}",
    )


for _actor in ("user", "group"):
    for _target in ("project", "domain"):
        _path = f"/{_target}s/<target_id>/{_actor}s/<actor_id>/roles"
        _declare(_path, "/<role_id>", "", _grant_of(_actor, _target, False), PROJECT_AND_DOMAIN_RULES)
        _declare(
            f"/OS-INHERIT{_path}",
            "/<role_id>/inherited_to_projects",
            "/inherited_to_projects",
            _grant_of(_actor, _target, True),
            PROJECT_AND_DOMAIN_RULES,
        )
    _path = f"/system/{_actor}s/<actor_id>/roles"
    _declare(_path, "/<role_id>", "", _grant_of(_actor, "system", False), _system_rules(_actor))
