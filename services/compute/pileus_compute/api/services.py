"""Compute services: the hosts as processes that may be disabled."""

from typing import Any

from flask import request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_compute.api.schemas import BOOLEAN, NAME, TEXT, obj, query, strict_query, truth
from pileus_compute.core import hosts, workers
from pileus_compute.core.workers import WorkerService
from pileus_compute.db.models import Host, Server
from pileus_compute.errors import HostNotFound, ServiceNotFound
from pileus_kit.errors import BadRequest, Conflict
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, tools, version

resource = Resource("services", __name__, url_prefix="/v2.1/os-services")
RULE = "os_compute_api:os-services:"
BINARY = "nova-compute"

LIST = {(2, 1): query(host=TEXT, binary=TEXT), (2, 75): strict_query(host=TEXT, binary=TEXT)}
REASON = {"type": "string", "minLength": 1, "maxLength": 255}
OLD: dict[str, Any] = {"host": NAME, "binary": NAME, "disabled_reason": REASON, "forced_down": BOOLEAN}
UPDATE_OLD = {(2, 1): obj(OLD, ("host", "binary"))}
UPDATE = {
    (2, 53): obj(
        {
            "status": {"type": "string", "enum": ["enabled", "disabled"]},
            "disabled_reason": REASON,
            "forced_down": BOOLEAN,
        }
    )
}


def _zone(session: Session, host: Host) -> str:
    return hosts.zone_of(hosts.aggregates_by_host(session).get(host.name, []), tools().config.default_zone)


def service_view(host: Host, zone: str) -> dict[str, Any]:
    up = hosts.is_up(host, tools().config.host_silence)
    view = {
        "id": host.service_id if version() >= (2, 53) else host.number,
        "binary": BINARY,
        "host": host.name,
        "zone": zone,
        "status": "disabled" if host.disabled else "enabled",
        "state": "up" if up else "down",
        "updated_at": host.seen_at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "disabled_reason": host.disabled_reason,
    }
    return view | ({"forced_down": host.forced_down} if version() >= (2, 11) else {})


def worker_service_view(role: WorkerService) -> dict[str, Any]:
    view = {
        "id": role.id if version() >= (2, 53) else role.number,
        "binary": role.binary,
        "host": role.host,
        "zone": workers.ZONE,
        "status": "enabled",
        "state": "up" if role.up else "down",
        "updated_at": role.seen_at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "disabled_reason": None,
    }
    return view | ({"forced_down": False} if version() >= (2, 11) else {})


@resource.endpoint("GET", "", policy=RULE + "list", query=LIST)
def index() -> Any:
    with tools().sessions.read() as session:
        member_of, zone = hosts.aggregates_by_host(session), tools().config.default_zone
        found = [worker_service_view(role) for role in workers.list_services(session, tools().config.host_silence)]
        found += [
            service_view(h, hosts.zone_of(member_of.get(h.name, []), zone))
            for h in session.scalars(select(Host).order_by(Host.number))
        ]
    wanted = {key: request.args[key] for key in ("host", "binary") if request.args.get(key)}
    return {"services": [s for s in found if wanted.items() <= s.items()]}


@resource.endpoint("PUT", "/<service_id>", policy=RULE + "update", body=UPDATE, since=(2, 53))
def update(service_id: str, body: dict[str, Any]) -> Any:
    if not body:
        raise BadRequest(why="No updates were requested. Fields 'status' or 'forced_down' should be specified.")
    if "disabled_reason" in body and body.get("status") != "disabled":
        raise BadRequest(why="Specifying disabled_reason requires that status is 'disabled'.")
    with tools().sessions.begin() as session:
        host = session.scalar(select(Host).where(Host.service_id == service_id))
        if host is None:
            raise ServiceNotFound(service=service_id)
        _apply(host, body)
        return {"service": service_view(host, _zone(session, host))}


def _apply(host: Host, change: dict[str, Any]) -> None:
    if "status" in change:
        host.disabled = change["status"] == "disabled"
        host.disabled_reason = change.get("disabled_reason") if host.disabled else None
    if "forced_down" in change:
        host.forced_down = truth(change["forced_down"])


def _old(word: str, since: tuple[int, int], answer: Any) -> None:
    """The calls that name a host, up to 2.52."""

    @resource.endpoint("PUT", f"/{word}", policy=RULE + "update", body=UPDATE_OLD, since=since, until=(2, 52))
    def call(body: dict[str, Any]) -> Any:
        with tools().sessions.begin() as session:
            host = session.get(Host, body["host"])
            if host is None or body["binary"] != BINARY:
                raise HostNotFound(host=body["host"])
            return {"service": answer(host, body)}


def _status(host: Host, body: dict[str, Any], status: str) -> dict[str, Any]:
    _apply(host, {"status": status, "disabled_reason": body.get("disabled_reason")})
    return {"host": host.name, "binary": BINARY, "status": status}


def _with_reason(host: Host, body: dict[str, Any]) -> dict[str, Any]:
    if not body.get("disabled_reason"):
        raise BadRequest(why="Missing disabled reason field")
    return _status(host, body, "disabled") | {"disabled_reason": host.disabled_reason}


def _force_down(host: Host, body: dict[str, Any]) -> dict[str, Any]:
    if "forced_down" not in body:
        raise BadRequest(why="Missing forced_down field")
    _apply(host, {"forced_down": body["forced_down"]})
    return {"host": host.name, "binary": BINARY, "forced_down": host.forced_down}


_old("enable", (2, 1), lambda host, body: _status(host, body, "enabled"))
_old("disable", (2, 1), lambda host, body: _status(host, body | {"disabled_reason": None}, "disabled"))
_old("disable-log-reason", (2, 1), _with_reason)
_old("force-down", (2, 11), _force_down)


@resource.endpoint("DELETE", "/<service_id>", policy=RULE + "delete")
def delete(service_id: str) -> Any:
    """A host that is away for good. One that still says hello comes back at once."""
    with tools().sessions.begin() as session:
        number = parse_whole_number(service_id)
        if version() < (2, 53) and number is None:
            raise BadRequest(why=f"Invalid service id {service_id}")
        known = Host.service_id == service_id if version() >= (2, 53) else Host.number == number
        host = session.scalar(select(Host).where(known))
        if host is None:
            raise ServiceNotFound(service=service_id)
        if session.scalar(select(func.count()).select_from(Server).where(Server.host == host.name)):
            raise Conflict(
                why="Unable to delete compute service that is hosting instances. Migrate or delete the instances first."
            )
        session.delete(host)
    return "", 204
