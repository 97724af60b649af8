"""/v3/users/{user_id}/credentials/OS-EC2: access keys for the EC2 and S3 dialects."""

from typing import Any

from sqlalchemy import select

from pileus_identity.api import targets
from pileus_identity.api.credentials import loan, may_make_keys, no_delegates
from pileus_identity.api.views import ID, View, link, page
from pileus_identity.core import credentials, projects, users
from pileus_identity.core.delegation import lent
from pileus_identity.db.models import Credential
from pileus_identity.errors import Refused
from pileus_kit.web import Resource, caller, tools

resource = Resource("ec2_credentials", __name__, url_prefix="/v3/users/<user_id>/credentials/OS-EC2")

CREATE = {"type": "object", "required": ["tenant_id"], "properties": {"tenant_id": ID}}
MOST = 1000


def wanted(user_id: str) -> Any:
    return {**targets.user(user_id), "target.credential.user_id": user_id}


@resource.endpoint("POST", "", policy="identity:ec2_create_credential", target=wanted, body=CREATE)
def create(user_id: str, body: View) -> Any:
    """A key for a project where the user has no role is good for nothing until there is one. A delegated token makes
    keys for its own project only."""
    who = caller()
    may_make_keys()
    with tools().change() as session:
        user, project = users.get(session, user_id), projects.get(session, body["tenant_id"])
        if lent(who) and project.id != who.project_id:
            raise Refused(why="A delegated token makes access keys for its own project only.")
        made = credentials.create_ec2(
            session, tools().credential_keys, user.id, project.id, loan(), tools().config.user_limit
        )
        return {"credential": made | {"links": link("users", user.id, "credentials", "OS-EC2", made["access"])}}, 201


@resource.endpoint("GET", "", policy="identity:ec2_list_credentials", target=targets.user)
def list_all(user_id: str) -> Any:
    no_delegates()
    with tools().sessions.read() as session:
        users.get(session, user_id)
        rows = session.scalars(
            select(Credential)
            .where(Credential.user_id == user_id, Credential.type == credentials.EC2)
            .order_by(Credential.id)
            .limit(MOST)
        )
        return page("credentials", [_show(row) for row in rows])


@resource.endpoint("GET", "/<access>", policy="identity:ec2_get_credential", target=targets.access_key)
def show_one(user_id: str, access: str) -> Any:
    no_delegates()
    with tools().sessions.read() as session:
        return {"credential": _show(credentials.get_ec2(session, access))}


@resource.endpoint("DELETE", "/<access>", policy="identity:ec2_delete_credential", target=targets.access_key)
def delete(user_id: str, access: str) -> Any:
    no_delegates()
    with tools().change() as session:
        session.delete(credentials.get_ec2(session, access))
    return "", 204


def _show(credential: Credential) -> View:
    view = credentials.ec2_view(tools().credential_keys, credential)
    return view | {"links": link("users", credential.user_id, "credentials", "OS-EC2", str(view["access"]))}
