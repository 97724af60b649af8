"""`/os-services`: `nova-compute` on each host, and the workers, which schedule and conduct."""

from collections.abc import Mapping

from flask import request

from pileus_compute.api.schemas.types import BOOLEAN, NAME, TEXT, is_true, obj, query, strict_query
from pileus_compute.api.tools import tools
from pileus_compute.api.views.links import iso_micros
from pileus_compute.core import availability_zones, compute_services, hosts, workers
from pileus_compute.core.compute_services import ServiceId
from pileus_compute.core.workers import WorkerService
from pileus_compute.db.models import Host
from pileus_compute.errors import HostNotFound
from pileus_kit import hosts as host_rows
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, version

resource = Resource("services", __name__, url_prefix="/v2.1/os-services")
RULE = "os_compute_api:os-services:"
BINARY = "nova-compute"
UUIDS = (2, 53)
"""Since when services are known by UUIDs, and changed under them."""

LIST = {(2, 1): query(host=TEXT, binary=TEXT), (2, 75): strict_query(host=TEXT, binary=TEXT)}
REASON = {"type": "string", "minLength": 1, "maxLength": 255}
BY_HOST: JsonObject = {"host": NAME, "binary": NAME, "disabled_reason": REASON, "forced_down": BOOLEAN}
UPDATE_BY_HOST = {(2, 1): obj(BY_HOST, ("host", "binary"))}
UPDATE = {
    UUIDS: obj(
        {
            "status": {"type": "string", "enum": ["enabled", "disabled"]},
            "disabled_reason": REASON,
            "forced_down": BOOLEAN,
        }
    )
}


def service_view(host: Host, zone: str) -> JsonObject:
    view = {
        "id": host.service_id if version() >= UUIDS else host.number,
        "binary": BINARY,
        "host": host.name,
        "zone": zone,
        "status": "disabled" if host.disabled else "enabled",
        "state": "up" if host_rows.is_up(host, tools().config.host_silence_s) else "down",
        "updated_at": iso_micros(host.seen_at),
        "disabled_reason": host.disabled_reason,
    }
    return view | ({"forced_down": host.forced_down} if version() >= (2, 11) else {})


def worker_service_view(service: WorkerService) -> JsonObject:
    view = {
        "id": service.id if version() >= UUIDS else service.number,
        "binary": service.binary,
        "host": service.host,
        "zone": workers.ZONE,
        "status": "enabled",
        "state": "up" if service.up else "down",
        "updated_at": iso_micros(service.seen_at),
        "disabled_reason": None,
    }
    return view | ({"forced_down": False} if version() >= (2, 11) else {})


@resource.endpoint("GET", "", policy=RULE + "list", query=LIST)
def index() -> Answer:
    config = tools().config
    with tools().sessions.read() as session:
        member_of = hosts.aggregates_by_host(session)
        views = [worker_service_view(service) for service in workers.list_services(session, config.host_silence_s)]
        views += [
            service_view(host, availability_zones.zone_of(member_of.get(host.name, []), config.default_zone))
            for host in compute_services.list_hosts(session)
        ]
    wanted = {key: request.args[key] for key in ("host", "binary") if request.args.get(key)}
    return {"services": [view for view in views if wanted.items() <= view.items()]}


@resource.endpoint("PUT", "/<service_id>", policy=RULE + "update", body=UPDATE, since=UUIDS)
def update(service_id: str, body: JsonObject) -> Answer:
    if not body:
        raise BadRequest(why="No updates were requested. Fields 'status' or 'forced_down' should be specified.")
    if "disabled_reason" in body and body.get("status") != "disabled":
        raise BadRequest(why="Specifying disabled_reason requires that status is 'disabled'.")
    with tools().sessions.begin() as session:
        host = compute_services.find(session, service_id)
        if "status" in body:
            compute_services.set_disabled(host, body["status"] == "disabled", body.get("disabled_reason"))
        if "forced_down" in body:
            host.forced_down = is_true(body["forced_down"])
        zone = availability_zones.find_zone(session, host, tools().config.default_zone)
        return {"service": service_view(host, zone)}


# -- changes that name a host, until 2.52 --------------------------------------------------------------------------


def _find_by_host(session: Session, body: Mapping[str, str]) -> Host:
    if body["binary"] != BINARY:
        raise HostNotFound(host=body["host"])
    return compute_services.find_on_host(session, body["host"])


def _set_disabled(body: JsonObject, disabled: bool) -> JsonObject:
    with tools().sessions.begin() as session:
        host = _find_by_host(session, body)
        compute_services.set_disabled(host, disabled)
        return {"host": host.name, "binary": BINARY, "status": "disabled" if disabled else "enabled"}


@resource.endpoint("PUT", "/enable", policy=RULE + "update", body=UPDATE_BY_HOST, since=(2, 1), until=(2, 52))
def enable(body: JsonObject) -> Answer:
    return {"service": _set_disabled(body, False)}


@resource.endpoint("PUT", "/disable", policy=RULE + "update", body=UPDATE_BY_HOST, since=(2, 1), until=(2, 52))
def disable(body: JsonObject) -> Answer:
    return {"service": _set_disabled(body, True)}


@resource.endpoint(
    "PUT", "/disable-log-reason", policy=RULE + "update", body=UPDATE_BY_HOST, since=(2, 1), until=(2, 52)
)
def disable_log_reason(body: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        host = _find_by_host(session, body)
        reason = body.get("disabled_reason")
        if not reason:
            raise BadRequest(why="Missing disabled reason field")
        compute_services.set_disabled(host, True, reason)
        return {
            "service": {"host": host.name, "binary": BINARY, "status": "disabled", "disabled_reason": reason},
        }


@resource.endpoint("PUT", "/force-down", policy=RULE + "update", body=UPDATE_BY_HOST, since=(2, 11), until=(2, 52))
def force_down(body: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        host = _find_by_host(session, body)
        if "forced_down" not in body:
            raise BadRequest(why="Missing forced_down field")
        host.forced_down = is_true(body["forced_down"])
        return {"service": {"host": host.name, "binary": BINARY, "forced_down": host.forced_down}}


@resource.endpoint("DELETE", "/<service_id>", policy=RULE + "delete")
def delete(service_id: str) -> Answer:
    known: ServiceId | None = service_id if version() >= UUIDS else parse_whole_number(service_id)
    if known is None:
        raise BadRequest(why=f"Invalid service id {service_id}")
    with tools().sessions.begin() as session:
        compute_services.delete(session, known)
    return "", 204
