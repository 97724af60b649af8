"""Hypervisors: the hosts as machines."""

import json
from typing import Any

from flask import request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_compute.api.requests import limit_of, next_link
from pileus_compute.api.schemas import HOSTNAME, PAGE, TRUTH, query, strict_query
from pileus_compute.core import hosts
from pileus_compute.db.models import Host, Server
from pileus_compute.errors import HypervisorNotFound
from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, tools, version

resource = Resource("hypervisors", __name__, url_prefix="/v2.1/os-hypervisors")
RULE = "os_compute_api:os-hypervisors:"
SHOW = {(2, 1): query(), (2, 53): strict_query(with_servers=TRUTH)}
LIST = {
    (2, 1): query(),
    (2, 33): query(**PAGE),
    (2, 53): strict_query(**PAGE, hypervisor_hostname_pattern=HOSTNAME, with_servers=TRUTH),
}


def _id(host: Host) -> int | str:
    return host.id if version() >= (2, 53) else host.number


def hypervisor_summary(host: Host) -> dict[str, Any]:
    up = hosts.is_up(host, tools().config.host_silence)
    return {
        "id": _id(host),
        "hypervisor_hostname": host.name,
        "state": "up" if up else "down",
        "status": "disabled" if host.disabled else "enabled",
    }


def hypervisor_view(host: Host, running: int) -> dict[str, Any]:
    spoken = version()
    facts = host.inventory
    view = hypervisor_summary(host) | {
        "hypervisor_type": host.hypervisor,
        "hypervisor_version": facts.get("hypervisor_version", 0),
        "host_ip": facts.get("host_ip", ""),
        "service": {
            "id": host.service_id if spoken >= (2, 53) else host.number,
            "host": host.name,
            "disabled_reason": host.disabled_reason,
        },
    }
    if spoken >= (2, 88):
        return view | {"uptime": _uptime(host)}
    cpu = facts.get("cpu_info") or {}
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
        "disk_available_least": facts.get("disk_free_gib"),
        "current_workload": 0,
        "running_vms": running,
    }


def _uptime(host: Host) -> str | None:
    return (host.inventory.get("facts") or {}).get("uptime")


def _running(session: Session) -> dict[str, int]:
    rows = session.execute(select(Server.host, func.count()).where(Server.host.is_not(None)).group_by(Server.host))
    return {str(name): count for name, count in rows}


def _page() -> tuple[list[Host], int]:
    limit = limit_of()
    with tools().sessions.read() as session:
        stmt = select(Host).order_by(Host.number)
        if "marker" in request.args and version() >= (2, 33):
            after = _find(session, request.args["marker"], BadRequest(why="marker not found"))
            stmt = stmt.where(Host.number > after.number)
        pattern = request.args.get("hypervisor_hostname_pattern")
        if pattern and version() >= (2, 53):
            stmt = stmt.where(Host.name.contains(pattern, autoescape=True))
        rows = list(session.scalars(stmt.limit(limit)))
        if pattern and not rows and version() >= (2, 53):
            raise NotFound(why=f"No hypervisor matching '{pattern}' could be found.")
        return rows, limit


def _find(session: Session, given: str, missing: Exception | None = None) -> Host:
    known = Host.id == given if version() >= (2, 53) else Host.number == parse_whole_number(given)
    host = session.scalar(select(Host).where(known))
    if host is None:
        raise missing or HypervisorNotFound(hypervisor=given)
    return host


def _with_servers(rows: list[Host], views: list[dict[str, Any]]) -> None:
    """`with_servers`, from 2.53; from 2.75 the key is there even if it is empty."""
    wanted = request.args.get("with_servers", "false").lower() in ("true", "1", "yes")
    if version() < (2, 53) or not wanted:
        return
    with tools().sessions.read() as session:
        found = _servers(session, [h.name for h in rows])
    for host, view in zip(rows, views, strict=True):
        if found.get(host.name) or version() >= (2, 75):
            view["servers"] = found.get(host.name, [])


def _servers(session: Session, names: list[str]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for host, server_id in session.execute(select(Server.host, Server.id).where(Server.host.in_(names)).limit(10_000)):
        found.setdefault(str(host), []).append({"uuid": server_id, "name": f"instance-{server_id[:8]}"})
    return found


def _listed(views: list[dict[str, Any]], rows: list[Host], limit: int) -> dict[str, Any]:
    following = next_link(rows, limit, str(_id(rows[-1])) if rows else None) if version() >= (2, 33) else []
    return {"hypervisors": views} | ({"hypervisors_links": following} if following else {})


@resource.endpoint("GET", "", policy=RULE + "list", query=LIST)
def index() -> Any:
    rows, limit = _page()
    views = [hypervisor_summary(h) for h in rows]
    _with_servers(rows, views)
    return _listed(views, rows, limit)


@resource.endpoint("GET", "/detail", policy=RULE + "list-detail", query=LIST)
def detail() -> Any:
    rows, limit = _page()
    with tools().sessions.read() as session:
        running = _running(session)
    views = [hypervisor_view(h, running.get(h.name, 0)) for h in rows]
    _with_servers(rows, views)
    return _listed(views, rows, limit)


@resource.endpoint("GET", "/statistics", policy=RULE + "statistics", until=(2, 87))
def statistics() -> Any:
    with tools().sessions.read() as session:
        rows = list(session.scalars(select(Host).where(Host.disabled.is_(False))))
        running = _running(session)

    def total(attribute: str) -> int:
        return sum(getattr(h, attribute) for h in rows)

    return {
        "hypervisor_statistics": {
            "count": len(rows),
            "vcpus": total("vcpus"),
            "vcpus_used": total("vcpus_used"),
            "memory_mb": total("memory_mib"),
            "memory_mb_used": total("memory_mib_used"),
            "local_gb": total("disk_gib"),
            "local_gb_used": total("disk_gib_used"),
            "free_ram_mb": total("memory_mib") - total("memory_mib_used"),
            "free_disk_gb": total("disk_gib") - total("disk_gib_used"),
            "current_workload": 0,
            "running_vms": sum(running.get(h.name, 0) for h in rows),
            "disk_available_least": sum(h.inventory.get("disk_free_gib") or 0 for h in rows),
        }
    }


@resource.endpoint("GET", "/<given>", policy=RULE + "show", query=SHOW)
def show(given: str) -> Any:
    with tools().sessions.read() as session:
        host = _find(session, given)
        view = hypervisor_view(host, _running(session).get(host.name, 0))
    views = [view]
    _with_servers([host], views)
    return {"hypervisor": views[0]}


@resource.endpoint("GET", "/<given>/uptime", policy=RULE + "uptime", until=(2, 87))
def uptime(given: str) -> Any:
    with tools().sessions.read() as session:
        host = _find(session, given)
    return {"hypervisor": hypervisor_summary(host) | {"uptime": _uptime(host) or "unknown"}}


def _matching(session: Session, pattern: str) -> list[Host]:
    rows = list(session.scalars(select(Host).where(Host.name.contains(pattern, autoescape=True)).order_by(Host.number)))
    if not rows:
        raise NotFound(why=f"No hypervisor matching '{pattern}' could be found.")
    return rows


@resource.endpoint("GET", "/<pattern>/search", policy=RULE + "search", until=(2, 52))
def search(pattern: str) -> Any:
    with tools().sessions.read() as session:
        return {"hypervisors": [hypervisor_summary(h) for h in _matching(session, pattern)]}


@resource.endpoint("GET", "/<pattern>/servers", policy=RULE + "servers", until=(2, 52))
def servers(pattern: str) -> Any:
    with tools().sessions.read() as session:
        rows = _matching(session, pattern)
        found = _servers(session, [h.name for h in rows])
    return {
        "hypervisors": [hypervisor_summary(h) | ({"servers": found[h.name]} if h.name in found else {}) for h in rows]
    }
