"""Host aggregates."""

from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.api.schemas import NAME, NULLABLE_METADATA, action, body, obj
from pileus_compute.core import aggregates
from pileus_compute.db.models import Aggregate
from pileus_compute.errors import AggregateNotFound
from pileus_kit.errors import BadRequest
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, enforce, tools, version

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
META = NULLABLE_METADATA
HOST = obj({"host": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9\-._]*$"}}, ("host",))
ACTION = {
    (2, 1): {
        "oneOf": [
            action("add_host", HOST),
            action("remove_host", HOST),
            action("set_metadata", obj({"metadata": META}, ("metadata",))),
        ]
    }
}


def aggregate_view(aggregate: Aggregate, hosts: list[str]) -> dict[str, Any]:
    stamp = "%Y-%m-%dT%H:%M:%S.%f"
    view = {
        "id": aggregate.id,
        "name": aggregate.name,
        "availability_zone": aggregate.meta.get("availability_zone"),
        "metadata": aggregate.meta,
        "hosts": hosts,
        "created_at": aggregate.created_at.strftime(stamp),
        "updated_at": aggregate.updated_at.strftime(stamp) if aggregate.updated_at else None,
        "deleted": False,
        "deleted_at": None,
    }
    return view | ({"uuid": aggregate.uuid} if version() >= (2, 41) else {})


def _view(session: Session, aggregate: Aggregate) -> dict[str, Any]:
    session.flush()
    return {"aggregate": aggregate_view(aggregate, aggregates.members(session, [aggregate.id]).get(aggregate.id, []))}


def _get(session: Session, given: str) -> Aggregate:
    number = parse_whole_number(given)
    if number is None:
        raise AggregateNotFound(aggregate=given)
    return aggregates.find(session, number)


@resource.endpoint("GET", "", policy=RULE + "index")
def index() -> Any:
    with tools().sessions.read() as session:
        rows = aggregates.list_aggregates(session)
        members = aggregates.members(session, [a.id for a in rows])
        return {"aggregates": [aggregate_view(a, members.get(a.id, [])) for a in rows]}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(body: dict[str, Any]) -> Any:
    wish = body["aggregate"]
    with tools().sessions.begin() as session:
        view = _view(session, aggregates.create(session, wish["name"].strip(), _zone(wish)))
    view["aggregate"].pop("hosts")
    view["aggregate"].pop("metadata")
    return view


def _zone(wish: dict[str, Any]) -> str | None:
    zone = wish.get("availability_zone")
    if zone and ":" in zone:
        raise BadRequest(why=f"Invalid availability zone name {zone}: it has a colon.")
    return zone


@resource.endpoint("GET", "/<given>", policy=RULE + "show")
def show(given: str) -> Any:
    with tools().sessions.read() as session:
        return _view(session, _get(session, given))


@resource.endpoint("PUT", "/<given>", policy=RULE + "update", body=UPDATE)
def update(given: str, body: dict[str, Any]) -> Any:
    wish = body["aggregate"]
    with tools().sessions.begin() as session:
        aggregate = _get(session, given)
        aggregates.update(session, aggregate, wish.get("name"), _zone(wish))
        return _view(session, aggregate)


@resource.endpoint("DELETE", "/<given>", policy=RULE + "delete")
def delete(given: str) -> Any:
    with tools().sessions.begin() as session:
        aggregates.delete(session, _get(session, given))
    return "", 200


@resource.endpoint("POST", "/<given>/action", policy=RULE + "show", body=ACTION)
def act(given: str, body: dict[str, Any]) -> Any:
    ((name, wish),) = body.items()
    enforce(RULE + name)
    with tools().sessions.begin() as session:
        aggregate = _get(session, given)
        if name == "set_metadata":
            aggregates.set_metadata(session, aggregate, wish["metadata"])
        else:
            (aggregates.add_host if name == "add_host" else aggregates.remove_host)(session, aggregate, wish["host"])
        return _view(session, aggregate)
