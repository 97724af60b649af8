"""Attachments (3.27): the record of who has a volume, shared with compute."""

from typing import Any

from flask import request
from sqlalchemy import Select, select

from pileus_kit.web import caller, tools, version
from pileus_volume.api import listings
from pileus_volume.api.actions import BODY, Actions
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import CONNECTOR, UUID, UUID_OR_NULL, wrapped
from pileus_volume.api.server_disks import refuse_if_used
from pileus_volume.core import attachments, volumes
from pileus_volume.core.visibility import sees_all
from pileus_volume.db.models import Attachment
from pileus_volume.errors import Invalid

resource = Resource("attachments", __name__, url_prefix="/v3/attachments")
actions = Actions()

FIELDS = {"instance_uuid": UUID_OR_NULL, "volume_uuid": UUID, "connector": {"anyOf": [{"type": "null"}, CONNECTOR]}}
MODE = {"mode": {"type": "string", "enum": ["rw", "ro"]}}
CREATE = {
    (3, 27): wrapped("attachment", FIELDS, required=("volume_uuid",)),
    (3, 54): wrapped("attachment", FIELDS | MODE, required=("volume_uuid",)),
}
UPDATE = {(3, 27): wrapped("attachment", {"connector": CONNECTOR | {"minProperties": 1}}, required=("connector",))}
SORTABLE: dict[str, listings.Column] = {
    "id": Attachment.id,
    "created_at": Attachment.created_at,
    "volume_id": Attachment.volume_id,
    "attach_status": Attachment.attach_status,
    "instance_uuid": Attachment.instance_id,
}
PAGING = {"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "all_tenants"}
LISTING = listings.Listing("attachments", SORTABLE, Attachment.id, attachments.find, counted=False)
SINCE = (3, 27)


def summary(attachment: Attachment) -> dict[str, Any]:
    return {
        "id": attachment.id,
        "status": attachment.attach_status,
        "instance": attachment.instance_id,
        "volume_id": attachment.volume_id,
    }


def detail(attachment: Attachment, secrets: bool = False) -> dict[str, Any]:
    """`secrets`: also how to connect, which is for who connects."""
    info: dict[str, Any] = {}
    known = secrets or caller().is_service or caller().is_admin or attachment.instance_id is None
    if attachment.connection and known:
        how = attachment.connection
        info = {
            **how["data"],
            "driver_volume_type": how["driver_volume_type"],
            "data": how["data"],
            "attachment_id": attachment.id,
        }
    return summary(attachment) | {
        "attach_mode": attachment.attach_mode,
        "attached_at": listings.stamp(attachment.attached_at),
        "detached_at": None,
        "connection_info": info,
    }


@resource.endpoint("POST", "", policy="volume:attachment_create", body=CREATE, since=SINCE)
def create(body: dict[str, Any]) -> Any:
    asked = body["attachment"]
    job = None
    with tools().sessions.begin() as session:
        volume = volumes.find(session, asked["volume_uuid"], caller())
        attachment = attachments.reserve(session, volume, asked.get("instance_uuid"), asked.get("mode"))
        if asked.get("connector"):
            session.refresh(volume)
            job = attachments.connect(session, volume, attachment, asked["connector"], caller())
        view = {"attachment": detail(attachment, secrets=True)}
    if job:
        tools().ring(job.id)
    return view, 200


@resource.endpoint("GET", "", policy="volume:get_all", since=SINCE)
def index() -> Any:
    return LISTING.answer(_filtered(select(Attachment)), summary)


@resource.endpoint("GET", "/detail", policy="volume:get_all", since=SINCE)
def index_detail() -> Any:
    return LISTING.answer(_filtered(select(Attachment)), detail, "/detail")


def _filtered(stmt: Select[Any]) -> Select[Any]:
    admin = sees_all(caller())
    if not (admin and listings.flag("all_tenants")):
        stmt = stmt.where(Attachment.project_id == caller().project_id)
    columns: dict[str, listings.Column] = {
        "volume_id": Attachment.volume_id,
        "instance_id": Attachment.instance_id,
        "instance_uuid": Attachment.instance_id,
        "status": Attachment.attach_status,
        "attach_status": Attachment.attach_status,
        "id": Attachment.id,
    }
    if admin:
        columns["project_id"] = Attachment.project_id
    for key, value in request.args.items():
        if key in columns:
            stmt = stmt.where(columns[key] == value)
        elif key not in PAGING and not admin and version() >= (3, 31):
            raise Invalid(why=f"Invalid filters {key[:40]} are found in query options.")
    return stmt


@resource.endpoint("GET", "/<attachment_id>", policy="volume:get", since=SINCE)
def show(attachment_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"attachment": detail(attachments.find(session, attachment_id, caller()))}


@resource.endpoint("PUT", "/<attachment_id>", policy="volume:attachment_update", body=UPDATE, since=SINCE)
def update(attachment_id: str, body: dict[str, Any]) -> Any:
    """How to connect stands in the answer at once; a job makes it possible meanwhile."""
    with tools().sessions.read() as session:
        attachment = attachments.find(session, attachment_id, caller())
    refuse_if_used(attachment)
    with tools().sessions.begin() as session:
        attachment = attachments.find(session, attachment_id, caller())
        volume = volumes.find(session, attachment.volume_id, caller())
        job = attachments.connect(session, volume, attachment, body["attachment"]["connector"], caller())
        view = {"attachment": detail(attachment, secrets=True)}
    if job:
        tools().ring(job.id)
    return view, 200


@resource.endpoint("DELETE", "/<attachment_id>", policy="volume:attachment_delete", since=SINCE)
def delete(attachment_id: str) -> Any:
    with tools().sessions.read() as session:
        attachment = attachments.find(session, attachment_id, caller())
    refuse_if_used(attachment)
    with tools().sessions.begin() as session:
        attachment = attachments.find(session, attachment_id, caller())
        volume = volumes.find(session, attachment.volume_id, caller())
        job = attachments.remove(session, volume, attachment, caller())
        rest = [summary(a) for a in volume.attachments]
    if job:
        tools().ring(job.id)
    return {"attachments": rest}, 200


@resource.endpoint("POST", "/<attachment_id>/action", policy="volume:get", body=BODY, since=(3, 44))
def act(attachment_id: str, body: dict[str, Any]) -> Any:
    return actions.run(attachment_id, body)


@actions.action("os-complete", "volume:attachment_complete", since=(3, 44))
def complete(attachment_id: str, _: Any) -> Any:
    with tools().sessions.begin() as session:
        attachment = attachments.find(session, attachment_id, caller())
        attachments.complete(session, volumes.find(session, attachment.volume_id, caller()), attachment)
    return "", 204
