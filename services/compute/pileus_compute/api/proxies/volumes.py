"""`/os-volumes` and `/os-snapshots` until microversion 2.35: the volume service's in compute's words."""

from collections.abc import Sequence
from typing import TypeVar

from flask import request

from pileus_compute.api.requests.listing import limit, offset
from pileus_compute.api.schemas.types import BOOLEAN, METADATA, UUID, body, is_true, number, obj
from pileus_compute.api.tools import tools
from pileus_compute.clients import volume as volume_client
from pileus_compute.clients.volume import NewSnapshot, NewVolume, Snapshot, Volume
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

resource = Resource("volume_proxy", __name__, url_prefix="/v2.1")
RULE = "os_compute_api:os-volumes:"
LAST = (2, 35)
T = TypeVar("T")

TEXT = {"type": ["string", "null"], "maxLength": 255}
CREATE = {
    (2, 1): body(
        "volume",
        obj(
            {
                "display_name": TEXT,
                "display_description": TEXT,
                "volume_type": TEXT,
                "metadata": METADATA,
                "snapshot_id": {"anyOf": [UUID, {"type": "null"}]},
                "size": number(1),
                "availability_zone": TEXT,
            },
            ("size",),
        ),
    )
}
CREATE_SNAPSHOT = {
    (2, 1): body(
        "snapshot",
        obj({"volume_id": UUID, "force": BOOLEAN, "display_name": TEXT, "display_description": TEXT}, ("volume_id",)),
    )
}


def _project_id() -> str:
    return caller().project_id or ""


def _page(rows: Sequence[T]) -> Sequence[T]:
    return rows[offset() : offset() + limit()]


# -- volumes -------------------------------------------------------------------------------------------------------


def volume_view(volume: Volume) -> JsonObject:
    attachments = [
        {"id": a.id, "volumeId": volume.id, "serverId": a.server_id, "device": a.device} for a in volume.attachments
    ]
    return {
        "id": volume.id,
        "status": volume.status,
        "size": volume.size_gib,
        "availabilityZone": volume.availability_zone,
        "createdAt": volume.created_at,
        "displayName": volume.name,
        "displayDescription": volume.description,
        "volumeType": volume.volume_type,
        "snapshotId": volume.snapshot_id,
        "metadata": dict(volume.metadata),
        "attachments": attachments or [{}],
    }


def _volumes() -> Answer:
    volumes = volume_client.list_volumes(tools().peers, _project_id(), caller())
    return {"volumes": [volume_view(v) for v in _page(volumes)]}


@resource.endpoint("GET", "/os-volumes", policy=RULE + "list", until=LAST)
def index() -> Answer:
    return _volumes()


@resource.endpoint("GET", "/os-volumes/detail", policy=RULE + "detail", until=LAST)
def detail() -> Answer:
    return _volumes()


@resource.endpoint("GET", "/os-volumes/<volume_id>", policy=RULE + "show", until=LAST)
def show(volume_id: str) -> Answer:
    return {"volume": volume_view(volume_client.show_volume(tools().peers, _project_id(), volume_id, caller()))}


@resource.endpoint("POST", "/os-volumes", policy=RULE + "create", body=CREATE, until=LAST)
def create(body: JsonObject) -> Answer:
    asked = body["volume"]
    new = NewVolume(
        size_gib=int(asked["size"]),
        name=asked.get("display_name"),
        description=asked.get("display_description"),
        metadata=asked.get("metadata") or {},
        snapshot_id=asked.get("snapshot_id"),
        volume_type=asked.get("volume_type"),
        availability_zone=asked.get("availability_zone"),
    )
    volume = volume_client.create_volume(tools().peers, _project_id(), new, caller())
    return {"volume": volume_view(volume)}, 200, {"Location": f"{request.base_url}/{volume.id}"}


@resource.endpoint("DELETE", "/os-volumes/<volume_id>", policy=RULE + "delete", until=LAST)
def delete(volume_id: str) -> Answer:
    volume_client.delete_volume(tools().peers, _project_id(), volume_id, caller())
    return "", 202


# -- snapshots -----------------------------------------------------------------------------------------------------


def snapshot_view(snapshot: Snapshot) -> JsonObject:
    return {
        "id": snapshot.id,
        "status": snapshot.status,
        "size": snapshot.size_gib,
        "volumeId": snapshot.volume_id,
        "createdAt": snapshot.created_at,
        "displayName": snapshot.name,
        "displayDescription": snapshot.description,
    }


def _snapshots() -> Answer:
    snapshots = volume_client.list_snapshots(tools().peers, _project_id(), caller())
    return {"snapshots": [snapshot_view(s) for s in _page(snapshots)]}


@resource.endpoint("GET", "/os-snapshots", policy=RULE + "snapshots:list", until=LAST)
def index_snapshots() -> Answer:
    return _snapshots()


@resource.endpoint("GET", "/os-snapshots/detail", policy=RULE + "snapshots:detail", until=LAST)
def detail_snapshots() -> Answer:
    return _snapshots()


@resource.endpoint("GET", "/os-snapshots/<snapshot_id>", policy=RULE + "snapshots:show", until=LAST)
def show_snapshot(snapshot_id: str) -> Answer:
    snapshot = volume_client.show_snapshot(tools().peers, _project_id(), snapshot_id, caller())
    return {"snapshot": snapshot_view(snapshot)}


@resource.endpoint("POST", "/os-snapshots", policy=RULE + "snapshots:create", body=CREATE_SNAPSHOT, until=LAST)
def create_snapshot(body: JsonObject) -> Answer:
    asked = body["snapshot"]
    new = NewSnapshot(
        asked["volume_id"],
        asked.get("display_name"),
        asked.get("display_description"),
        is_true(asked.get("force", False)),
    )
    snapshot = volume_client.create_snapshot(tools().peers, _project_id(), new, caller())
    return {"snapshot": snapshot_view(snapshot)}


@resource.endpoint("DELETE", "/os-snapshots/<snapshot_id>", policy=RULE + "snapshots:delete", until=LAST)
def delete_snapshot(snapshot_id: str) -> Answer:
    volume_client.delete_snapshot(tools().peers, _project_id(), snapshot_id, caller())
    return "", 202
