"""`/flavors/ID/os-extra_specs`: what a flavor asks of hosts and gives its guests beside sizes."""

from pileus_compute.api.schemas.types import body
from pileus_compute.api.tools import tools
from pileus_compute.core import flavors
from pileus_compute.errors import ExtraSpecNotFound
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, allowed, caller

resource = Resource("flavor_extra_specs", __name__, url_prefix="/v2.1/flavors/<flavor_id>/os-extra_specs")
RULE = "os_compute_api:os-flavor-extra-specs:"

KEY = r"^[a-zA-Z0-9-_:. ]{1,255}$"
VALUE = {"type": ["string", "number"], "maxLength": 255}
SPECS: JsonObject = {"type": "object", "patternProperties": {KEY: VALUE}, "additionalProperties": False}
CREATE = {(2, 1): body("extra_specs", SPECS)}
UPDATE = {(2, 1): SPECS | {"minProperties": 1, "maxProperties": 1}}


def _read(flavor_id: str) -> dict[str, str]:
    with tools().sessions.read() as session:
        see_all = allowed("os_compute_api:os-flavor-access")
        return flavors.find(session, flavor_id, caller().project_id, see_all).extra_specs


@resource.endpoint("GET", "", policy=RULE + "index")
def index(flavor_id: str) -> Answer:
    return {"extra_specs": _read(flavor_id)}


@resource.endpoint("GET", "/<key>", policy=RULE + "show")
def show(flavor_id: str, key: str) -> Answer:
    specs = _read(flavor_id)
    if key not in specs:
        raise ExtraSpecNotFound(flavor=flavor_id, key=key)
    return {key: specs[key]}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(flavor_id: str, body: JsonObject) -> Answer:
    specs = {k: str(v) for k, v in body["extra_specs"].items()}
    with tools().sessions.begin() as session:
        flavors.update_extra_specs(session, flavor_id, specs)
    return {"extra_specs": specs}


@resource.endpoint("PUT", "/<key>", policy=RULE + "update", body=UPDATE)
def update(flavor_id: str, key: str, body: JsonObject) -> Answer:
    if key not in body:
        raise BadRequest(why="Request body and URI mismatch")
    spec = {key: str(body[key])}
    with tools().sessions.begin() as session:
        flavors.update_extra_specs(session, flavor_id, spec)
    return spec


@resource.endpoint("DELETE", "/<key>", policy=RULE + "delete")
def delete(flavor_id: str, key: str) -> Answer:
    with tools().sessions.begin() as session:
        flavors.delete_extra_spec(session, flavor_id, key)
    return "", 200
