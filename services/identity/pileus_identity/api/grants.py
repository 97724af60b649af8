"""Roles of users and groups on projects, domains and the system, and (OS-INHERIT) on all projects below.

One declaration for the ten families of paths, because they differ only in what the path names.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pileus_identity.api.roles import show
from pileus_identity.api.views import page
from pileus_identity.core import grants, roles
from pileus_identity.core.grants import Seat
from pileus_identity.core.standings import SYSTEM
from pileus_kit.web import Resource, enforce, tools

resource = Resource("grants", __name__, url_prefix="/v3")

Make = Callable[..., Seat]


def _family(path: str, one: str, all: str, make: Make, rules: Mapping[str, str]) -> None:
    """`path` + `all` lists, `path` + `one` gives, checks and takes."""

    def target(role_id: str | None = None, **where: str) -> Mapping[str, Any]:
        with tools().sessions.read() as session:
            return grants.facts(session, make(**where), roles.get(session, role_id) if role_id else None)

    @resource.endpoint("GET", path + all, policy=rules["list"], target=target)
    def list_all(**where: str) -> Any:
        with tools().sessions.read() as session:
            grants.facts(session, make(**where))
            return page("roles", [show(role) for role in grants.roles(session, make(**where))])

    @resource.endpoint("GET", path + one, policy=rules["check"], target=target)
    def check(role_id: str, **where: str) -> Any:
        with tools().sessions.read() as session:
            grants.facts(session, make(**where), roles.get(session, role_id))
            grants.check(session, make(**where), role_id)
        return "", 204

    @resource.endpoint("PUT", path + one, policy=rules["give"], target=target)
    def give(role_id: str, **where: str) -> Any:
        with tools().change() as session:
            role = roles.get(session, role_id)
            # Again inside the transaction: the parts exist, and are those that the rule was asked about.
            enforce(rules["give"], grants.facts(session, make(**where), role))
            grants.give(session, make(**where), role)
        return "", 204

    @resource.endpoint("DELETE", path + one, policy=rules["take"], target=target)
    def take(role_id: str, **where: str) -> Any:
        with tools().change() as session:
            grants.facts(session, make(**where), roles.get(session, role_id))
            grants.take(session, make(**where), role_id)
        return "", 204


def _maker(actor: str, target: str, inherited: bool) -> Make:
    def make(actor_id: str, target_id: str = SYSTEM) -> Seat:
        return Seat(actor, actor_id, target, target_id, inherited)

    return make


RULES = {
    "list": "identity:list_grants",
    "check": "identity:check_grant",
    "give": "identity:create_grant",
    "take": "identity:revoke_grant",
}

for actor in ("user", "group"):
    for place in ("project", "domain"):
        where = f"/{place}s/<target_id>/{actor}s/<actor_id>/roles"
        _family(where, "/<role_id>", "", _maker(actor, place, False), RULES)
        _family(
            f"/OS-INHERIT{where}",
            "/<role_id>/inherited_to_projects",
            "/inherited_to_projects",
            _maker(actor, place, True),
            RULES,
        )
    _family(
        f"/system/{actor}s/<actor_id>/roles",
        "/<role_id>",
        "",
        _maker(actor, "system", False),
        {
            "list": f"identity:list_system_grants_for_{actor}",
            "check": f"identity:check_system_grant_for_{actor}",
            "give": f"identity:create_system_grant_for_{actor}",
            "take": f"identity:revoke_system_grant_for_{actor}",
        },
    )
