"""/v3/users/{user_id}/credentials/OS-EC2: access keys for the EC2 and S3 APIs."""

from flask import request

from pileus_identity.api import policy_targets
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import views_with_links
from pileus_identity.api.schemas import ID
from pileus_identity.api.tools import tools
from pileus_identity.core import credentials, delegation, ec2_keys, projects, users
from pileus_identity.db.models import Credential
from pileus_identity.errors import ForbiddenAction
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

resource = Resource("ec2_credentials", __name__, url_prefix="/v3/users/<user_id>/credentials/OS-EC2")

CREATE: JsonObject = {"type": "object", "required": ["tenant_id"], "properties": {"tenant_id": ID}}


@resource.endpoint(
    "POST",
    "",
    policy="identity:ec2_create_credential",
    target=policy_targets.ec2_credentials_of_user,
    body=CREATE,
)
def create(user_id: str, body: JsonObject) -> Answer:
    """A key for a project where the user has no role is of no use until they have one."""
    requester = caller()
    token = tools().tokens.validate(requester.token)
    delegation.require_may_create_access_keys(requester, token.authorization.restricted)
    with tools().change() as session:
        user, project = users.find(session, user_id), projects.find(session, body["tenant_id"])
        if delegation.is_delegated(requester) and project.id != requester.project_id:
            raise ForbiddenAction(why="A delegated token makes access keys for its own project only.")
        created = credentials.create_ec2(
            session, tools().credential_keys, user.id, project.id, token.payload, tools().config.user_limit
        )
        return {"credential": ec2_credential_view(created)}, 201


@resource.endpoint("GET", "", policy="identity:ec2_list_credentials", target=policy_targets.user)
def index(user_id: str) -> Answer:
    delegation.require_may_use_credentials(caller(), request.method)
    with tools().sessions.read() as session:
        users.find(session, user_id)
        rows = credentials.list_of_type(session, user_id, ec2_keys.EC2)
        return views_with_links("credentials", [ec2_credential_view(row) for row in rows])


@resource.endpoint("GET", "/<access>", policy="identity:ec2_get_credential", target=policy_targets.ec2_credential)
def show(user_id: str, access: str) -> Answer:
    delegation.require_may_use_credentials(caller(), request.method)
    with tools().sessions.read() as session:
        return {"credential": ec2_credential_view(credentials.find_ec2(session, access))}


@resource.endpoint("DELETE", "/<access>", policy="identity:ec2_delete_credential", target=policy_targets.ec2_credential)
def delete(user_id: str, access: str) -> Answer:
    delegation.require_may_use_credentials(caller(), request.method)
    with tools().change() as session:
        credentials.delete(session, credentials.find_ec2(session, access))
    return "", 204


def ec2_credential_view(credential: Credential) -> JsonObject:
    """An EC2 credential with its secret, as this API shows it."""
    blob = ec2_keys.parse_blob(tools().credential_keys.decrypt_text(credential.blob))
    return {
        "user_id": credential.user_id,
        "tenant_id": credential.project_id,
        "access": blob.get("access"),
        "secret": blob.get("secret"),
        "trust_id": blob.get("trust_id"),
        "links": self_link("users", credential.user_id, "credentials", "OS-EC2", str(blob.get("access"))),
    }
