"""/v3/users/{user_id}/application_credentials."""

from typing import TYPE_CHECKING

from pileus_identity.api import policy_targets
from pileus_identity.api.access_rules import access_rule_view, require_may_manage, require_may_read
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, views_with_links
from pileus_identity.api.schemas import FLAG_OR_NULL, ID, NAME, ONE_ROLE, TEXT, TIME_OR_NULL, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import application_credentials
from pileus_identity.core.application_credentials import ApplicationCredentialRequest
from pileus_identity.db.models import ApplicationCredential
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("application_credentials", __name__, url_prefix="/v3/users/<user_id>/application_credentials")

ACCESS_RULE: JsonObject = {
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
        "expires_at": TIME_OR_NULL,
        "roles": {"type": "array", "maxItems": 100, "items": ONE_ROLE},
        "unrestricted": FLAG_OR_NULL,
        "access_rules": {"type": "array", "maxItems": 100, "items": ACCESS_RULE},
    },
    ["name"],
)


@resource.endpoint("POST", "", policy="identity:create_application_credential", target=policy_targets.user, body=CREATE)
def create(user_id: str, body: JsonObject) -> Answer:
    """The secret is shown this once."""
    require_may_manage()
    wanted = ApplicationCredentialRequest.parse(body["application_credential"])
    with tools().change() as session:
        credential, secret = application_credentials.create(session, caller(), wanted, tools().config.user_limit)
        (view,) = _views(session, [credential])
        return {"application_credential": view | {"secret": secret}}, 201


@resource.endpoint("GET", "", policy="identity:list_application_credentials", target=policy_targets.user)
def index(user_id: str) -> Answer:
    require_may_read()
    with tools().sessions.read() as session:
        page = application_credentials.list_page(session, user_id, list_query())
        return views_with_links("application_credentials", _views(session, page.rows), page.has_more)


@resource.endpoint(
    "GET",
    "/<credential_id>",
    policy="identity:get_application_credential",
    target=policy_targets.application_credential,
)
def show(user_id: str, credential_id: str) -> Answer:
    require_may_read()
    with tools().sessions.read() as session:
        (view,) = _views(session, [application_credentials.find(session, credential_id)])
        return {"application_credential": view}


@resource.endpoint(
    "DELETE",
    "/<credential_id>",
    policy="identity:delete_application_credential",
    target=policy_targets.application_credential,
)
def delete(user_id: str, credential_id: str) -> Answer:
    require_may_manage()
    with tools().change() as session:
        application_credentials.delete(session, application_credentials.find(session, credential_id))
    return "", 204


def _views(session: "Session", credentials: list[ApplicationCredential]) -> list[JsonObject]:
    delegated = application_credentials.load_delegated(session, credentials)
    views = []
    for credential in credentials:
        roles = delegated[credential.id].roles
        view: JsonObject = {
            "id": credential.id,
            "name": credential.name,
            "description": credential.description,
            "project_id": credential.project_id,
            "unrestricted": credential.unrestricted,
            "roles": [{"id": role.id, "name": role.name, "domain_id": role.domain_id} for role in roles],
            "system": None,
            "user_id": credential.user_id,
            "expires_at": credential.expires_at and credential.expires_at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
            "links": self_link("users", credential.user_id, "application_credentials", credential.id),
        }
        if credential.has_access_rules:
            view["access_rules"] = [access_rule_view(rule) for rule in delegated[credential.id].access_rules]
        views.append(view)
    return views
