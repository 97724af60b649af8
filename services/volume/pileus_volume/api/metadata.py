"""Metadata of volumes and of snapshots: the same calls for both."""

from collections.abc import Callable, Mapping
from typing import Any

from pileus_kit.db import now
from pileus_kit.web import caller, tools
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import METADATA
from pileus_volume.core import snapshots, volumes
from pileus_volume.errors import Invalid, MetadataNotFound

MANY = {
    (3, 0): {
        "type": "object",
        "properties": {"metadata": METADATA},
        "required": ["metadata"],
        "additionalProperties": False,
    }
}
ONE = {
    (3, 0): {
        "type": "object",
        "properties": {"meta": METADATA | {"minProperties": 1, "maxProperties": 1}},
        "required": ["meta"],
        "additionalProperties": False,
    }
}
MOST = 128


def _of(kind: str, path: str, find: Callable[..., Any], read: str, write: str, remove: str, create: str) -> Resource:
    resource = Resource(f"{kind.lower()}_metadata", __name__, url_prefix=path)

    @resource.endpoint("GET", "/<subject>/metadata", policy=read)
    def index(subject: str) -> Any:
        with tools().sessions.read() as session:
            return {"metadata": find(session, subject, caller()).meta}

    @resource.endpoint("POST", "/<subject>/metadata", policy=create, body=MANY)
    def add(subject: str, body: dict[str, Any]) -> Any:
        return {"metadata": _changed(subject, lambda old: {**old, **body["metadata"]})}

    @resource.endpoint("PUT", "/<subject>/metadata", policy=write, body=MANY)
    def replace(subject: str, body: dict[str, Any]) -> Any:
        return {"metadata": _changed(subject, lambda old: dict(body["metadata"]))}

    @resource.endpoint("GET", "/<subject>/metadata/<key>", policy=read)
    def show(subject: str, key: str) -> Any:
        with tools().sessions.read() as session:
            meta = find(session, subject, caller()).meta
        if key not in meta:
            raise MetadataNotFound(kind=kind, id=subject, key=key)
        return {"meta": {key: meta[key]}}

    @resource.endpoint("PUT", "/<subject>/metadata/<key>", policy=write, body=ONE)
    def update(subject: str, key: str, body: dict[str, Any]) -> Any:
        if key not in body["meta"]:
            raise Invalid(why="Request body and URI mismatch")
        _changed(subject, lambda old: {**old, **body["meta"]})
        return {"meta": body["meta"]}

    @resource.endpoint("DELETE", "/<subject>/metadata/<key>", policy=remove)
    def delete(subject: str, key: str) -> Any:
        def without(old: Mapping[str, str]) -> dict[str, str]:
            if key not in old:
                raise MetadataNotFound(kind=kind, id=subject, key=key)
            return {k: v for k, v in old.items() if k != key}

        _changed(subject, without)
        return "", 200

    def _changed(subject: str, change: Callable[[Mapping[str, str]], dict[str, str]]) -> dict[str, str]:
        with tools().sessions.begin() as session:
            row = find(session, subject, caller())
            row.meta, row.updated_at = change(row.meta), now()
            if len(row.meta) > MOST:
                raise Invalid(why=f"at most {MOST} metadata items are allowed")
            return dict(row.meta)

    return resource


of_volumes = _of(
    "Volume",
    "/v3/volumes",
    volumes.find,
    "volume:get_volume_metadata",
    "volume:update_volume_metadata",
    "volume:delete_volume_metadata",
    "volume:create_volume_metadata",
)
of_snapshots = _of(
    "Snapshot",
    "/v3/snapshots",
    snapshots.find,
    "volume:get_snapshot_metadata",
    "volume:update_snapshot_metadata",
    "volume:delete_snapshot_metadata",
    "volume:update_snapshot_metadata",
)
