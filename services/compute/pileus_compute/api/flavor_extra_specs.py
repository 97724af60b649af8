"""Extra specs of a flavor."""

from typing import Any

from pileus_compute.api.schemas import body
from pileus_compute.core import flavors
from pileus_compute.errors import ExtraSpecNotFound
from pileus_kit.errors import BadRequest
from pileus_kit.web import Resource, allowed, caller, tools

resource = Resource("flavor_extra_specs", __name__, url_prefix="/v2.1/flavors/<flavor_id>/os-extra_specs")

KEY = r"^[a-zA-Z0-9-_:. ]{1,255}$"
VALUE = {"type": ["string", "number"], "maxLength": 255}
SPECS: dict[str, Any] = {"type": "object", "patternProperties": {KEY: VALUE}, "additionalProperties": False}
CREATE = {(2, 1): body("extra_specs", SPECS)}
UPDATE = {(2, 1): SPECS | {"minProperties": 1, "maxProperties": 1}}
RULE = "os_compute_api:os-flavor-extra-specs:"


def _specs(flavor_id: str) -> dict[str, str]:
    with tools().sessions.read() as session:
        everything = allowed("os_compute_api:os-flavor-access")
        return flavors.find(session, flavor_id, caller().project_id, everything).extra_specs


@resource.endpoint("GET", "", policy=RULE + "index")
def index(flavor_id: str) -> Any:
    return {"extra_specs": _specs(flavor_id)}


@resource.endpoint("GET", "/<key>", policy=RULE + "show")
def show(flavor_id: str, key: str) -> Any:
    specs = _specs(flavor_id)
    if key not in specs:
        raise ExtraSpecNotFound(flavor=flavor_id, key=key)
    return {key: specs[key]}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(flavor_id: str, body: dict[str, Any]) -> Any:
    specs = {k: str(v) for k, v in body["extra_specs"].items()}
    with tools().sessions.begin() as session:
        flavors.specs(session, flavor_id, specs)
    return {"extra_specs": specs}


@resource.endpoint("PUT", "/<key>", policy=RULE + "update", body=UPDATE)
def update(flavor_id: str, key: str, body: dict[str, Any]) -> Any:
    if key not in body:
        raise BadRequest(why="Request body and URI mismatch")
    with tools().sessions.begin() as session:
        flavors.specs(session, flavor_id, {key: str(body[key])})
    return {key: str(body[key])}


@resource.endpoint("DELETE", "/<key>", policy=RULE + "delete")
def delete(flavor_id: str, key: str) -> Any:
    with tools().sessions.begin() as session:
        flavors.drop_spec(session, flavor_id, key)
    return "", 200
