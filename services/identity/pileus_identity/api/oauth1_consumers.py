"""/v3/OS-OAUTH1/consumers."""

from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.schemas import TEXT, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import oauth1_consumers
from pileus_identity.db.models import Consumer
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("oauth1_consumers", __name__, url_prefix="/v3/OS-OAUTH1/consumers")

CREATE = wrapped("consumer", {"description": TEXT})
UPDATE = wrapped("consumer", {"description": TEXT})
UPDATE["properties"]["consumer"]["minProperties"] = 1


@resource.endpoint("POST", "", policy="identity:create_consumer", body=CREATE)
def create(body: JsonObject) -> Answer:
    """The secret is shown this once."""
    with tools().change() as session:
        consumer, secret = oauth1_consumers.create(session, tools().credential_keys, body["consumer"])
        return {"consumer": consumer_view(consumer) | {"secret": secret}}, 201


@resource.endpoint("GET", "", policy="identity:list_consumers")
def index() -> Answer:
    with tools().sessions.read() as session:
        return list_view("consumers", oauth1_consumers.list_page(session, list_query()), consumer_view)


@resource.endpoint("GET", "/<consumer_id>", policy="identity:get_consumer")
def show(consumer_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"consumer": consumer_view(oauth1_consumers.find(session, consumer_id))}


@resource.endpoint("PATCH", "/<consumer_id>", policy="identity:update_consumer", body=UPDATE)
def update(consumer_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        consumer = oauth1_consumers.find(session, consumer_id)
        oauth1_consumers.update(session, consumer, body["consumer"])
        return {"consumer": consumer_view(consumer)}


@resource.endpoint("DELETE", "/<consumer_id>", policy="identity:delete_consumer")
def delete(consumer_id: str) -> Answer:
    with tools().change() as session:
        oauth1_consumers.delete(session, oauth1_consumers.find(session, consumer_id))
    return "", 204


def consumer_view(consumer: Consumer) -> JsonObject:
    """A consumer without its secret."""
    return {
        **consumer.extra,
        "id": consumer.id,
        "description": consumer.description,
        "links": self_link("OS-OAUTH1", "consumers", consumer.id),
    }
