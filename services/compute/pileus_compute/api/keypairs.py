"""Keypairs."""

import re
from typing import Any

from flask import request

from pileus_compute.api.requests import iso, limit_of, next_link
from pileus_compute.api.schemas import NAME, PAGE, TEXT, body, obj, query, strict_query
from pileus_compute.core import keypairs, quotas
from pileus_compute.db.models import Keypair
from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.web import Resource, caller, enforce, tools, version

resource = Resource("keypairs", __name__, url_prefix="/v2.1/os-keypairs")
RULE = "os_compute_api:os-keypairs:"

TEXT_KEY = {"type": "string", "maxLength": 16384}
TYPE = {"type": "string", "enum": ["ssh", "x509"]}
PLAIN: dict[str, Any] = {"name": NAME, "public_key": TEXT_KEY}
TYPED = PLAIN | {"type": TYPE}
USERS = TYPED | {"user_id": {"type": "string", "minLength": 1, "maxLength": 255}}
CREATE = {
    (2, 1): body("keypair", obj(PLAIN, ("name",))),
    (2, 2): body("keypair", obj(TYPED, ("name",))),
    (2, 10): body("keypair", obj(USERS, ("name",))),
    (2, 92): body("keypair", obj(USERS, ("name", "public_key"))),
}
LIST = {
    (2, 1): query(),
    (2, 10): query(user_id=TEXT),
    (2, 35): query(user_id=TEXT, **PAGE),
    (2, 75): strict_query(user_id=TEXT, **PAGE),
}
ONE = {(2, 1): query(), (2, 10): query(user_id=TEXT), (2, 75): strict_query(user_id=TEXT)}
OLD_NAME = re.compile(r"[A-Za-z0-9 _-]+")
NEW_NAME = re.compile(r"[A-Za-z0-9 _@.-]+")


def _owner() -> str:
    """From 2.10 an admin may name another user."""
    asked = request.args.get("user_id") if version() >= (2, 10) else None
    return asked or caller().user_id


def _brief(keypair: Keypair) -> dict[str, Any]:
    view = {"name": keypair.name, "public_key": keypair.public_key, "fingerprint": keypair.fingerprint}
    return view | ({"type": keypair.type} if version() >= (2, 2) else {})


@resource.endpoint("GET", "", policy=RULE + "index", query=LIST)
def index() -> Any:
    owner = _owner()
    enforce(RULE + "index", {"user_id": owner})
    paged = version() >= (2, 35)
    limit = limit_of() if paged else 1000
    try:
        with tools().sessions.read() as session:
            rows = keypairs.page(session, owner, request.args.get("marker") if paged else None, limit)
    except NotFound:
        raise BadRequest(why=f"marker [{request.args.get('marker')}] not found") from None
    view: dict[str, Any] = {"keypairs": [{"keypair": _brief(k)} for k in rows]}
    following = next_link(rows, limit, rows[-1].name if rows else None) if paged else []
    return view | ({"keypairs_links": following} if following else {})


@resource.endpoint("GET", "/<path:name>", policy=RULE + "show", query=ONE)
def show(name: str) -> Any:
    owner = _owner()
    enforce(RULE + "show", {"user_id": owner})
    with tools().sessions.read() as session:
        keypair = keypairs.find(session, owner, name)
    return {
        "keypair": _brief(keypair)
        | {
            "id": keypair.id,
            "user_id": keypair.user_id,
            "created_at": iso(keypair.created_at),
            "deleted": False,
            "deleted_at": None,
            "updated_at": None,
        }
    }


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(body: dict[str, Any]) -> Any:
    wish = body["keypair"]
    owner = wish.get("user_id") or caller().user_id
    enforce(RULE + "create", {"user_id": owner})
    name, kind = wish["name"].strip(), wish.get("type", "ssh")
    if not (NEW_NAME if version() >= (2, 92) else OLD_NAME).fullmatch(name):
        raise BadRequest(why="Keypair data is invalid: Keypair name contains unsafe characters")
    private, public = None, wish.get("public_key")
    if public is None:
        private, public = keypairs.generate(kind, owner)
    fingerprint = keypairs.fingerprint_of(kind, public)
    with tools().sessions.begin() as session:
        quotas.check_keypairs(session, caller().project_id or "", owner)
        view = _brief(keypairs.create(session, owner, name, kind, public, fingerprint)) | {"user_id": owner}
    if private:
        view["private_key"] = private
    return {"keypair": view}, 201 if version() >= (2, 2) else 200


@resource.endpoint("DELETE", "/<path:name>", policy=RULE + "delete", query=ONE)
def delete(name: str) -> Any:
    owner = _owner()
    enforce(RULE + "delete", {"user_id": owner})
    with tools().sessions.begin() as session:
        keypairs.delete(session, owner, name)
    return "", 204 if version() >= (2, 2) else 202
