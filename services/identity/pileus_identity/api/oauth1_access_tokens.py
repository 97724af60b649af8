"""/v3/users/{user_id}/OS-OAUTH1/access_tokens: what a user has delegated to consumers."""

from pileus_identity.api import policy_targets
from pileus_identity.api.links import self_link, url
from pileus_identity.api.lists import list_query, list_view, views_with_links
from pileus_identity.api.roles import short_role_view
from pileus_identity.api.tools import tools
from pileus_identity.core import delegation, oauth1_access_tokens
from pileus_identity.core.times import format_time
from pileus_identity.db.models import AccessToken
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

resource = Resource("oauth1_access_tokens", __name__, url_prefix="/v3/users/<user_id>/OS-OAUTH1/access_tokens")


@resource.endpoint("GET", "", policy="identity:list_access_tokens", target=policy_targets.user)
def index(user_id: str) -> Answer:
    delegation.require_may_manage_access_tokens(caller())
    with tools().sessions.read() as session:
        found = oauth1_access_tokens.list_page(session, user_id, list_query())
        return list_view("access_tokens", found, access_token_view)


@resource.endpoint("GET", "/<token_id>", policy="identity:get_access_token", target=policy_targets.user)
def show(user_id: str, token_id: str) -> Answer:
    delegation.require_may_manage_access_tokens(caller())
    with tools().sessions.read() as session:
        return {"access_token": access_token_view(oauth1_access_tokens.find(session, user_id, token_id))}


@resource.endpoint("DELETE", "/<token_id>", policy="identity:delete_access_token", target=policy_targets.user)
def delete(user_id: str, token_id: str) -> Answer:
    delegation.require_may_manage_access_tokens(caller())
    with tools().change() as session:
        oauth1_access_tokens.delete(session, oauth1_access_tokens.find(session, user_id, token_id))
    return "", 204


@resource.endpoint("GET", "/<token_id>/roles", policy="identity:list_access_token_roles", target=policy_targets.user)
def index_roles(user_id: str, token_id: str) -> Answer:
    delegation.require_may_manage_access_tokens(caller())
    with tools().sessions.read() as session:
        token = oauth1_access_tokens.find(session, user_id, token_id)
        found = oauth1_access_tokens.list_roles(session, token)
        return views_with_links("roles", [short_role_view(role) for role in found])


@resource.endpoint(
    "GET", "/<token_id>/roles/<role_id>", policy="identity:get_access_token_role", target=policy_targets.user
)
def show_role(user_id: str, token_id: str, role_id: str) -> Answer:
    delegation.require_may_manage_access_tokens(caller())
    with tools().sessions.read() as session:
        token = oauth1_access_tokens.find(session, user_id, token_id)
        return {"role": short_role_view(oauth1_access_tokens.find_role(session, token, role_id))}


def access_token_view(token: AccessToken) -> JsonObject:
    """An access token without its secret."""
    path = ("users", token.user_id, "OS-OAUTH1", "access_tokens", token.id)
    return {
        "id": token.id,
        "consumer_id": token.consumer_id,
        "project_id": token.project_id,
        "authorizing_user_id": token.user_id,
        "expires_at": format_time(token.expires_at),
        "links": {**self_link(*path), "roles": url(*path, "roles")},
    }
