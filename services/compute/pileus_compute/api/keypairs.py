"""`/os-keypairs`: the public keys that users log in to their servers with."""

import re

from flask import request

from pileus_compute.api.requests.listing import MAX_LIMIT, limit, links_to_next
from pileus_compute.api.schemas.types import NAME, PAGE, TEXT, body, obj, query, strict_query
from pileus_compute.api.tools import tools
from pileus_compute.api.views.links import iso_seconds
from pileus_compute.core import keypairs
from pileus_compute.db.models import Keypair
from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller, enforce, version

resource = Resource("keypairs", __name__, url_prefix="/v2.1/os-keypairs")
RULE = "os_compute_api:os-keypairs:"

TEXT_KEY = {"type": "string", "maxLength": 16384}
TYPE = {"type": "string", "enum": ["ssh", "x509"]}
PLAIN: JsonObject = {"name": NAME, "public_key": TEXT_KEY}
TYPED = PLAIN | {"type": TYPE}
OF_USER = TYPED | {"user_id": {"type": "string", "minLength": 1, "maxLength": 255}}
CREATE = {
    (2, 1): body("keypair", obj(PLAIN, ("name",))),
    (2, 2): body("keypair", obj(TYPED, ("name",))),
    (2, 10): body("keypair", obj(OF_USER, ("name",))),
    (2, 92): body("keypair", obj(OF_USER, ("name", "public_key"))),
}
LIST = {
    (2, 1): query(),
    (2, 10): query(user_id=TEXT),
    (2, 35): query(user_id=TEXT, **PAGE),
    (2, 75): strict_query(user_id=TEXT, **PAGE),
}
ONE = {(2, 1): query(), (2, 10): query(user_id=TEXT), (2, 75): strict_query(user_id=TEXT)}
SAFE_NAME = re.compile(r"[A-Za-z0-9 _-]+")
SAFE_NAME_2_92 = re.compile(r"[A-Za-z0-9 _@.-]+")


def _owner() -> str:
    """Return the user whose keypairs are meant: from 2.10 an administrator may name another user."""
    asked = request.args.get("user_id") if version() >= (2, 10) else None
    return asked or caller().user_id


def keypair_summary(keypair: Keypair) -> JsonObject:
    view = {"name": keypair.name, "public_key": keypair.public_key, "fingerprint": keypair.fingerprint}
    return view | ({"type": keypair.type} if version() >= (2, 2) else {})


@resource.endpoint("GET", "", policy=RULE + "index", query=LIST)
def index() -> Answer:
    owner = _owner()
    enforce(RULE + "index", {"user_id": owner})
    paged = version() >= (2, 35)
    size = limit() if paged else MAX_LIMIT
    marker = request.args.get("marker") if paged else None
    try:
        with tools().sessions.read() as session:
            rows = keypairs.list_keypairs(session, owner, marker, size)
    except NotFound:
        raise BadRequest(why=f"marker [{marker}] not found") from None
    view: JsonObject = {"keypairs": [{"keypair": keypair_summary(k)} for k in rows]}
    return view | (links_to_next("keypairs_links", rows, size, rows[-1].name if rows else None) if paged else {})


@resource.endpoint("GET", "/<path:name>", policy=RULE + "show", query=ONE)
def show(name: str) -> Answer:
    owner = _owner()
    enforce(RULE + "show", {"user_id": owner})
    with tools().sessions.read() as session:
        keypair = keypairs.find(session, owner, name)
    return {
        "keypair": keypair_summary(keypair)
        | {
            "id": keypair.id,
            "user_id": keypair.user_id,
            "created_at": iso_seconds(keypair.created_at),
            "deleted": False,
            "deleted_at": None,
            "updated_at": None,
        }
    }


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(body: JsonObject) -> Answer:
    asked = body["keypair"]
    owner = asked.get("user_id") or caller().user_id
    enforce(RULE + "create", {"user_id": owner})
    name, kind = asked["name"].strip(), asked.get("type", "ssh")
    if not (SAFE_NAME_2_92 if version() >= (2, 92) else SAFE_NAME).fullmatch(name):
        raise BadRequest(why="Keypair data is invalid: Keypair name contains unsafe characters")
    private, public = None, asked.get("public_key")
    if public is None:
        private, public = keypairs.generate(kind, owner)
    fingerprint = keypairs.fingerprint_of(kind, public)
    with tools().sessions.begin() as session:
        new = Keypair(user_id=owner, name=name, type=kind, public_key=public, fingerprint=fingerprint)
        keypair = keypairs.create(session, caller().project_id or "", new)
        view = keypair_summary(keypair) | {"user_id": owner}
    if private:
        view["private_key"] = private
    return {"keypair": view}, 201 if version() >= (2, 2) else 200


@resource.endpoint("DELETE", "/<path:name>", policy=RULE + "delete", query=ONE)
def delete(name: str) -> Answer:
    owner = _owner()
    enforce(RULE + "delete", {"user_id": owner})
    with tools().sessions.begin() as session:
        keypairs.delete(session, owner, name)
    return "", 204 if version() >= (2, 2) else 202
