"""Messages (3.3): why something that was accepted didn't come about."""

from typing import Any

from flask import request
from sqlalchemy import select

from pileus_kit.web import caller, tools
from pileus_volume.api import listings
from pileus_volume.api.project_paths import Resource, base_url
from pileus_volume.core import messages
from pileus_volume.db.models import Message

resource = Resource("messages", __name__, url_prefix="/v3/messages")
SINCE = (3, 3)
SORTABLE: dict[str, listings.Column] = {
    "id": Message.id,
    "created_at": Message.created_at,
    "event_id": Message.event_id,
    "resource_type": Message.resource_type,
    "resource_uuid": Message.resource_id,
    "request_id": Message.request_id,
    "guaranteed_until": Message.expires_at,
}
FILTERS: dict[str, listings.Column] = {
    "resource_uuid": Message.resource_id,
    "resource_type": Message.resource_type,
    "event_id": Message.event_id,
    "request_id": Message.request_id,
}


def view(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "event_id": message.event_id,
        "user_message": message.text,
        "message_level": "ERROR",
        "resource_type": message.resource_type,
        "resource_uuid": message.resource_id,
        "request_id": message.request_id,
        "created_at": listings.stamp(message.created_at),
        "guaranteed_until": listings.stamp(message.expires_at),
        "links": [
            {"rel": "self", "href": f"{base_url()}/messages/{message.id}"},
            {"rel": "bookmark", "href": f"{base_url().replace('/v3/', '/')}/messages/{message.id}"},
        ],
    }


@resource.endpoint("GET", "", policy="message:get_all", since=SINCE)
def index() -> Any:
    asked = listings.page()
    stmt = select(Message).where(Message.project_id == caller().project_id)
    for name, column in FILTERS.items():
        if name in request.args:
            stmt = stmt.where(column == request.args[name])
    with tools().sessions.read() as session:
        marker = messages.get(session, asked.marker, caller()) if asked.marker else None
        rows = listings.fetch(session, stmt, asked, SORTABLE, Message.id, marker)
    return {"messages": [view(m) for m in rows], **listings.links("messages", asked, rows, f"{base_url()}/messages")}


@resource.endpoint("GET", "/<message_id>", policy="message:get", since=SINCE)
def show(message_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"message": view(messages.get(session, message_id, caller()))}


@resource.endpoint("DELETE", "/<message_id>", policy="message:delete", since=SINCE)
def delete(message_id: str) -> Any:
    with tools().sessions.begin() as session:
        session.delete(messages.get(session, message_id, caller()))
    return "", 204
