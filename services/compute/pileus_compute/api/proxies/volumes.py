"""Volumes and snapshots as compute showed them till 2.35: a view of the volume service's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from flask import request

from pileus_compute.api.requests import limit_of, offset_of
from pileus_compute.api.schemas import BOOLEAN, METADATA, UUID, body, number, obj, truth
from pileus_compute.clients import volume as volume_client
from pileus_compute.clients.volume import NewVolume, Snapshot, Volume
from pileus_kit.errors import NotFound
from pileus_kit.json_types import JsonObject
from pileus_kit.peers import PeerRefused
from pileus_kit.web import Resource, caller, tools

T = TypeVar("T")
resource = Resource("volume_proxy", __name__, url_prefix="/v2.1")
RULE = "os_compute_api:os-volumes:"
LAST = (2, 35)

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
SNAPSHOT = {
    (2, 1): body(
        "snapshot",
        obj({"volume_id": UUID, "force": BOOLEAN, "display_name": TEXT, "display_description": TEXT}, ("volume_id",)),
    )
}


@contextmanager
def _finding() -> Iterator[None]:
    """Answer the volume service's 404 with ours."""
    try:
        yield
    except PeerRefused as err:
        if err.status == 404:
            raise NotFound(why=str(err)) from None
        raise


def _project() -> str:
    return str(caller().project_id)


def _page(rows: list[T]) -> list[T]:
    """These calls had an offset."""
    return rows[offset_of() : offset_of() + limit_of()]


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
        "metadata": volume.metadata,
        "attachments": attachments or [{}],
    }


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


def _volumes() -> JsonObject:
    with _finding():
        listed = volume_client.list_volumes(tools().peers, _project(), caller())
    return {"volumes": [volume_view(v) for v in _page(listed)]}


@resource.endpoint("GET", "/os-volumes", policy=RULE + "list", until=LAST)
def index() -> Any:
    return _volumes()


@resource.endpoint("GET", "/os-volumes/detail", policy=RULE + "detail", until=LAST)
def detail() -> Any:
    return _volumes()


@resource.endpoint("GET", "/os-volumes/<volume_id>", policy=RULE + "show", until=LAST)
def show(volume_id: str) -> Any:
    with _finding():
        return {"volume": volume_view(volume_client.show_volume(tools().peers, _project(), volume_id, caller()))}


@resource.endpoint("POST", "/os-volumes", policy=RULE + "create", body=CREATE, until=LAST)
def create(body: dict[str, Any]) -> Any:
    wish = body["volume"]
    new = NewVolume(
        size_gib=int(wish["size"]),
        name=wish.get("display_name"),
        description=wish.get("display_description"),
        metadata=wish.get("metadata") or {},
        volume_type=wish.get("volume_type"),
        snapshot_id=wish.get("snapshot_id"),
        availability_zone=wish.get("availability_zone"),
    )
    with _finding():
        made = volume_client.create_volume(tools().peers, _project(), new, caller())
    return {"volume": volume_view(made)}, 200, {"Location": f"{request.base_url}/{made.id}"}


@resource.endpoint("DELETE", "/os-volumes/<volume_id>", policy=RULE + "delete", until=LAST)
def delete(volume_id: str) -> Any:
    with _finding():
        volume_client.delete_volume(tools().peers, _project(), volume_id, caller())
    return "", 202


def _snapshots() -> Any:
    with _finding():
        listed = volume_client.list_snapshots(tools().peers, _project(), caller())
    return {"snapshots": [snapshot_view(s) for s in _page(listed)]}


@resource.endpoint("GET", "/os-snapshots", policy=RULE + "snapshots:list", until=LAST)
def snapshots() -> Any:
    return _snapshots()


@resource.endpoint("GET", "/os-snapshots/detail", policy=RULE + "snapshots:detail", until=LAST)
def snapshots_detail() -> Any:
    return _snapshots()


@resource.endpoint("GET", "/os-snapshots/<snapshot_id>", policy=RULE + "snapshots:show", until=LAST)
def snapshot(snapshot_id: str) -> Any:
    with _finding():
        found = volume_client.show_snapshot(tools().peers, _project(), snapshot_id, caller())
    return {"snapshot": snapshot_view(found)}


@resource.endpoint("POST", "/os-snapshots", policy=RULE + "snapshots:create", body=SNAPSHOT, until=LAST)
def create_snapshot(body: dict[str, Any]) -> Any:
    wish = body["snapshot"]
    with _finding():
        made = volume_client.create_snapshot(
            tools().peers,
            _project(),
            wish["volume_id"],
            wish.get("display_name"),
            description=wish.get("display_description"),
            force=truth(wish.get("force", False)),
            caller=caller(),
        )
    return {"snapshot": snapshot_view(made)}


@resource.endpoint("DELETE", "/os-snapshots/<snapshot_id>", policy=RULE + "snapshots:delete", until=LAST)
def delete_snapshot(snapshot_id: str) -> Any:
    with _finding():
        volume_client.delete_snapshot(tools().peers, _project(), snapshot_id, caller())
    return "", 202
