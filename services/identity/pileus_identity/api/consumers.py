"""/v3/OS-OAUTH1/consumers."""

from typing import Any

from sqlalchemy import select

from pileus_identity.api.views import TEXT, View, link, listed, wrapped
from pileus_identity.core import consumers
from pileus_identity.db.models import Consumer
from pileus_kit.web import Resource, tools

resource = Resource("consumers", __name__, url_prefix="/v3/OS-OAUTH1/consumers")

CREATE = wrapped("consumer", {"description": TEXT})
UPDATE = wrapped("consumer", {"description": TEXT})
UPDATE["properties"]["consumer"]["minProperties"] = 1


@resource.endpoint("POST", "", policy="identity:create_consumer", body=CREATE)
def create(body: View) -> Any:
    """The secret is shown this once."""
    with tools().change() as session:
        consumer, secret = consumers.create(session, tools().credential_keys, body["consumer"])
        return {"consumer": show(consumer) | {"secret": secret}}, 201


@resource.endpoint("GET", "", policy="identity:list_consumers")
def list_all() -> Any:
    return listed(select(Consumer), Consumer, "consumers", show)


@resource.endpoint("GET", "/<consumer_id>", policy="identity:get_consumer")
def show_one(consumer_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"consumer": show(consumers.get(session, consumer_id))}


@resource.endpoint("PATCH", "/<consumer_id>", policy="identity:update_consumer", body=UPDATE)
def update(consumer_id: str, body: View) -> Any:
    with tools().change() as session:
        consumer = consumers.get(session, consumer_id)
        consumers.change(session, consumer, body["consumer"])
        return {"consumer": show(consumer)}


@resource.endpoint("DELETE", "/<consumer_id>", policy="identity:delete_consumer")
def delete(consumer_id: str) -> Any:
    with tools().change() as session:
        consumers.remove(session, consumers.get(session, consumer_id))
    return "", 204


def show(consumer: Consumer) -> View:
    return {
        **consumer.extra,
        "id": consumer.id,
        "description": consumer.description,
        "links": link("OS-OAUTH1", "consumers", consumer.id),
    }
