"""Volumes and snapshots as compute showed them till 2.35: a view of the volume service's."""

from typing import Any
from urllib.parse import quote

from flask import request

from pileus_compute.api.block_devices import VOLUME_VERSION
from pileus_compute.api.requests import limit_of, offset_of
from pileus_compute.api.schemas import BOOLEAN, METADATA, UUID, body, number, obj, truth
from pileus_kit.errors import NotFound
from pileus_kit.peers import PeerRefused
from pileus_kit.web import Resource, caller, tools

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


def _call(method: str, path: str, json: Any = None) -> Any:
    try:
        return tools().peers.call(
            "volume",
            method,
            f"/v3/{caller().project_id}{path}",
            caller=caller(),
            json=json,
            microversion=VOLUME_VERSION,
        )
    except PeerRefused as err:
        if err.status == 404:
            raise NotFound(why=str(err)) from None
        raise


def _page(rows: list[Any]) -> list[Any]:
    """These calls had an offset."""
    return rows[offset_of() : offset_of() + limit_of()]


def volume_view(volume: dict[str, Any]) -> dict[str, Any]:
    attachments = [
        {"id": a["id"], "volumeId": volume["id"], "serverId": a["server_id"], "device": a.get("device")}
        for a in volume.get("attachments", ())
    ]
    return {
        "id": volume["id"],
        "status": volume["status"],
        "size": volume["size"],
        "availabilityZone": volume.get("availability_zone"),
        "createdAt": volume.get("created_at"),
        "displayName": volume.get("name"),
        "displayDescription": volume.get("description"),
        "volumeType": volume.get("volume_type"),
        "snapshotId": volume.get("snapshot_id"),
        "metadata": volume.get("metadata", {}),
        "attachments": attachments or [{}],
    }


def snapshot_view(snapshot: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": snapshot["id"],
        "status": snapshot["status"],
        "size": snapshot["size"],
        "volumeId": snapshot["volume_id"],
        "createdAt": snapshot.get("created_at"),
        "displayName": snapshot.get("name"),
        "displayDescription": snapshot.get("description"),
    }


def _volumes() -> Any:
    return {"volumes": [volume_view(v) for v in _page(_call("GET", "/volumes/detail")["volumes"])]}


@resource.endpoint("GET", "/os-volumes", policy=RULE + "list", until=LAST)
def index() -> Any:
    return _volumes()


@resource.endpoint("GET", "/os-volumes/detail", policy=RULE + "detail", until=LAST)
def detail() -> Any:
    return _volumes()


@resource.endpoint("GET", "/os-volumes/<volume_id>", policy=RULE + "show", until=LAST)
def show(volume_id: str) -> Any:
    return {"volume": volume_view(_call("GET", f"/volumes/{quote(volume_id, safe='')}")["volume"])}


@resource.endpoint("POST", "/os-volumes", policy=RULE + "create", body=CREATE, until=LAST)
def create(body: dict[str, Any]) -> Any:
    wish = body["volume"]
    new = {
        "size": int(wish["size"]),
        "name": wish.get("display_name"),
        "description": wish.get("display_description"),
        "metadata": wish.get("metadata") or {},
    }
    for key in ("volume_type", "snapshot_id", "availability_zone"):
        if wish.get(key):
            new[key] = wish[key]
    made = _call("POST", "/volumes", {"volume": new})["volume"]
    return {"volume": volume_view(made)}, 200, {"Location": f"{request.base_url}/{made['id']}"}


@resource.endpoint("DELETE", "/os-volumes/<volume_id>", policy=RULE + "delete", until=LAST)
def delete(volume_id: str) -> Any:
    _call("DELETE", f"/volumes/{quote(volume_id, safe='')}")
    return "", 202


def _snapshots() -> Any:
    return {"snapshots": [snapshot_view(s) for s in _page(_call("GET", "/snapshots/detail")["snapshots"])]}


@resource.endpoint("GET", "/os-snapshots", policy=RULE + "snapshots:list", until=LAST)
def snapshots() -> Any:
    return _snapshots()


@resource.endpoint("GET", "/os-snapshots/detail", policy=RULE + "snapshots:detail", until=LAST)
def snapshots_detail() -> Any:
    return _snapshots()


@resource.endpoint("GET", "/os-snapshots/<snapshot_id>", policy=RULE + "snapshots:show", until=LAST)
def snapshot(snapshot_id: str) -> Any:
    return {"snapshot": snapshot_view(_call("GET", f"/snapshots/{quote(snapshot_id, safe='')}")["snapshot"])}


@resource.endpoint("POST", "/os-snapshots", policy=RULE + "snapshots:create", body=SNAPSHOT, until=LAST)
def create_snapshot(body: dict[str, Any]) -> Any:
    wish = body["snapshot"]
    new = {
        "volume_id": wish["volume_id"],
        "force": truth(wish.get("force", False)),
        "name": wish.get("display_name"),
        "description": wish.get("display_description"),
    }
    return {"snapshot": snapshot_view(_call("POST", "/snapshots", {"snapshot": new})["snapshot"])}


@resource.endpoint("DELETE", "/os-snapshots/<snapshot_id>", policy=RULE + "snapshots:delete", until=LAST)
def delete_snapshot(snapshot_id: str) -> Any:
    _call("DELETE", f"/snapshots/{quote(snapshot_id, safe='')}")
    return "", 202
