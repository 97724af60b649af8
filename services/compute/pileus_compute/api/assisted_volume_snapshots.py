"""`/os-assisted-volume-snapshots`: the volume service has the hypervisor make a snapshot inside a volume's file."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from flask import request

from pileus_compute.api.schemas.types import UUID, body, obj
from pileus_compute.api.tools import tools
from pileus_compute.core import server_volumes
from pileus_kit.errors import BadRequest, Conflict
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.rpc import Refused
from pileus_kit.web import Resource

resource = Resource("assisted_volume_snapshots", __name__, url_prefix="/v2.1/os-assisted-volume-snapshots")
RULE = "os_compute_api:os-assisted-volume-snapshots:"

TEXT = {"type": "string", "minLength": 1, "maxLength": 255}
INFO = obj(
    {"snapshot_id": TEXT, "type": {"type": "string", "enum": ["qcow2"]}, "new_file": TEXT, "id": TEXT},
    ("snapshot_id", "type", "new_file"),
)
CREATE = {(2, 1): body("snapshot", obj({"volume_id": UUID, "create_info": INFO}, ("volume_id", "create_info")))}


def _find_server(volume_id: str) -> tuple[str, str]:
    """Return the server that has the volume, and its host."""
    with tools().sessions.read() as session:
        return server_volumes.find_running_server(session, volume_id)


@contextmanager
def _refusals_as_conflicts() -> Iterator[None]:
    try:
        yield
    except Refused as err:
        raise Conflict(why=str(err)) from None


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(body: JsonObject) -> Answer:
    asked = body["snapshot"]
    volume_id, snapshot_id = asked["volume_id"], asked["create_info"]["snapshot_id"]
    server_id, host = _find_server(volume_id)
    with _refusals_as_conflicts():
        tools().agent(host).snapshot_volume(server_id, volume_id, snapshot_id)
    return {"snapshot": {"id": asked["create_info"].get("id", snapshot_id), "volumeId": volume_id}}


@resource.endpoint("DELETE", "/<snapshot_id>", policy=RULE + "delete")
def delete(snapshot_id: str) -> Answer:
    try:
        volume_id = str(msgspec.json.decode(request.args.get("delete_info", ""))["volume_id"])
    except (msgspec.DecodeError, UnicodeError, RecursionError, KeyError, TypeError):
        raise BadRequest(why="delete_info must be JSON with a volume_id.") from None
    server_id, host = _find_server(volume_id)
    with _refusals_as_conflicts():
        tools().agent(host).drop_volume_snapshot(server_id, volume_id, snapshot_id)
    return "", 204
