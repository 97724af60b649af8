"""/v3/users/{user_id}/application_credentials and access_rules."""

from typing import Any

from pileus_identity.api import targets
from pileus_identity.api.views import FLAG_OR_NULL, ID, NAME, TEXT, View, asked, link, page, wrapped
from pileus_identity.core import application_credentials, delegation, lists
from pileus_identity.db.models import AccessRule, ApplicationCredential
from pileus_kit.web import Resource, caller, tools

resource = Resource("application_credentials", __name__, url_prefix="/v3/users/<user_id>")

ROLE = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {"id": ID, "name": NAME},
}
RULE = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "properties": {
        "id": ID,
        "service": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9-]+$"},
        "method": {"enum": ["POST", "GET", "HEAD", "PATCH", "PUT", "DELETE"]},
        "path": {"type": "string", "maxLength": 225, "pattern": "^/.*"},
    },
}
CREATE = wrapped(
    "application_credential",
    {
        "name": NAME,
        "description": TEXT,
        "secret": {"type": ["string", "null"], "maxLength": 4096},
        "expires_at": {"type": ["string", "null"], "maxLength": 64},
        "roles": {"type": "array", "maxItems": 100, "items": ROLE},
        "unrestricted": FLAG_OR_NULL,
        "access_rules": {"type": "array", "maxItems": 100, "items": RULE},
    },
    ["name"],
)
ONE = "/application_credentials/<credential_id>"


def _may_see() -> None:
    delegation.sees_application_credentials(caller())


def _may_manage() -> None:
    who = caller()
    delegation.manages_application_credentials(who, tools().tokens.check(who.token).standing.restricted)


@resource.endpoint(
    "POST",
    "/application_credentials",
    policy="identity:create_application_credential",
    target=targets.user,
    body=CREATE,
)
def create(user_id: str, body: View) -> Any:
    """The secret is shown this once."""
    _may_manage()
    with tools().change() as session:
        credential, secret = application_credentials.create(
            session, caller(), body["application_credential"], tools().config.user_limit
        )
        view = _shown(session, [credential])[0]
        return {"application_credential": view | {"secret": secret}}, 201


@resource.endpoint(
    "GET", "/application_credentials", policy="identity:list_application_credentials", target=targets.user
)
def list_all(user_id: str) -> Any:
    _may_see()
    with tools().sessions.read() as session:
        rows, more = lists.page(
            session,
            application_credentials.find(user_id, asked()),
            ApplicationCredential,
            asked(),
            tools().config.list_limit,
        )
        return page("application_credentials", _shown(session, rows), rows[-1].id if more else None)


@resource.endpoint("GET", ONE, policy="identity:get_application_credential", target=targets.application_credential)
def show_one(user_id: str, credential_id: str) -> Any:
    _may_see()
    with tools().sessions.read() as session:
        return {"application_credential": _shown(session, [application_credentials.get(session, credential_id)])[0]}


@resource.endpoint(
    "DELETE", ONE, policy="identity:delete_application_credential", target=targets.application_credential
)
def delete(user_id: str, credential_id: str) -> Any:
    _may_manage()
    with tools().change() as session:
        application_credentials.remove(session, application_credentials.get(session, credential_id))
    return "", 204


def _shown(session: Any, credentials: list[ApplicationCredential]) -> list[View]:
    parts = application_credentials.parts(session, credentials)
    views = []
    for one in credentials:
        roles, rules = parts[one.id]
        view = {
            "id": one.id,
            "name": one.name,
            "description": one.description,
            "project_id": one.project_id,
            "unrestricted": one.unrestricted,
            "roles": roles,
            "system": None,
            "user_id": one.user_id,
            "expires_at": one.expires_at and one.expires_at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
            "links": link("users", one.user_id, "application_credentials", one.id),
        }
        views.append(view | {"access_rules": rules} if one.restricted_paths else view)
    return views


@resource.endpoint("GET", "/access_rules", policy="identity:list_access_rules", target=targets.user)
def list_rules(user_id: str) -> Any:
    _may_see()
    with tools().sessions.read() as session:
        rows, more = lists.page(
            session,
            application_credentials.find_rules(user_id, asked()),
            AccessRule,
            asked(),
            tools().config.list_limit,
        )
        return page("access_rules", [_rule(rule) for rule in rows], rows[-1].id if more else None)


@resource.endpoint("GET", "/access_rules/<rule_id>", policy="identity:get_access_rule", target=targets.user)
def show_rule(user_id: str, rule_id: str) -> Any:
    _may_see()
    with tools().sessions.read() as session:
        return {"access_rule": _rule(application_credentials.get_rule(session, user_id, rule_id))}


@resource.endpoint("DELETE", "/access_rules/<rule_id>", policy="identity:delete_access_rule", target=targets.user)
def delete_rule(user_id: str, rule_id: str) -> Any:
    _may_manage()
    with tools().change() as session:
        application_credentials.remove_rule(session, application_credentials.get_rule(session, user_id, rule_id))
    return "", 204


def _rule(rule: AccessRule) -> View:
    return application_credentials.rule_view(rule) | {"links": link("users", rule.user_id, "access_rules", rule.id)}
