"""Attachments (3.27): create, list, show, update, complete, delete."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller
from pileus_volume.api import actions as action_tables
from pileus_volume.api.actions import BODY, NO_ARGUMENTS
from pileus_volume.api.attachment_deletion import check_deletable
from pileus_volume.api.listing import Listing, stamp
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import CONNECTOR, UUID, UUID_OR_NULL, parse_connector, wrapped
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.core import attachments, volumes
from pileus_volume.core.connections import connect
from pileus_volume.core.lists import ATTACHMENTS
from pileus_volume.db.models import Attachment

resource = Resource("attachments", __name__, url_prefix="/v3/attachments")
actions = action_tables.new_table()

SINCE = (3, 27)
FIELDS = {"instance_uuid": UUID_OR_NULL, "volume_uuid": UUID, "connector": {"anyOf": [{"type": "null"}, CONNECTOR]}}
MODE = {"mode": {"type": "string", "enum": ["rw", "ro"]}}
CREATE = {
    SINCE: wrapped("attachment", FIELDS, required=("volume_uuid",)),
    (3, 54): wrapped("attachment", FIELDS | MODE, required=("volume_uuid",)),
}
UPDATE = {SINCE: wrapped("attachment", {"connector": CONNECTOR | {"minProperties": 1}}, required=("connector",))}
LISTING = Listing(ATTACHMENTS, "attachments")


def summary(attachment: Attachment) -> JsonObject:
    """The attachment as the short list shows it."""
    return {
        "id": attachment.id,
        "status": attachment.attach_status,
        "instance": attachment.instance_id,
        "volume_id": attachment.volume_id,
    }


def detail(attachment: Attachment, secrets: bool = False) -> JsonObject:
    """All of the attachment. `secrets`: with the way to connect, which else only services and administrators see."""
    info: JsonObject = {}
    may_connect = secrets or caller().is_service or caller().is_admin or attachment.instance_id is None
    connection = attachment.connection
    if connection and may_connect:
        info = {
            **connection["data"],
            "driver_volume_type": connection["driver_volume_type"],
            "data": connection["data"],
            "attachment_id": attachment.id,
        }
    return summary(attachment) | {
        "attach_mode": attachment.attach_mode,
        "attached_at": stamp(attachment.attached_at),
        "detached_at": None,
        "connection_info": info,
    }


@resource.endpoint("POST", "", policy="volume:attachment_create", body=CREATE, since=SINCE)
def create(body: JsonObject) -> Answer:
    asked = body["attachment"]
    job = None
    with tools().sessions.begin() as session:
        volume = volumes.find(session, asked["volume_uuid"], caller())
        attachment = attachments.create(session, volume, asked.get("instance_uuid"), asked.get("mode"))
        if asked.get("connector"):
            session.refresh(volume)
            job = connect(session, volume, attachment, parse_connector(asked["connector"]), caller())
        view = {"attachment": detail(attachment, secrets=True)}
    notify_workers(job)
    return view, 200


@resource.endpoint("GET", "", policy="volume:get_all", since=SINCE)
def index() -> Answer:
    return LISTING.answer(summary)


@resource.endpoint("GET", "/detail", policy="volume:get_all", since=SINCE)
def index_detail() -> Answer:
    return LISTING.answer(detail, below="/detail")


@resource.endpoint("GET", "/<attachment_id>", policy="volume:get", since=SINCE)
def show(attachment_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"attachment": detail(attachments.find(session, attachment_id, caller()))}


@resource.endpoint("PUT", "/<attachment_id>", policy="volume:attachment_update", body=UPDATE, since=SINCE)
def update(attachment_id: str, body: JsonObject) -> Answer:
    """The answer has the way to connect at once; a job creates the export meanwhile."""
    with tools().sessions.read() as session:
        attachment = attachments.find(session, attachment_id, caller())
    check_deletable(attachment)
    with tools().sessions.begin() as session:
        attachment = attachments.find(session, attachment_id, caller())
        volume = volumes.find(session, attachment.volume_id, caller())
        job = connect(session, volume, attachment, parse_connector(body["attachment"]["connector"]), caller())
        view = {"attachment": detail(attachment, secrets=True)}
    notify_workers(job)
    return view, 200


@resource.endpoint("DELETE", "/<attachment_id>", policy="volume:attachment_delete", since=SINCE)
def delete(attachment_id: str) -> Answer:
    with tools().sessions.read() as session:
        attachment = attachments.find(session, attachment_id, caller())
    check_deletable(attachment)
    with tools().sessions.begin() as session:
        attachment = attachments.find(session, attachment_id, caller())
        volume = volumes.find(session, attachment.volume_id, caller())
        job = attachments.delete(session, volume, attachment, caller())
        rest = [summary(other) for other in volume.attachments]
    notify_workers(job)
    return {"attachments": rest}, 200


@resource.endpoint("POST", "/<attachment_id>/action", policy="volume:get", body=BODY, since=(3, 44), actions=actions)
def act(attachment_id: str, body: JsonObject) -> Answer:
    return action_tables.run(actions, attachment_id, body)


@actions.action("os-complete", policy="volume:attachment_complete", schema=NO_ARGUMENTS, since=(3, 44))
def complete(attachment_id: str, _: object) -> Answer:
    with tools().sessions.begin() as session:
        attachment = attachments.find(session, attachment_id, caller())
        attachments.complete(session, volumes.find(session, attachment.volume_id, caller()), attachment)
    return "", 204
