"""Snapshots inside the file of an attached volume: the volume service asks the hypervisor that holds the file."""

from typing import Any

import msgspec
from flask import request
from sqlalchemy import select

from pileus_compute.api.schemas import UUID, body, obj
from pileus_compute.db.models import Server, ServerVolume
from pileus_compute.errors import VolumeNotAttached
from pileus_kit.errors import BadRequest, Conflict
from pileus_kit.rpc import Refused
from pileus_kit.web import Resource, tools

resource = Resource("assisted_volume_snapshots", __name__, url_prefix="/v2.1/os-assisted-volume-snapshots")
RULE = "os_compute_api:os-assisted-volume-snapshots:"

TEXT = {"type": "string", "minLength": 1, "maxLength": 255}
INFO = obj(
    {"snapshot_id": TEXT, "type": {"type": "string", "enum": ["qcow2"]}, "new_file": TEXT, "id": TEXT},
    ("snapshot_id", "type", "new_file"),
)
CREATE = {(2, 1): body("snapshot", obj({"volume_id": UUID, "create_info": INFO}, ("volume_id", "create_info")))}


def _where(volume_id: str) -> tuple[str, str]:
    """The server that has the volume, and its host."""
    with tools().sessions.read() as session:
        found = session.execute(
            select(Server.id, Server.host)
            .join(ServerVolume, ServerVolume.server_id == Server.id)
            .where(ServerVolume.volume_id == volume_id, Server.host.is_not(None))
        ).first()
    if found is None:
        raise VolumeNotAttached(volume=volume_id)
    return found[0], str(found[1])


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(body: dict[str, Any]) -> Any:
    wish = body["snapshot"]
    server_id, host = _where(wish["volume_id"])
    snapshot_id = wish["create_info"]["snapshot_id"]
    try:
        tools().agent(host).snapshot_volume(server_id, wish["volume_id"], snapshot_id)
    except Refused as err:
        raise Conflict(why=str(err)) from None
    return {"snapshot": {"id": wish["create_info"].get("id", snapshot_id), "volumeId": wish["volume_id"]}}


@resource.endpoint("DELETE", "/<snapshot_id>", policy=RULE + "delete")
def delete(snapshot_id: str) -> Any:
    try:
        volume_id = msgspec.json.decode(request.args.get("delete_info", ""))["volume_id"]
    except (msgspec.DecodeError, UnicodeError, RecursionError, KeyError, TypeError):
        raise BadRequest(why="delete_info must be JSON with a volume_id.") from None
    server_id, host = _where(str(volume_id))
    try:
        tools().agent(host).drop_volume_snapshot(server_id, str(volume_id), snapshot_id)
    except Refused as err:
        raise Conflict(why=str(err)) from None
    return "", 204
