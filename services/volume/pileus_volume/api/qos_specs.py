"""QoS specs, for administrators."""

from typing import Any

from flask import request
from sqlalchemy import select

from pileus_kit.web import tools
from pileus_volume.api import listings
from pileus_volume.api.project_paths import Resource, base_url
from pileus_volume.api.schemas import NAME, wrapped
from pileus_volume.core import qos
from pileus_volume.db.models import QosSpec
from pileus_volume.errors import Invalid

resource = Resource("qos_specs", __name__, url_prefix="/v3/qos-specs")

CONSUMER = {"type": "string", "enum": ["front-end", "back-end", "both"]}
VALUE: dict[str, Any] = {
    "patternProperties": {r"^[a-zA-Z0-9\-_:. ]{1,255}\Z": {"type": "string", "maxLength": 255}},
    "maxProperties": 128,
}
CREATE = {(3, 0): wrapped("qos_specs", {"name": NAME, "consumer": CONSUMER}, required=("name",), **VALUE)}
UPDATE = {(3, 0): wrapped("qos_specs", {"consumer": CONSUMER}, minProperties=1, **VALUE)}
DELETE_KEYS = {
    (3, 0): {
        "type": "object",
        "properties": {"keys": {"type": "array", "items": NAME, "maxItems": 128}},
        "required": ["keys"],
        "additionalProperties": False,
    }
}
SORTABLE: dict[str, listings.Column] = {
    "id": QosSpec.id,
    "name": QosSpec.name,
    "consumer": QosSpec.consumer,
    "created_at": QosSpec.created_at,
}
MANAGE = "volume_extension:qos_specs_manage"


def view(spec: QosSpec) -> dict[str, Any]:
    return {"id": spec.id, "name": spec.name, "consumer": spec.consumer, "specs": spec.specs}


def _links(spec: QosSpec) -> list[dict[str, str]]:
    return [
        {"rel": "self", "href": f"{base_url()}/qos-specs/{spec.id}"},
        {"rel": "bookmark", "href": f"{base_url().replace('/v3/', '/')}/qos-specs/{spec.id}"},
    ]


@resource.endpoint("POST", "", policy=f"{MANAGE}:create", body=CREATE)
def create(body: dict[str, Any]) -> Any:
    asked = dict(body["qos_specs"])
    name, consumer = asked.pop("name"), asked.pop("consumer", "back-end")
    with tools().sessions.begin() as session:
        spec = qos.create(session, name.strip(), consumer, asked)
        return {"qos_specs": view(spec), "links": _links(spec)}


@resource.endpoint("GET", "", policy=f"{MANAGE}:get_all")
def index() -> Any:
    asked = listings.page()
    with tools().sessions.read() as session:
        marker = qos.get(session, asked.marker) if asked.marker else None
        rows = listings.fetch(session, select(QosSpec), asked, SORTABLE, QosSpec.id, marker)
    return {"qos_specs": [view(s) for s in rows], **listings.links("qos_specs", asked, rows, f"{base_url()}/qos-specs")}


@resource.endpoint("GET", "/<qos_id>", policy=f"{MANAGE}:get")
def show(qos_id: str) -> Any:
    with tools().sessions.read() as session:
        spec = qos.get(session, qos_id)
    return {"qos_specs": view(spec), "links": _links(spec)}


@resource.endpoint("PUT", "/<qos_id>", policy=f"{MANAGE}:update", body=UPDATE)
def update(qos_id: str, body: dict[str, Any]) -> Any:
    asked = dict(body["qos_specs"])
    with tools().sessions.begin() as session:
        qos.change(session, qos_id, asked.pop("consumer", None), asked)
    return body


@resource.endpoint("PUT", "/<qos_id>/delete_keys", policy=f"{MANAGE}:update", body=DELETE_KEYS)
def delete_keys(qos_id: str, body: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        qos.unset(session, qos_id, body["keys"])
    return "", 202


@resource.endpoint("DELETE", "/<qos_id>", policy=f"{MANAGE}:delete")
def delete(qos_id: str) -> Any:
    with tools().sessions.begin() as session:
        qos.remove(session, qos_id, listings.flag("force"))
    return "", 202


@resource.endpoint("GET", "/<qos_id>/associations", policy=f"{MANAGE}:get_all")
def associations(qos_id: str) -> Any:
    with tools().sessions.read() as session:
        return {
            "qos_associations": [
                {"association_type": "volume_type", "name": kind.name, "id": kind.id}
                for kind in qos.associations(session, qos_id)
            ]
        }


def _type() -> str:
    if not request.args.get("vol_type_id"):
        raise Invalid(why="Volume Type id must not be None.")
    return request.args["vol_type_id"]


@resource.endpoint("GET", "/<qos_id>/associate", policy=f"{MANAGE}:update")
def associate(qos_id: str) -> Any:
    with tools().sessions.begin() as session:
        qos.associate(session, qos_id, _type())
    return "", 202


@resource.endpoint("GET", "/<qos_id>/disassociate", policy=f"{MANAGE}:update")
def dissociate(qos_id: str) -> Any:
    with tools().sessions.begin() as session:
        qos.dissociate(session, qos_id, _type())
    return "", 202


@resource.endpoint("GET", "/<qos_id>/disassociate_all", policy=f"{MANAGE}:update")
def dissociate_all(qos_id: str) -> Any:
    with tools().sessions.begin() as session:
        qos.dissociate_all(session, qos_id)
    return "", 202
