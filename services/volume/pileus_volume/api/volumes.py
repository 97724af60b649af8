"""Volumes: create, list, show, update, delete."""

from dataclasses import replace
from typing import TYPE_CHECKING

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller, enforce, version
from pileus_volume.api.listing import Listing, flag
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import BOOLEAN, METADATA_OR_NULL, SIZE, TEXT, UUID_OR_NULL, stripped, wrapped
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.api.volume_views import changed, detail, summary
from pileus_volume.clients.image import get_image
from pileus_volume.core import backups, groups, images, snapshots, volumes
from pileus_volume.core.images import SourceImage
from pileus_volume.core.lists import VOLUMES, summarize_metadata, summarize_volumes
from pileus_volume.core.volumes import VolumeRequest
from pileus_volume.errors import Invalid, NotOffered, SnapshotNotFound

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("volumes", __name__, url_prefix="/v3/volumes")

PROPERTIES: JsonObject = {
    "name": TEXT,
    "description": TEXT,
    "display_name": TEXT,
    "display_description": TEXT,
    "volume_type": TEXT,
    "metadata": METADATA_OR_NULL,
    "snapshot_id": UUID_OR_NULL,
    "source_volid": UUID_OR_NULL,
    "consistencygroup_id": UUID_OR_NULL,
    "size": {"anyOf": [{"type": "null"}, SIZE]},
    "availability_zone": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
    "multiattach": {"anyOf": [{"type": "null"}, BOOLEAN]},
    "imageRef": {"type": ["string", "null"], "maxLength": 255},
    "image_id": {"type": ["string", "null"], "maxLength": 255},
}
CREATE = {
    (3, 0): wrapped("volume", PROPERTIES, strict=False),
    (3, 13): wrapped("volume", PROPERTIES | {"group_id": UUID_OR_NULL}, strict=False),
    (3, 47): wrapped("volume", PROPERTIES | {"group_id": UUID_OR_NULL, "backup_id": UUID_OR_NULL}, strict=False),
}
for _schema in CREATE.values():  # a hint for the scheduler may stand beside the volume
    _schema["properties"]["OS-SCH-HNT:scheduler_hints"] = {"type": ["object", "null"]}
SINCE = {"group_id": (3, 13), "backup_id": (3, 47)}  # before, they are ignored as all unknown properties are
UPDATE = {
    (3, 0): wrapped(
        "volume",
        {
            "name": TEXT,
            "description": TEXT,
            "display_name": TEXT,
            "display_description": TEXT,
            "metadata": METADATA_OR_NULL,
        },
        minProperties=1,
    )
}
LISTING = Listing(VOLUMES, "volumes", counted=True)


@resource.endpoint("POST", "", policy="volume:create", body=CREATE)
def create(body: JsonObject) -> Answer:
    asked = {name: value for name, value in body["volume"].items() if version() >= SINCE.get(name, (3, 0))}
    if asked.get("consistencygroup_id"):
        raise NotOffered(what="Creating a volume with consistencygroup_id")
    volume_request = _parse_request(asked)
    with tools().sessions.begin() as session:
        if volume_request.image:
            volume_request = _boot_from_snapshot(session, volume_request, volume_request.image)
        if asked.get("backup_id"):
            volume_request = replace(volume_request, backup=backups.find(session, asked["backup_id"], caller()))
        if asked.get("group_id"):
            volume_request = replace(volume_request, group=groups.find_available(session, asked["group_id"], caller()))
        volume, job = volumes.create(session, caller(), volume_request)
        view = {"volume": changed(volume)}
    notify_workers(job)
    return view, 202


def _parse_request(asked: JsonObject) -> VolumeRequest:
    image_id = asked.get("imageRef") or asked.get("image_id")
    sources = (asked.get("snapshot_id"), asked.get("source_volid"), image_id, asked.get("backup_id"))
    if sum(map(bool, sources)) > 1:
        raise Invalid(why="snapshot, source volume, image and backup can't be given together")
    size = int(asked["size"]) if asked.get("size") is not None else None
    image = None
    if image_id:
        enforce("volume:create_from_image")
        image = get_image(tools().peers, image_id, caller())
        images.check_fits(image, size)
    return VolumeRequest(
        size=size,
        name=stripped(asked, "name", "display_name"),
        description=stripped(asked, "description", "display_description"),
        type=asked.get("volume_type"),
        availability_zone=asked.get("availability_zone"),
        metadata=asked.get("metadata") or {},
        image=image,
        snapshot_id=asked.get("snapshot_id"),
        source_volid=asked.get("source_volid"),
    )


def _boot_from_snapshot(session: "Session", volume_request: VolumeRequest, image: SourceImage) -> VolumeRequest:
    """Request the root snapshot in place of an image of a server on volumes, if the caller may use the snapshot."""
    snapshot_id = images.root_snapshot_id(image)
    if snapshot_id is None:
        return volume_request
    if version() < (3, 46):
        raise Invalid(why=f"Image {image.id} has no data but names snapshots: ask with microversion 3.46 or later.")
    try:
        snapshots.find(session, snapshot_id, caller())
    except SnapshotNotFound as err:
        raise Invalid(why=f"Image {image.id} is of a server on volumes, and what it boots from is gone: {err}") from err
    return replace(volume_request, image=None, snapshot_id=snapshot_id)


@resource.endpoint("GET", "", policy="volume:get_all")
def index() -> Answer:
    return LISTING.answer(summary)


@resource.endpoint("GET", "/detail", policy="volume:get_all")
def index_detail() -> Answer:
    return LISTING.answer(detail, below="/detail")


@resource.endpoint("GET", "/summary", policy="volume:get_all", since=(3, 12))
def show_summary() -> Answer:
    asked = LISTING.parse()
    with tools().sessions.read() as session:
        count, size = summarize_volumes(session, caller(), asked)
        view: JsonObject = {"total_count": count, "total_size": size}
        if version() >= (3, 36):
            view["metadata"] = summarize_metadata(session, caller(), asked)
    return {"volume-summary": view}


@resource.endpoint("GET", "/<volume_id>", policy="volume:get")
def show(volume_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"volume": detail(volumes.find(session, volume_id, caller()))}


@resource.endpoint("PUT", "/<volume_id>", policy="volume:update", body=UPDATE)
def update(volume_id: str, body: JsonObject) -> Answer:
    asked = body["volume"]
    values: dict[str, object] = {
        field: stripped(asked, field, f"display_{field}")
        for field in ("name", "description")
        if field in asked or f"display_{field}" in asked
    }
    if asked.get("metadata") is not None:
        values["meta"] = asked["metadata"]
    with tools().sessions.begin() as session:
        volume = volumes.update(volumes.find(session, volume_id, caller()), values)
        session.flush()
        return {"volume": changed(volume)}


@resource.endpoint("DELETE", "/<volume_id>", policy="volume:delete")
def delete(volume_id: str) -> Answer:
    cascade = flag("cascade")
    force = version() >= (3, 23) and flag("force")
    if force:
        enforce("volume:force_delete")
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        job = volumes.delete(session, caller(), volume, cascade=cascade, force=force)
    notify_workers(job)
    return "", 202
