"""Usage of projects: os-simple-tenant-usage, and the audit log."""

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from flask import request

from pileus_compute.api.requests import limit_of, next_link
from pileus_compute.api.schemas import PAGE, TEXT, query, strict_query
from pileus_compute.core import usage
from pileus_compute.core.usage import ServerUsage
from pileus_kit.db import now
from pileus_kit.errors import BadRequest
from pileus_kit.web import Resource, tools, version

resource = Resource("tenant_usage", __name__, url_prefix="/v2.1/os-simple-tenant-usage")
RULE = "os_compute_api:os-simple-tenant-usage:"
SPAN = {"start": TEXT, "end": TEXT}
SHOW = {(2, 1): query(**SPAN), (2, 40): query(**SPAN, **PAGE), (2, 75): strict_query(**SPAN, **PAGE)}
LIST = {
    (2, 1): query(**SPAN, detailed=TEXT),
    (2, 40): query(**SPAN, **PAGE, detailed=TEXT),
    (2, 75): strict_query(**SPAN, **PAGE, detailed=TEXT),
}
MONTH = timedelta(days=30)
EARLIEST = datetime.min.replace(tzinfo=UTC)
STAMP = "%Y-%m-%dT%H:%M:%S.%f"
FORMATS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")


def _moment(text: str) -> datetime:
    for form in FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise BadRequest(why=f"Datetime is in invalid format: {text}")


def _span() -> tuple[datetime, datetime]:
    end = _moment(request.args["end"]) if request.args.get("end") else now()
    start = _moment(request.args["start"]) if request.args.get("start") else max(end, EARLIEST + MONTH) - MONTH
    if end < start:
        raise BadRequest(why="Invalid start time. The start time cannot occur after the end time.")
    return start, end


def _project(
    project_id: str, used: list[ServerUsage], start: datetime, end: datetime, detailed: bool
) -> dict[str, Any]:
    view: dict[str, Any] = {"tenant_id": project_id, "start": start.strftime(STAMP), "stop": end.strftime(STAMP)}
    view |= usage.totals(used)
    if detailed:
        view["server_usages"] = [_server(u) for u in used]
    return view


def _server(used: ServerUsage) -> dict[str, Any]:
    flavor = used.flavor
    return {
        "instance_id": used.server_id,
        "name": used.name,
        "hours": used.hours,
        "tenant_id": used.project_id,
        "flavor": flavor["name"],
        "vcpus": flavor["vcpus"],
        "memory_mb": flavor["memory_mib"],
        "local_gb": flavor["disk_gib"] + flavor["ephemeral_gib"],
        "uptime": used.uptime_s,
        "started_at": used.started.strftime(STAMP),
        "ended_at": used.ended.strftime(STAMP) if used.ended else None,
        "state": used.state.lower(),
    }


def _page(used: list[ServerUsage]) -> tuple[list[ServerUsage], list[dict[str, str]]]:
    """From 2.40 the servers are paged, not the projects."""
    if version() < (2, 40):
        return used, []
    ordered = sorted(used, key=lambda u: u.server_id)
    if "marker" in request.args:
        ordered = [u for u in ordered if u.server_id > request.args["marker"]]
    limit = limit_of()
    shown = ordered[:limit]
    return shown, next_link(shown, limit, shown[-1].server_id) if shown and len(ordered) > limit else []


@resource.endpoint("GET", "", policy=RULE + "list", query=LIST)
def index() -> Any:
    start, end = _span()
    with tools().sessions.read() as session:
        used, links = _page(usage.list_usage(session, start, end))
    detailed = request.args.get("detailed", "0") == "1"
    by_project = groupby(sorted(used, key=lambda u: u.project_id), key=lambda u: u.project_id)
    view: dict[str, Any] = {"tenant_usages": [_project(p, list(rows), start, end, detailed) for p, rows in by_project]}
    return view | ({"tenant_usages_links": links} if links else {})


def _own(project_id: str, **_: Any) -> dict[str, Any]:
    return {"project_id": project_id}


@resource.endpoint("GET", "/<project_id>", policy=RULE + "show", target=_own, query=SHOW)
def show(project_id: str) -> Any:
    start, end = _span()
    with tools().sessions.read() as session:
        used, links = _page(usage.list_usage(session, start, end, project_id))
    view: dict[str, Any] = {"tenant_usage": _project(project_id, used, start, end, True) if used else {}}
    return view | ({"tenant_usage_links": links} if links else {})
