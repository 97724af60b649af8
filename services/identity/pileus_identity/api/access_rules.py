"""/v3/users/{user_id}/access_rules."""

from pileus_identity.api import policy_targets
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.tools import tools
from pileus_identity.core import access_rules, delegation
from pileus_identity.db.models import AccessRule
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

resource = Resource("access_rules", __name__, url_prefix="/v3/users/<user_id>/access_rules")


def require_may_read() -> None:
    """Raises ForbiddenAction if the caller's token may not read application credentials and their rules."""
    delegation.require_may_read_application_credentials(caller())


def require_may_manage() -> None:
    """Raises ForbiddenAction if the caller's token may not create or delete application credentials."""
    restricted = tools().tokens.validate(caller().token).authorization.restricted
    delegation.require_may_manage_application_credentials(caller(), restricted)


@resource.endpoint("GET", "", policy="identity:list_access_rules", target=policy_targets.user)
def index(user_id: str) -> Answer:
    require_may_read()
    with tools().sessions.read() as session:
        return list_view("access_rules", access_rules.list_page(session, user_id, list_query()), _linked_view)


@resource.endpoint("GET", "/<rule_id>", policy="identity:get_access_rule", target=policy_targets.user)
def show(user_id: str, rule_id: str) -> Answer:
    require_may_read()
    with tools().sessions.read() as session:
        return {"access_rule": _linked_view(access_rules.find(session, user_id, rule_id))}


@resource.endpoint("DELETE", "/<rule_id>", policy="identity:delete_access_rule", target=policy_targets.user)
def delete(user_id: str, rule_id: str) -> Answer:
    require_may_manage()
    with tools().change() as session:
        access_rules.delete(session, access_rules.find(session, user_id, rule_id))
    return "", 204


def access_rule_view(rule: AccessRule) -> JsonObject:
    """An access rule as application credentials show it."""
    return {"id": rule.id, "service": rule.service, "method": rule.method, "path": rule.path}


def _linked_view(rule: AccessRule) -> JsonObject:
    return access_rule_view(rule) | {"links": self_link("users", rule.user_id, "access_rules", rule.id)}
