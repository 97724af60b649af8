"""Actions on volumes that attach them: the older way, which compute used before there were attachments."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller
from pileus_volume.api.actions import NO_ARGUMENTS
from pileus_volume.api.attachment_deletion import check_all_deletable, check_host_deletable
from pileus_volume.api.schemas import CONNECTOR, UUID_OR_NULL, only, parse_connector
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.api.volume_actions import ADMIN_ACTIONS, VOLUME_ACTIONS, actions
from pileus_volume.core import attach_actions, volumes
from pileus_volume.core.attach_actions import AttachRequest
from pileus_volume.core.states import move

ATTACH = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "instance_uuid": {"type": "string", "format": "uuid"},
        "mountpoint": {"type": "string", "minLength": 1, "maxLength": 255},
        "host_name": {"type": "string", "maxLength": 255},
        "mode": {"type": "string", "enum": ["ro", "rw"]},
    },
    "anyOf": [{"required": ["instance_uuid"]}, {"required": ["host_name"]}],
}
DETACH = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {"attachment_id": UUID_OR_NULL},
}
FORCE_DETACH = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"attachment_id": UUID_OR_NULL, "connector": {"type": ["object", "null"]}},
}
CONNECT = only(("connector",), connector=CONNECTOR)


@actions.action("os-reserve", policy=f"{VOLUME_ACTIONS}:reserve", schema=NO_ARGUMENTS)
def reserve(volume_id: str, _: object) -> Answer:
    with tools().sessions.begin() as session:
        attach_actions.reserve(session, volumes.find(session, volume_id, caller()))
    return "", 202


@actions.action("os-unreserve", policy=f"{VOLUME_ACTIONS}:unreserve", schema=NO_ARGUMENTS)
def unreserve(volume_id: str, _: object) -> Answer:
    with tools().sessions.begin() as session:
        attach_actions.unreserve(session, volumes.find(session, volume_id, caller()))
    return "", 202


@actions.action("os-begin_detaching", policy=f"{VOLUME_ACTIONS}:begin_detaching", schema=NO_ARGUMENTS)
def begin_detaching(volume_id: str, _: object) -> Answer:
    return _move(volume_id, "begin_detaching")


@actions.action("os-roll_detaching", policy=f"{VOLUME_ACTIONS}:roll_detaching", schema=NO_ARGUMENTS)
def roll_detaching(volume_id: str, _: object) -> Answer:
    return _move(volume_id, "roll_detaching")


def _move(volume_id: str, event: str) -> Answer:
    with tools().sessions.begin() as session:
        move(session, volumes.find(session, volume_id, caller()), event)
    return "", 202


@actions.action("os-attach", policy=f"{VOLUME_ACTIONS}:attach", schema=ATTACH)
def attach(volume_id: str, asked: JsonObject) -> Answer:
    attach_request = AttachRequest(
        asked.get("instance_uuid"), asked.get("host_name"), asked.get("mountpoint"), asked.get("mode")
    )
    with tools().sessions.begin() as session:
        attach_actions.attach(session, volumes.find(session, volume_id, caller()), attach_request)
    return "", 202


@actions.action("os-detach", policy=f"{VOLUME_ACTIONS}:detach", schema=DETACH)
def detach(volume_id: str, asked: JsonObject | None) -> Answer:
    return _detach(volume_id, (asked or {}).get("attachment_id"))


@actions.action("os-force_detach", policy=f"{ADMIN_ACTIONS}:force_detach", schema=FORCE_DETACH)
def force_detach(volume_id: str, asked: JsonObject) -> Answer:
    return _detach(volume_id, asked.get("attachment_id"))


def _detach(volume_id: str, attachment_id: str | None) -> Answer:
    with tools().sessions.read() as session:
        volume = volumes.find(session, volume_id, caller())
    check_all_deletable(volume, attachment_id)
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        job = attach_actions.detach(session, volume, attachment_id, caller())
    notify_workers(job)
    return "", 202


@actions.action("os-initialize_connection", policy=f"{VOLUME_ACTIONS}:initialize_connection", schema=CONNECT)
def initialize_connection(volume_id: str, asked: JsonObject) -> Answer:
    """The connection uses an attachment to the same host or to none, which must not be a server's."""
    connector = parse_connector(asked["connector"])
    with tools().sessions.read() as session:
        volume = volumes.find(session, volume_id, caller())
    check_host_deletable(volume, connector.host or "", unplaced=True)
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        info, job = attach_actions.initialize_connection(session, volume, connector, caller())
    notify_workers(job)
    return {"connection_info": info or {}}, 200


@actions.action("os-terminate_connection", policy=f"{VOLUME_ACTIONS}:terminate_connection", schema=CONNECT)
def terminate_connection(volume_id: str, asked: JsonObject) -> Answer:
    connector = parse_connector(asked["connector"])
    with tools().sessions.read() as session:
        volume = volumes.find(session, volume_id, caller())
    check_host_deletable(volume, connector.host)
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        jobs = attach_actions.terminate_connection(session, volume, connector, caller())
    notify_workers(*jobs)
    return "", 202
