"""Metadata of volumes and of snapshots: the same calls for both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pileus_kit.auth import Caller
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import METADATA, only
from pileus_volume.api.tools import tools
from pileus_volume.core import metadata, snapshots, volumes
from pileus_volume.db.models import Snapshot, Volume
from pileus_volume.errors import Invalid

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MANY = {(3, 0): only(("metadata",), metadata=METADATA)}
ONE = {(3, 0): only(("meta",), meta=METADATA | {"minProperties": 1, "maxProperties": 1})}


@dataclass(frozen=True)
class _Rules:
    """The policy rules of one noun's metadata."""

    read: str
    create: str
    update: str
    delete: str


def _resource(
    name: str, path: str, find: Callable[["Session", str, Caller], Volume | Snapshot], rules: _Rules
) -> Resource:
    resource = Resource(name, __name__, url_prefix=path)

    @resource.endpoint("GET", "/<subject>/metadata", policy=rules.read)
    def index(subject: str) -> Answer:
        with tools().sessions.read() as session:
            return {"metadata": find(session, subject, caller()).meta}

    @resource.endpoint("POST", "/<subject>/metadata", policy=rules.create, body=MANY)
    def create(subject: str, body: JsonObject) -> Answer:
        with tools().sessions.begin() as session:
            return {"metadata": metadata.update(find(session, subject, caller()), body["metadata"])}

    @resource.endpoint("PUT", "/<subject>/metadata", policy=rules.update, body=MANY)
    def replace(subject: str, body: JsonObject) -> Answer:
        with tools().sessions.begin() as session:
            return {"metadata": metadata.replace(find(session, subject, caller()), body["metadata"])}

    @resource.endpoint("GET", "/<subject>/metadata/<key>", policy=rules.read)
    def show(subject: str, key: str) -> Answer:
        with tools().sessions.read() as session:
            return {"meta": {key: metadata.find(find(session, subject, caller()), key)}}

    @resource.endpoint("PUT", "/<subject>/metadata/<key>", policy=rules.update, body=ONE)
    def update(subject: str, key: str, body: JsonObject) -> Answer:
        if key not in body["meta"]:
            raise Invalid(why="Request body and URI mismatch")
        with tools().sessions.begin() as session:
            metadata.update(find(session, subject, caller()), body["meta"])
        return {"meta": body["meta"]}

    @resource.endpoint("DELETE", "/<subject>/metadata/<key>", policy=rules.delete)
    def delete(subject: str, key: str) -> Answer:
        with tools().sessions.begin() as session:
            metadata.delete(find(session, subject, caller()), key)
        return "", 200

    return resource


of_volumes = _resource(
    "volume_metadata",
    "/v3/volumes",
    volumes.find,
    _Rules(
        read="volume:get_volume_metadata",
        create="volume:create_volume_metadata",
        update="volume:update_volume_metadata",
        delete="volume:delete_volume_metadata",
    ),
)
of_snapshots = _resource(
    "snapshot_metadata",
    "/v3/snapshots",
    snapshots.find,
    _Rules(
        read="volume:get_snapshot_metadata",
        create="volume:update_snapshot_metadata",
        update="volume:update_snapshot_metadata",
        delete="volume:delete_snapshot_metadata",
    ),
)
