"""QoS specs, for administrators."""

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_volume.api.listing import Listing, flag
from pileus_volume.api.project_paths import Resource, base_url
from pileus_volume.api.schemas import NAME, wrapped
from pileus_volume.api.tools import tools
from pileus_volume.core import qos_specs
from pileus_volume.core.lists import QOS_SPECS
from pileus_volume.db.models import QosSpec
from pileus_volume.errors import Invalid

resource = Resource("qos_specs", __name__, url_prefix="/v3/qos-specs")

CONSUMER = {"type": "string", "enum": ["front-end", "back-end", "both"]}
VALUE: JsonObject = {
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
LISTING = Listing(QOS_SPECS, "qos-specs", key="qos_specs")
MANAGE = "volume_extension:qos_specs_manage"


def view(spec: QosSpec) -> JsonObject:
    """All of the QoS specs."""
    return {"id": spec.id, "name": spec.name, "consumer": spec.consumer, "specs": spec.specs}


def _links(spec: QosSpec) -> list[dict[str, str]]:
    return [
        {"rel": "self", "href": f"{base_url()}/qos-specs/{spec.id}"},
        {"rel": "bookmark", "href": f"{base_url().replace('/v3/', '/')}/qos-specs/{spec.id}"},
    ]


@resource.endpoint("POST", "", policy=f"{MANAGE}:create", body=CREATE)
def create(body: JsonObject) -> Answer:
    asked = dict(body["qos_specs"])
    name, consumer = asked.pop("name"), asked.pop("consumer", "back-end")
    with tools().sessions.begin() as session:
        spec = qos_specs.create(session, name.strip(), consumer, asked)
        return {"qos_specs": view(spec), "links": _links(spec)}


@resource.endpoint("GET", "", policy=f"{MANAGE}:get_all")
def index() -> Answer:
    return LISTING.answer(view)


@resource.endpoint("GET", "/<qos_id>", policy=f"{MANAGE}:get")
def show(qos_id: str) -> Answer:
    with tools().sessions.read() as session:
        spec = qos_specs.find(session, qos_id)
    return {"qos_specs": view(spec), "links": _links(spec)}


@resource.endpoint("PUT", "/<qos_id>", policy=f"{MANAGE}:update", body=UPDATE)
def update(qos_id: str, body: JsonObject) -> Answer:
    asked = dict(body["qos_specs"])
    with tools().sessions.begin() as session:
        qos_specs.update(session, qos_id, asked.pop("consumer", None), asked)
    return body


@resource.endpoint("PUT", "/<qos_id>/delete_keys", policy=f"{MANAGE}:update", body=DELETE_KEYS)
def delete_keys(qos_id: str, body: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        qos_specs.delete_keys(session, qos_id, body["keys"])
    return "", 202


@resource.endpoint("DELETE", "/<qos_id>", policy=f"{MANAGE}:delete")
def delete(qos_id: str) -> Answer:
    with tools().sessions.begin() as session:
        qos_specs.delete(session, qos_id, flag("force"))
    return "", 202


@resource.endpoint("GET", "/<qos_id>/associations", policy=f"{MANAGE}:get_all")
def index_associations(qos_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {
            "qos_associations": [
                {"association_type": "volume_type", "name": volume_type.name, "id": volume_type.id}
                for volume_type in qos_specs.list_associations(session, qos_id)
            ]
        }


def _asked_type() -> str:
    if not request.args.get("vol_type_id"):
        raise Invalid(why="Volume Type id must not be None.")
    return request.args["vol_type_id"]


@resource.endpoint("GET", "/<qos_id>/associate", policy=f"{MANAGE}:update")
def associate(qos_id: str) -> Answer:
    with tools().sessions.begin() as session:
        qos_specs.associate(session, qos_id, _asked_type())
    return "", 202


@resource.endpoint("GET", "/<qos_id>/disassociate", policy=f"{MANAGE}:update")
def disassociate(qos_id: str) -> Answer:
    with tools().sessions.begin() as session:
        qos_specs.disassociate(session, qos_id, _asked_type())
    return "", 202


@resource.endpoint("GET", "/<qos_id>/disassociate_all", policy=f"{MANAGE}:update")
def disassociate_all(qos_id: str) -> Answer:
    with tools().sessions.begin() as session:
        qos_specs.disassociate_all(session, qos_id)
    return "", 202
