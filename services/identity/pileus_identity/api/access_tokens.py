"""/v3/users/{user_id}/OS-OAUTH1/access_tokens: what a user has lent to consumers."""

from typing import Any

from pileus_identity.api import targets
from pileus_identity.api.roles import brief
from pileus_identity.api.views import View, link, listed, page
from pileus_identity.core import access_tokens
from pileus_identity.core.delegation import lent
from pileus_identity.core.payloads import iso
from pileus_identity.db.models import AccessToken
from pileus_identity.errors import Missing, Refused
from pileus_kit.web import Resource, caller, tools

resource = Resource("access_tokens", __name__, url_prefix="/v3/users/<user_id>/OS-OAUTH1/access_tokens")


@resource.endpoint("GET", "", policy="identity:list_access_tokens", target=targets.user)
def list_all(user_id: str) -> Any:
    _no_delegates()
    return listed(access_tokens.find(user_id), AccessToken, "access_tokens", show)


@resource.endpoint("GET", "/<token_id>", policy="identity:get_access_token", target=targets.user)
def show_one(user_id: str, token_id: str) -> Any:
    _no_delegates()
    with tools().sessions.read() as session:
        return {"access_token": show(access_tokens.get(session, user_id, token_id))}


@resource.endpoint("DELETE", "/<token_id>", policy="identity:delete_access_token", target=targets.user)
def delete(user_id: str, token_id: str) -> Any:
    """With all tokens that were made with it."""
    _no_delegates()
    with tools().change() as session:
        access_tokens.remove(session, access_tokens.get(session, user_id, token_id))
    return "", 204


@resource.endpoint("GET", "/<token_id>/roles", policy="identity:list_access_token_roles", target=targets.user)
def list_roles(user_id: str, token_id: str) -> Any:
    _no_delegates()
    with tools().sessions.read() as session:
        token = access_tokens.get(session, user_id, token_id)
        return page("roles", [brief(role) for role in access_tokens.roles_of(session, token)])


@resource.endpoint("GET", "/<token_id>/roles/<role_id>", policy="identity:get_access_token_role", target=targets.user)
def show_role(user_id: str, token_id: str, role_id: str) -> Any:
    _no_delegates()
    with tools().sessions.read() as session:
        for role in access_tokens.roles_of(session, access_tokens.get(session, user_id, token_id)):
            if role.id == role_id:
                return {"role": brief(role)}
    raise Missing(kind="role", id=role_id)


def _no_delegates() -> None:
    """One loan neither sees nor ends another."""
    if lent(caller()):
        raise Refused(why="Access tokens are not for tokens that were issued via delegation.")


def show(token: AccessToken) -> View:
    place = ("users", token.user_id, "OS-OAUTH1", "access_tokens", token.id)
    return {
        "id": token.id,
        "consumer_id": token.consumer_id,
        "project_id": token.project_id,
        "authorizing_user_id": token.user_id,
        "expires_at": token.expires_at and iso(int(token.expires_at.timestamp() * 1_000_000)),
        "links": link(*place) | {"roles": link(*place, "roles")["self"]},
    }
