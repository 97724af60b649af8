"""Messages (3.3): why an accepted request failed."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller
from pileus_volume.api.listing import Listing, stamp
from pileus_volume.api.project_paths import Resource, base_url
from pileus_volume.api.tools import tools
from pileus_volume.core import messages
from pileus_volume.core.lists import MESSAGES
from pileus_volume.db.models import Message

resource = Resource("messages", __name__, url_prefix="/v3/messages")
SINCE = (3, 3)
LISTING = Listing(MESSAGES, "messages")


def view(message: Message) -> JsonObject:
    """All of the message."""
    return {
        "id": message.id,
        "event_id": message.event_id,
        "user_message": message.text,
        "message_level": "ERROR",
        "resource_type": message.resource_type,
        "resource_uuid": message.resource_id,
        "request_id": message.request_id,
        "created_at": stamp(message.created_at),
        "guaranteed_until": stamp(message.expires_at),
        "links": [
            {"rel": "self", "href": f"{base_url()}/messages/{message.id}"},
            {"rel": "bookmark", "href": f"{base_url().replace('/v3/', '/')}/messages/{message.id}"},
        ],
    }


@resource.endpoint("GET", "", policy="message:get_all", since=SINCE)
def index() -> Answer:
    return LISTING.answer(view)


@resource.endpoint("GET", "/<message_id>", policy="message:get", since=SINCE)
def show(message_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"message": view(messages.find(session, message_id, caller()))}


@resource.endpoint("DELETE", "/<message_id>", policy="message:delete", since=SINCE)
def delete(message_id: str) -> Answer:
    with tools().sessions.begin() as session:
        messages.delete(session, messages.find(session, message_id, caller()))
    return "", 204
