"""Volumes: create, list, show, change, delete."""

from dataclasses import replace
from typing import Any

from flask import request
from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from pileus_kit.web import caller, enforce, tools, version
from pileus_volume.api import listings
from pileus_volume.api.image_facts import boot_snapshot, image_facts
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import BOOLEAN, METADATA_OR_NULL, SIZE, TEXT, UUID_OR_NULL, wrapped
from pileus_volume.api.volume_views import detail, made, summary
from pileus_volume.core import backups, groups, snapshots, volumes
from pileus_volume.core.volumes import ImageFacts, Wish
from pileus_volume.db.models import Attachment, Volume, VolumeType
from pileus_volume.errors import Invalid, NotOffered, SnapshotNotFound

resource = Resource("volumes", __name__, url_prefix="/v3/volumes")

PROPERTIES: dict[str, Any] = {
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
for _schema in CREATE.values():  # a hint about placement may stand beside it
    _schema["properties"]["OS-SCH-HNT:scheduler_hints"] = {"type": ["object", "null"]}
SINCE = {"group_id": (3, 13), "backup_id": (3, 47)}  # before, they are as unknown as anything else, and passed over
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
SORTABLE: dict[str, listings.Column] = {
    "id": Volume.id,
    "status": Volume.status,
    "size": Volume.size,
    "availability_zone": Volume.availability_zone,
    "name": Volume.name,
    "display_name": Volume.name,
    "bootable": Volume.bootable,
    "created_at": Volume.created_at,
    "updated_at": Volume.updated_at,
    "host": Volume.host,
    "project_id": Volume.project_id,
    "user_id": Volume.user_id,
}
PLAIN: dict[str, listings.Column] = {
    "id": Volume.id,
    "status": Volume.status,
    "availability_zone": Volume.availability_zone,
    "size": Volume.size,
    "user_id": Volume.user_id,
    "attach_status": Volume.attach_status,
    "snapshot_id": Volume.snapshot_id,
    "source_volid": Volume.source_volid,
}
PAGING = {"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "all_tenants", "with_count"}
LISTING = listings.Listing("volumes", SORTABLE, Volume.id, volumes.find)
STRICT_SINCE = (3, 31)


@resource.endpoint("POST", "", policy="volume:create", body=CREATE)
def create(body: dict[str, Any]) -> Any:
    asked = {k: v for k, v in body["volume"].items() if version() >= SINCE.get(k, (3, 0))}
    if asked.get("consistencygroup_id"):
        raise NotOffered(what="Creating a volume with consistencygroup_id")
    wish = _wish(asked)
    with tools().sessions.begin() as session:
        if wish.image:
            wish = _from_what_it_names(session, wish, wish.image)
        if asked.get("backup_id"):
            wish = replace(wish, backup=backups.find(session, asked["backup_id"], caller()))
        if asked.get("group_id"):
            wish = replace(wish, group=groups.usable(session, asked["group_id"], caller()))
        volume, job = volumes.create(session, caller(), wish)
        view = {"volume": made(volume)}
    tools().ring(job.id)
    return view, 202


def _wish(asked: dict[str, Any]) -> Wish:
    image_ref = asked.get("imageRef") or asked.get("image_id")
    if sum(map(bool, (asked.get("snapshot_id"), asked.get("source_volid"), image_ref, asked.get("backup_id")))) > 1:
        raise Invalid(why="snapshot, source volume, image and backup can't be given together")
    size = int(asked["size"]) if asked.get("size") is not None else None
    image = None
    if image_ref:
        enforce("volume:create_from_image")
        image = image_facts(image_ref)
        volumes.fits_image(size, image)
    return Wish(
        size=size,
        name=_text(asked, "name"),
        description=_text(asked, "description"),
        type=asked.get("volume_type"),
        zone=asked.get("availability_zone"),
        metadata=asked.get("metadata") or {},
        image=image,
        snapshot_id=asked.get("snapshot_id"),
        source_volid=asked.get("source_volid"),
    )


def _from_what_it_names(session: Session, wish: Wish, image: ImageFacts) -> Wish:
    """Of an image of a server on volumes: the snapshot that it boots from, as the caller may use it."""
    snapshot_id = boot_snapshot(image)
    if snapshot_id is None:
        return wish
    if version() < (3, 46):
        raise Invalid(why=f"Image {image.id} has no data but names snapshots: ask with microversion 3.46 or later.")
    try:
        snapshots.find(session, snapshot_id, caller())
    except SnapshotNotFound as err:
        raise Invalid(why=f"Image {image.id} is of a server on volumes, and what it boots from is gone: {err}") from err
    return replace(wish, image=None, snapshot_id=snapshot_id)


def _text(asked: dict[str, Any], name: str) -> str | None:
    value = asked.get(name, asked.get(f"display_{name}"))
    return value.strip() if value else value


@resource.endpoint("GET", "", policy="volume:get_all")
def index() -> Any:
    return LISTING.answer(_filtered(select(Volume)), summary)


@resource.endpoint("GET", "/detail", policy="volume:get_all")
def index_detail() -> Any:
    return LISTING.answer(_filtered(select(Volume)), detail, "/detail")


def _filtered(stmt: Select[Any]) -> Select[Any]:
    """By what the query says. Who is no administrator sees the own project only, and may not filter by anything."""
    args, admin = request.args, caller().is_admin
    if not (admin and listings.flag("all_tenants")):
        stmt = stmt.where(Volume.project_id == caller().project_id)
    unknown = []
    for key, value in args.items():
        if key in PAGING:
            continue
        if key in PLAIN:
            stmt = stmt.where(PLAIN[key].in_(_values(value, key)))
        elif (condition := _condition(key, value, admin)) is not None:
            stmt = stmt.where(*condition)
        else:
            unknown.append(key[:40])
    if unknown and not admin and version() >= STRICT_SINCE:
        raise Invalid(why=f"Invalid filters {','.join(unknown)} are found in query options.")
    return stmt


def _values(value: str, key: str) -> list[Any]:
    """status=['a','b'] is how clients ask for several."""
    several = value.strip("[]").replace("'", "").split(",") if value.startswith("[") else [value]
    if key == "size":
        if not all(v.isdecimal() and len(v) < 11 for v in several):
            raise Invalid(why="size must be an integer")
        return [int(v) for v in several]
    return [v.strip() for v in several[:100]]


def _condition(key: str, value: str, admin: bool) -> list[Any] | None:
    """A filter that is more than equality; None if there is none of that name for this caller."""
    if key in ("name", "display_name"):
        return [Volume.name == value]
    if key in ("name~", "description~") and version() >= (3, 34):
        column = Volume.name if key == "name~" else Volume.description
        return [column.contains(value[:255], autoescape=True)]
    if key == "bootable":
        return [Volume.bootable.is_(listings.truth(value, key))]
    if key == "multiattach":
        return [Volume.multiattach.is_(listings.truth(value, key))]
    if key == "consumes_quota" and version() >= (3, 65):
        return [] if listings.truth(value, key) else [Volume.id == ""]
    if key == "metadata":
        return [Volume.meta[k].as_string() == v for k, v in listings.mapping(value, key).items()]
    if key == "glance_metadata" and version() >= (3, 4):
        return [Volume.image_meta[k].as_string() == v for k, v in listings.mapping(value, key).items()]
    if key == "group_id" and version() >= (3, 10):
        return [Volume.group_id == value]
    if key in ("created_at", "updated_at") and version() >= (3, 60):
        return listings.times(getattr(Volume, key), value, key)
    if key in ("volume_type", "volume_type_id", "type"):
        return [Volume.type_id.in_(select(VolumeType.id).where((VolumeType.id == value) | (VolumeType.name == value)))]
    if key == "host" and admin:
        return [Volume.host == value]
    if key in ("project_id", "tenant_id") and admin:
        return [Volume.project_id == value]
    if key == "migration_status":
        return [Volume.migration_status == value]
    if key == "attached_host" and admin:
        return [exists().where(Attachment.volume_id == Volume.id, Attachment.attached_host == value)]
    return None


@resource.endpoint("GET", "/summary", policy="volume:get_all", since=(3, 12))
def totals() -> Any:
    stmt = _filtered(select(Volume)).subquery()
    with tools().sessions.read() as session:
        number, size = session.execute(
            select(func.count(), func.coalesce(func.sum(stmt.c.size), 0)).select_from(stmt)
        ).one()
        view: dict[str, Any] = {"total_count": number, "total_size": int(size)}
        if version() >= (3, 36):
            view["metadata"] = _all_metadata(session, stmt)
    return {"volume-summary": view}


def _all_metadata(session: Session, stmt: Any) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for meta in session.scalars(select(stmt.c.meta).limit(10_000)):
        for key, value in (meta or {}).items():
            found.setdefault(key, set()).add(value)
    return {key: sorted(values) for key, values in found.items()}


@resource.endpoint("GET", "/<volume_id>", policy="volume:get")
def show(volume_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"volume": detail(volumes.find(session, volume_id, caller()))}


@resource.endpoint("PUT", "/<volume_id>", policy="volume:update", body=UPDATE)
def update(volume_id: str, body: dict[str, Any]) -> Any:
    asked = body["volume"]
    values = {
        field: _text(asked, field) for field in ("name", "description") if field in asked or f"display_{field}" in asked
    }
    if asked.get("metadata") is not None:
        values["meta"] = asked["metadata"]
    with tools().sessions.begin() as session:
        volume = volumes.change(volumes.find(session, volume_id, caller()), values)
        session.flush()
        return {"volume": made(volume)}


@resource.endpoint("DELETE", "/<volume_id>", policy="volume:delete")
def delete(volume_id: str) -> Any:
    cascade = listings.flag("cascade")
    force = version() >= (3, 23) and listings.flag("force")
    if force:
        enforce("volume:force_delete")
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        job = volumes.remove(session, caller(), volume, cascade=cascade, force=force)
    if job:
        tools().ring(job.id)
    return "", 202
