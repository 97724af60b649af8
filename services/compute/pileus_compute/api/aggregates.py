"""`/os-aggregates`: groups of hosts that administrators make."""

from pileus_compute.api.schemas.types import NAME, NULLABLE_METADATA, action, body, obj
from pileus_compute.api.tools import tools
from pileus_compute.api.views.links import iso_micros
from pileus_compute.core import aggregates
from pileus_compute.db.models import Aggregate
from pileus_compute.errors import AggregateNotFound
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, enforce, version

resource = Resource("aggregates", __name__, url_prefix="/v2.1/os-aggregates")
RULE = "os_compute_api:os-aggregates:"

ZONE = {"anyOf": [NAME, {"type": "null"}]}
CREATE = {(2, 1): body("aggregate", obj({"name": NAME, "availability_zone": ZONE}, ("name",)))}
UPDATE = {
    (2, 1): body(
        "aggregate",
        obj({"name": NAME, "availability_zone": ZONE})
        | {"anyOf": [{"required": ["name"]}, {"required": ["availability_zone"]}]},
    )
}
HOST = obj({"host": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9\-._]*$"}}, ("host",))
ACTION = {
    (2, 1): {
        "oneOf": [
            action("add_host", HOST),
            action("remove_host", HOST),
            action("set_metadata", obj({"metadata": NULLABLE_METADATA}, ("metadata",))),
        ]
    }
}


def aggregate_view(aggregate: Aggregate, hosts: list[str]) -> JsonObject:
    view = {
        "id": aggregate.id,
        "name": aggregate.name,
        "availability_zone": aggregate.meta.get("availability_zone"),
        "metadata": aggregate.meta,
        "hosts": hosts,
        "created_at": iso_micros(aggregate.created_at),
        "updated_at": iso_micros(aggregate.updated_at) if aggregate.updated_at else None,
        "deleted": False,
        "deleted_at": None,
    }
    return view | ({"uuid": aggregate.uuid} if version() >= (2, 41) else {})


def _answer(session: Session, aggregate: Aggregate) -> JsonObject:
    session.flush()
    hosts = aggregates.hosts_by_aggregate(session, [aggregate.id]).get(aggregate.id, [])
    return {"aggregate": aggregate_view(aggregate, hosts)}


def _find(session: Session, aggregate_id: str) -> Aggregate:
    number = parse_whole_number(aggregate_id)
    if number is None:
        raise AggregateNotFound(aggregate=aggregate_id)
    return aggregates.find(session, number)


@resource.endpoint("GET", "", policy=RULE + "index")
def index() -> Answer:
    with tools().sessions.read() as session:
        rows = aggregates.list_aggregates(session)
        hosts = aggregates.hosts_by_aggregate(session, [a.id for a in rows])
        return {"aggregates": [aggregate_view(a, hosts.get(a.id, [])) for a in rows]}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(body: JsonObject) -> Answer:
    asked = body["aggregate"]
    with tools().sessions.begin() as session:
        view = _answer(session, aggregates.create(session, asked["name"].strip(), _zone(asked)))
    view["aggregate"].pop("hosts")
    view["aggregate"].pop("metadata")
    return view


def _zone(asked: JsonObject) -> str | None:
    zone: str | None = asked.get("availability_zone")
    if zone and ":" in zone:
        raise BadRequest(why=f"Invalid availability zone name {zone}: it has a colon.")
    return zone


@resource.endpoint("GET", "/<aggregate_id>", policy=RULE + "show")
def show(aggregate_id: str) -> Answer:
    with tools().sessions.read() as session:
        return _answer(session, _find(session, aggregate_id))


@resource.endpoint("PUT", "/<aggregate_id>", policy=RULE + "update", body=UPDATE)
def update(aggregate_id: str, body: JsonObject) -> Answer:
    asked = body["aggregate"]
    with tools().sessions.begin() as session:
        aggregate = _find(session, aggregate_id)
        aggregates.update(session, aggregate, asked.get("name"), _zone(asked))
        return _answer(session, aggregate)


@resource.endpoint("DELETE", "/<aggregate_id>", policy=RULE + "delete")
def delete(aggregate_id: str) -> Answer:
    with tools().sessions.begin() as session:
        aggregates.delete(session, _find(session, aggregate_id))
    return "", 200


@resource.endpoint("POST", "/<aggregate_id>/action", policy=RULE + "show", body=ACTION)
def act(aggregate_id: str, body: JsonObject) -> Answer:
    ((name, value),) = body.items()
    enforce(RULE + name)
    with tools().sessions.begin() as session:
        aggregate = _find(session, aggregate_id)
        if name == "set_metadata":
            aggregates.update_metadata(session, aggregate, value["metadata"])
        elif name == "add_host":
            aggregates.add_host(session, aggregate, value["host"])
        else:
            aggregates.remove_host(session, aggregate, value["host"])
        return _answer(session, aggregate)
