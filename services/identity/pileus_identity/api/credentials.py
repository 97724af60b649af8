"""/v3/credentials: secrets that users keep here."""

from flask import request

from pileus_identity.api import policy_targets
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.schemas import ID, ID_OR_NULL, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import credentials, delegation
from pileus_identity.core.ec2_keys import EC2
from pileus_identity.db.models import Credential
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, allowed, caller, enforce

resource = Resource("credentials", __name__, url_prefix="/v3/credentials")

PROPERTIES: JsonObject = {
    "type": {"type": "string", "minLength": 1, "maxLength": 255},
    "blob": {"type": "string", "maxLength": 65_535},
    "user_id": ID,
    "project_id": ID_OR_NULL,
}
CREATE = wrapped("credential", PROPERTIES, ["type", "blob"])
UPDATE = wrapped("credential", PROPERTIES)


@resource.endpoint("POST", "", policy="identity:create_credential", target=policy_targets.own_credential, body=CREATE)
def create(body: JsonObject) -> Answer:
    given = {"user_id": caller().user_id} | body["credential"]
    enforce("identity:create_credential", {"target.credential.user_id": given["user_id"]})
    token = tools().tokens.validate(caller().token)
    if given["type"] == EC2:
        delegation.require_may_create_access_keys(caller(), token.authorization.restricted)
    else:
        delegation.require_may_use_credentials(caller(), request.method)
    with tools().change() as session:
        created = credentials.create(session, tools().credential_keys, given, token.payload, tools().config.user_limit)
        return {"credential": credential_view(created)}, 201


@resource.endpoint("GET", "", policy="identity:list_credentials", target=policy_targets.own_credential)
def index() -> Answer:
    """Callers who may not see the credentials of all users see their own."""
    user_id = None if allowed("identity:list_credentials", {}) else caller().user_id
    delegation.require_may_use_credentials(caller(), request.method)
    with tools().sessions.read() as session:
        return list_view("credentials", credentials.list_page(session, list_query(), user_id), credential_view)


@resource.endpoint("GET", "/<credential_id>", policy="identity:get_credential", target=policy_targets.credential)
def show(credential_id: str) -> Answer:
    delegation.require_may_use_credentials(caller(), request.method)
    with tools().sessions.read() as session:
        return {"credential": credential_view(credentials.find(session, credential_id))}


@resource.endpoint(
    "PATCH",
    "/<credential_id>",
    policy="identity:update_credential",
    target=policy_targets.credential,
    body=UPDATE,
)
def update(credential_id: str, body: JsonObject) -> Answer:
    delegation.require_may_use_credentials(caller(), request.method)
    given = body["credential"]
    if "user_id" in given:
        enforce("identity:update_credential", {"target.credential.user_id": given["user_id"]})
    with tools().change() as session:
        credential = credentials.find(session, credential_id)
        credentials.update(session, tools().credential_keys, credential, given)
        return {"credential": credential_view(credential)}


@resource.endpoint("DELETE", "/<credential_id>", policy="identity:delete_credential", target=policy_targets.credential)
def delete(credential_id: str) -> Answer:
    delegation.require_may_use_credentials(caller(), request.method)
    with tools().change() as session:
        credentials.delete(session, credentials.find(session, credential_id))
    return "", 204


def credential_view(credential: Credential) -> JsonObject:
    """A credential with its secret, as the API shows it."""
    return {
        **credential.extra,
        "id": credential.id,
        "type": credential.type,
        "user_id": credential.user_id,
        "project_id": credential.project_id,
        "blob": tools().credential_keys.decrypt_text(credential.blob),
        "links": self_link("credentials", credential.id),
    }
