"""`/os-hypervisors`: the hosts as machines."""

import json

from flask import request

from pileus_compute.api.requests.listing import is_true, limit, links_to_next
from pileus_compute.api.schemas.types import BOOLEAN_WORD, HOSTNAME, PAGE, query, strict_query
from pileus_compute.api.tools import tools
from pileus_compute.core import hypervisors
from pileus_compute.core.hypervisors import HypervisorId
from pileus_compute.db.models import Host
from pileus_compute.errors import HypervisorNotFound
from pileus_kit import hosts as host_rows
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, version

resource = Resource("hypervisors", __name__, url_prefix="/v2.1/os-hypervisors")
RULE = "os_compute_api:os-hypervisors:"
UUIDS = (2, 53)
"""Since when hypervisors are known by UUIDs instead of numbers, and lists have filters instead of calls."""
SHOW = {(2, 1): query(), UUIDS: strict_query(with_servers=BOOLEAN_WORD)}
LIST = {
    (2, 1): query(),
    (2, 33): query(**PAGE),
    UUIDS: strict_query(**PAGE, hypervisor_hostname_pattern=HOSTNAME, with_servers=BOOLEAN_WORD),
}


def _shown_id(host: Host) -> HypervisorId:
    return host.id if version() >= UUIDS else host.number


def _parse_id(text: str) -> HypervisorId | None:
    """Return the id in a path or marker; None if it isn't one in this microversion."""
    return text if version() >= UUIDS else parse_whole_number(text)


def hypervisor_summary(host: Host) -> JsonObject:
    up = host_rows.is_up(host, tools().config.host_silence_s)
    return {
        "id": _shown_id(host),
        "hypervisor_hostname": host.name,
        "state": "up" if up else "down",
        "status": "disabled" if host.disabled else "enabled",
    }


def hypervisor_view(host: Host, servers: int) -> JsonObject:
    spoken = version()
    inventory = host.inventory
    view = hypervisor_summary(host) | {
        "hypervisor_type": host.hypervisor,
        "hypervisor_version": inventory.get("hypervisor_version", 0),
        "host_ip": inventory.get("host_ip", ""),
        "service": {
            "id": host.service_id if spoken >= UUIDS else host.number,
            "host": host.name,
            "disabled_reason": host.disabled_reason,
        },
    }
    if spoken >= (2, 88):
        return view | {"uptime": _uptime(host)}
    cpu = inventory.get("cpu_info") or {}
    return view | {
        "cpu_info": cpu if spoken >= (2, 28) else json.dumps(cpu),
        "vcpus": host.vcpus,
        "vcpus_used": host.vcpus_used,
        "memory_mb": host.memory_mib,
        "memory_mb_used": host.memory_mib_used,
        "local_gb": host.disk_gib,
        "local_gb_used": host.disk_gib_used,
        "free_ram_mb": host.memory_mib - host.memory_mib_used,
        "free_disk_gb": host.disk_gib - host.disk_gib_used,
        "disk_available_least": inventory.get("disk_free_gib"),
        "current_workload": 0,
        "running_vms": servers,
    }


def _uptime(host: Host) -> str | None:
    uptime: str | None = (host.inventory.get("facts") or {}).get("uptime")
    return uptime


def _servers_view(server_ids: list[str]) -> list[JsonObject]:
    return [{"uuid": server_id, "name": f"instance-{server_id[:8]}"} for server_id in server_ids]


# -- lists ---------------------------------------------------------------------------------------------------------


def _page() -> tuple[list[Host], int]:
    size = limit()
    pattern = request.args.get("hypervisor_hostname_pattern") if version() >= UUIDS else None
    with tools().sessions.read() as session:
        return hypervisors.list_hypervisors(session, size, _marker(), pattern), size


def _marker() -> HypervisorId | None:
    if "marker" not in request.args or version() < (2, 33):
        return None
    marker = _parse_id(request.args["marker"])
    if marker is None:
        raise BadRequest(why="marker not found")
    return marker


def _add_servers(rows: list[Host], views: list[JsonObject]) -> None:
    """Add what `with_servers` asks for, from 2.53; from 2.75 the attribute is there even if it is empty."""
    if version() < UUIDS or not is_true("with_servers"):
        return
    with tools().sessions.read() as session:
        found = hypervisors.server_ids(session, [h.name for h in rows])
    for host, view in zip(rows, views, strict=True):
        if found.get(host.name) or version() >= (2, 75):
            view["servers"] = _servers_view(found.get(host.name, []))


def _listed(views: list[JsonObject], rows: list[Host], size: int) -> JsonObject:
    if version() < (2, 33):
        return {"hypervisors": views}
    last = str(_shown_id(rows[-1])) if rows else None
    return {"hypervisors": views} | links_to_next("hypervisors_links", rows, size, last)


@resource.endpoint("GET", "", policy=RULE + "list", query=LIST)
def index() -> Answer:
    rows, size = _page()
    views = [hypervisor_summary(h) for h in rows]
    _add_servers(rows, views)
    return _listed(views, rows, size)


@resource.endpoint("GET", "/detail", policy=RULE + "list-detail", query=LIST)
def detail() -> Answer:
    rows, size = _page()
    with tools().sessions.read() as session:
        counts = hypervisors.server_counts(session)
    views = [hypervisor_view(h, counts.get(h.name, 0)) for h in rows]
    _add_servers(rows, views)
    return _listed(views, rows, size)


@resource.endpoint("GET", "/statistics", policy=RULE + "statistics", until=(2, 87))
def statistics() -> Answer:
    with tools().sessions.read() as session:
        total = hypervisors.totals(session)
    return {
        "hypervisor_statistics": {
            "count": total.count,
            "vcpus": total.vcpus,
            "vcpus_used": total.vcpus_used,
            "memory_mb": total.memory_mib,
            "memory_mb_used": total.memory_mib_used,
            "local_gb": total.disk_gib,
            "local_gb_used": total.disk_gib_used,
            "free_ram_mb": total.memory_mib - total.memory_mib_used,
            "free_disk_gb": total.disk_gib - total.disk_gib_used,
            "current_workload": 0,
            "running_vms": total.servers,
            "disk_available_least": total.disk_free_gib,
        }
    }


# -- one hypervisor ------------------------------------------------------------------------------------------------


def _find(session: Session, hypervisor_id: str) -> Host:
    known = _parse_id(hypervisor_id)
    if known is None:
        raise HypervisorNotFound(hypervisor=hypervisor_id)
    return hypervisors.find(session, known)


@resource.endpoint("GET", "/<hypervisor_id>", policy=RULE + "show", query=SHOW)
def show(hypervisor_id: str) -> Answer:
    with tools().sessions.read() as session:
        host = _find(session, hypervisor_id)
        view = hypervisor_view(host, hypervisors.server_counts(session).get(host.name, 0))
    _add_servers([host], [view])
    return {"hypervisor": view}


@resource.endpoint("GET", "/<hypervisor_id>/uptime", policy=RULE + "uptime", until=(2, 87))
def uptime(hypervisor_id: str) -> Answer:
    with tools().sessions.read() as session:
        host = _find(session, hypervisor_id)
    return {"hypervisor": hypervisor_summary(host) | {"uptime": _uptime(host) or "unknown"}}


@resource.endpoint("GET", "/<pattern>/search", policy=RULE + "search", until=(2, 52))
def search(pattern: str) -> Answer:
    with tools().sessions.read() as session:
        return {"hypervisors": [hypervisor_summary(h) for h in hypervisors.search(session, pattern)]}


@resource.endpoint("GET", "/<pattern>/servers", policy=RULE + "servers", until=(2, 52))
def servers(pattern: str) -> Answer:
    with tools().sessions.read() as session:
        rows = hypervisors.search(session, pattern)
        found = hypervisors.server_ids(session, [h.name for h in rows])
    views = [hypervisor_summary(h) for h in rows]
    for host, view in zip(rows, views, strict=True):
        if host.name in found:
            view["servers"] = _servers_view(found[host.name])
    return {"hypervisors": views}
