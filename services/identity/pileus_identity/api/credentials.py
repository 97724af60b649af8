"""/v3/credentials: secrets that users keep here."""

from typing import Any

from flask import request

from pileus_identity.api import targets
from pileus_identity.api.views import ID, ID_OR_NULL, View, asked, link, page, wrapped
from pileus_identity.core import credentials, lists
from pileus_identity.core.delegation import ACCESS_KEY, lent
from pileus_identity.core.payloads import Payload
from pileus_identity.db.models import Credential
from pileus_identity.errors import Refused
from pileus_kit.web import Resource, allowed, caller, enforce, tools

resource = Resource("credentials", __name__, url_prefix="/v3/credentials")

BLOB = {"type": "string", "maxLength": 65_535}
PROPERTIES = {
    "type": {"type": "string", "minLength": 1, "maxLength": 255},
    "blob": BLOB,
    "user_id": ID,
    "project_id": ID_OR_NULL,
}


def mine() -> View:
    return {"target.credential.user_id": caller().user_id}


@resource.endpoint(
    "POST",
    "",
    policy="identity:create_credential",
    target=mine,
    body=wrapped("credential", PROPERTIES, ["type", "blob"]),
)
def create(body: View) -> Any:
    wish = {"user_id": caller().user_id} | body["credential"]
    enforce("identity:create_credential", {"target.credential.user_id": wish["user_id"]})
    if wish["type"] != credentials.EC2:
        no_delegates()
    else:
        may_make_keys()
    with tools().change() as session:
        made = credentials.create(session, tools().credential_keys, wish, loan(), tools().config.user_limit)
        return {"credential": show(made)}, 201


@resource.endpoint("GET", "", policy="identity:list_credentials", target=mine)
def list_all() -> Any:
    stmt = credentials.find(asked())
    if not allowed("identity:list_credentials", {}):  # not everybody's
        stmt = stmt.where(Credential.user_id == caller().user_id)
    no_delegates()
    with tools().sessions.read() as session:
        rows, more = lists.page(session, stmt, Credential, asked(), tools().config.list_limit)
        return page("credentials", [show(row) for row in rows], rows[-1].id if more else None)


@resource.endpoint("GET", "/<credential_id>", policy="identity:get_credential", target=targets.credential)
def show_one(credential_id: str) -> Any:
    no_delegates()
    with tools().sessions.read() as session:
        return {"credential": show(credentials.get(session, credential_id))}


@resource.endpoint(
    "PATCH",
    "/<credential_id>",
    policy="identity:update_credential",
    target=targets.credential,
    body=wrapped("credential", PROPERTIES),
)
def update(credential_id: str, body: View) -> Any:
    no_delegates()
    wish = body["credential"]
    if "user_id" in wish:
        enforce("identity:update_credential", {"target.credential.user_id": wish["user_id"]})
    with tools().change() as session:
        credential = credentials.get(session, credential_id)
        credentials.change(session, tools().credential_keys, credential, wish)
        return {"credential": show(credential)}


@resource.endpoint("DELETE", "/<credential_id>", policy="identity:delete_credential", target=targets.credential)
def delete(credential_id: str) -> Any:
    no_delegates()
    with tools().change() as session:
        session.delete(credentials.get(session, credential_id))
    return "", 204


def no_delegates() -> None:
    """Lent rights don't reach secrets: with one of them the borrower would outlive and outgrow the loan."""
    if lent(caller()):
        raise Refused(why=f"Delegated tokens may not {request.method} credentials.")


def may_make_keys() -> None:
    """An access key of a delegation stays within it; one that may make no others, or only some calls, makes none."""
    who = caller()
    restricted = who.access_rules is not None or tools().tokens.check(who.token).standing.restricted
    if restricted or ACCESS_KEY in who.methods:
        raise Refused(why="This delegation may not make other credentials.")


def loan() -> Payload:
    """The caller's token, which says by which delegation he acts, if he does."""
    return tools().tokens.check(caller().token).payload


def show(credential: Credential) -> View:
    return {
        **credential.extra,
        "id": credential.id,
        "type": credential.type,
        "user_id": credential.user_id,
        "project_id": credential.project_id,
        "blob": credentials.reveal(tools().credential_keys, credential),
        "links": link("credentials", credential.id),
    }
