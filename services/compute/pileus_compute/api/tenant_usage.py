"""`/os-simple-tenant-usage`: what projects used in a span of time."""

from datetime import UTC, datetime, timedelta
from itertools import groupby

from flask import request

from pileus_compute.api.requests.listing import limit, next_link
from pileus_compute.api.schemas.types import PAGE, TEXT, query, strict_query
from pileus_compute.api.tools import tools
from pileus_compute.api.views.links import Link, iso_micros
from pileus_compute.core import usage
from pileus_compute.core.usage import ServerUsage
from pileus_kit.db import now
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, version

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
FORMATS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")


def _parse_time(text: str) -> datetime:
    for form in FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise BadRequest(why=f"Datetime is in invalid format: {text}")


def _span() -> tuple[datetime, datetime]:
    end = _parse_time(request.args["end"]) if request.args.get("end") else now()
    start = _parse_time(request.args["start"]) if request.args.get("start") else max(end, EARLIEST + MONTH) - MONTH
    if end < start:
        raise BadRequest(why="Invalid start time. The start time cannot occur after the end time.")
    return start, end


def _project_view(
    project_id: str, used: list[ServerUsage], start: datetime, end: datetime, detailed: bool
) -> JsonObject:
    view: JsonObject = {"tenant_id": project_id, "start": iso_micros(start), "stop": iso_micros(end)}
    view |= usage.totals(used)
    if detailed:
        view["server_usages"] = [_server_view(u) for u in used]
    return view


def _server_view(used: ServerUsage) -> JsonObject:
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
        "started_at": iso_micros(used.started),
        "ended_at": iso_micros(used.ended) if used.ended else None,
        "state": used.state.lower(),
    }


def _page(used: list[ServerUsage]) -> tuple[list[ServerUsage], list[Link]]:
    """Return one page of servers and the link to the next. There are pages of servers, not of projects, from 2.40."""
    if version() < (2, 40):
        return used, []
    ordered = sorted(used, key=lambda u: u.server_id)
    if "marker" in request.args:
        ordered = [u for u in ordered if u.server_id > request.args["marker"]]
    size = limit()
    shown = ordered[:size]
    return shown, next_link(shown, size, shown[-1].server_id) if shown and len(ordered) > size else []


@resource.endpoint("GET", "", policy=RULE + "list", query=LIST)
def index() -> Answer:
    start, end = _span()
    with tools().sessions.read() as session:
        used, links = _page(usage.list_usage(session, start, end))
    detailed = request.args.get("detailed", "0") == "1"
    by_project = groupby(sorted(used, key=lambda u: u.project_id), key=lambda u: u.project_id)
    view: JsonObject = {"tenant_usages": [_project_view(p, list(rows), start, end, detailed) for p, rows in by_project]}
    return view | ({"tenant_usages_links": links} if links else {})


def _project_target(project_id: str, **_: object) -> dict[str, str]:
    return {"project_id": project_id}


@resource.endpoint("GET", "/<project_id>", policy=RULE + "show", target=_project_target, query=SHOW)
def show(project_id: str) -> Answer:
    start, end = _span()
    with tools().sessions.read() as session:
        used, links = _page(usage.list_usage(session, start, end, project_id))
    view: JsonObject = {"tenant_usage": _project_view(project_id, used, start, end, True) if used else {}}
    return view | ({"tenant_usage_links": links} if links else {})
