"""The older way of attaching: a volume's own actions, which compute used before there were attachments."""

from typing import Any

from pileus_kit.web import caller, tools
from pileus_volume.api.schemas import CONNECTOR, UUID
from pileus_volume.api.server_disks import refuse_if_used
from pileus_volume.api.volume_actions import action
from pileus_volume.core import attachments, volumes
from pileus_volume.core.states import move

ATTACH = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "instance_uuid": UUID,
        "mountpoint": {"type": "string", "minLength": 1, "maxLength": 255},
        "host_name": {"type": "string", "maxLength": 255},
        "mode": {"type": "string", "enum": ["ro", "rw"]},
    },
    "anyOf": [{"required": ["instance_uuid"]}, {"required": ["host_name"]}],
}
DETACH = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {"attachment_id": {"anyOf": [{"type": "null"}, UUID]}},
}
FORCE_DETACH = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"attachment_id": {"anyOf": [{"type": "null"}, UUID]}, "connector": {"type": ["object", "null"]}},
}
CONNECT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["connector"],
    "properties": {"connector": CONNECTOR},
}


@action("os-reserve", "volume_extension:volume_actions:reserve")
def reserve(volume_id: str, _: Any) -> Any:
    with tools().sessions.begin() as session:
        attachments.book(session, volumes.find(session, volume_id, caller()))
    return "", 202


@action("os-unreserve", "volume_extension:volume_actions:unreserve")
def unreserve(volume_id: str, _: Any) -> Any:
    with tools().sessions.begin() as session:
        attachments.unbook(session, volumes.find(session, volume_id, caller()))
    return "", 202


@action("os-begin_detaching", "volume_extension:volume_actions:begin_detaching")
def begin_detaching(volume_id: str, _: Any) -> Any:
    return _moved(volume_id, "begin_detaching")


@action("os-roll_detaching", "volume_extension:volume_actions:roll_detaching")
def roll_detaching(volume_id: str, _: Any) -> Any:
    return _moved(volume_id, "roll_detaching")


def _moved(volume_id: str, event: str) -> Any:
    with tools().sessions.begin() as session:
        move(session, volumes.find(session, volume_id, caller()), event)
    return "", 202


@action("os-attach", "volume_extension:volume_actions:attach", ATTACH)
def attach(volume_id: str, asked: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        attachments.attach(
            session,
            volumes.find(session, volume_id, caller()),
            asked.get("instance_uuid"),
            asked.get("host_name"),
            asked.get("mountpoint"),
            asked.get("mode"),
        )
    return "", 202


@action("os-detach", "volume_extension:volume_actions:detach", DETACH)
def detach(volume_id: str, asked: dict[str, Any] | None) -> Any:
    return _detached(volume_id, (asked or {}).get("attachment_id"))


@action("os-force_detach", "volume_extension:volume_admin_actions:force_detach", FORCE_DETACH)
def force_detach(volume_id: str, asked: dict[str, Any]) -> Any:
    return _detached(volume_id, asked.get("attachment_id"))


def _refuse_if_used(volume_id: str, attachment_id: str | None, host: str | None = None, unplaced: bool = False) -> None:
    """Of those to `host`, if there is one; `unplaced`: and of those to no host yet."""
    with tools().sessions.read() as session:
        volume = volumes.find(session, volume_id, caller())
    for attachment in volume.attachments:
        here = host in (None, attachment.attached_host) or (unplaced and attachment.attached_host is None)
        if attachment_id in (None, attachment.id) and here:
            refuse_if_used(attachment)


def _detached(volume_id: str, attachment_id: str | None) -> Any:
    _refuse_if_used(volume_id, attachment_id)
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        job = attachments.detach(session, volume, attachment_id, caller())
    if job:
        tools().ring(job.id)
    return "", 202


@action("os-initialize_connection", "volume_extension:volume_actions:initialize_connection", CONNECT)
def initialize_connection(volume_id: str, asked: dict[str, Any]) -> Any:
    """It takes up an attachment to the same host or to none, which must not be a server's."""
    _refuse_if_used(volume_id, None, asked["connector"].get("host") or "", unplaced=True)
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        info, job = attachments.open_connection(session, volume, asked["connector"], caller())
    if job:
        tools().ring(job.id)
    return {"connection_info": info}, 200


@action("os-terminate_connection", "volume_extension:volume_actions:terminate_connection", CONNECT)
def terminate_connection(volume_id: str, asked: dict[str, Any]) -> Any:
    _refuse_if_used(volume_id, None, asked["connector"].get("host"))
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        jobs = attachments.close_connection(session, volume, asked["connector"], caller())
    for job in jobs:
        tools().ring(job.id)
    return "", 202
