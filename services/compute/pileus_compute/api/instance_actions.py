"""`/servers/ID/os-instance-actions`: what was done with a server, read from its jobs and their events."""

from dataclasses import dataclass
from datetime import datetime

from flask import request

from pileus_compute.api.requests.listing import MAX_LIMIT, changed_between, limit, next_link
from pileus_compute.api.requests.server_access import Target, target_of, visible_project
from pileus_compute.api.schemas.types import PAGE, TEXT, query, strict_query
from pileus_compute.api.tools import tools
from pileus_compute.api.views.links import iso_micros
from pileus_compute.api.views.servers import host_id
from pileus_compute.core import server_jobs, servers
from pileus_compute.db.models import Event, Job
from pileus_compute.errors import ActionNotFound
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, allowed, version

resource = Resource("instance_actions", __name__, url_prefix="/v2.1/servers/<server_id>/os-instance-actions")
RULE = "os_compute_api:os-instance-actions:"
PAGED = (2, 58)
"""Since when the list has pages and filters by time."""

LIST = {
    (2, 1): query(),
    PAGED: strict_query(**PAGE, changes__since=TEXT),
    (2, 66): strict_query(**PAGE, changes__since=TEXT, changes__before=TEXT),
}
ACTIONS = {
    "create_with_volumes": "create",
    "reboot_hard": "reboot",
    "snapshot": "createImage",
    "snapshot_volumes": "createImage",
    "backup": "createBackup",
    "offload": "shelveOffload",
    "confirm_resize": "confirmResize",
    "revert_resize": "revertResize",
    "revert_migrate": "revertResize",
    "change_password": "changePassword",
}
"""OpenStack's name of the action of a flow, where it differs from the flow's."""
EVENTS = {("server.extend_volume", "extend_guest_volume"): "extend_volume"}
"""OpenStack's name of a step that clients wait for."""
RESULTS = {"done": "Success", "undone": "Success", "failed": "Error", "stuck": "Error", "waiting": None}


def _target(server_id: str, **_: object) -> Target:
    """Return the target for the server, from 2.21 also for one that was deleted."""
    with tools().sessions.read() as session:
        find = servers.find_even_deleted if version() >= (2, 21) else servers.find
        return target_of(find(session, server_id, visible_project()))


def action_name(job: Job) -> str:
    name = str(job.data.get("action") or job.flow.partition(".")[2])
    return ACTIONS.get(name, name)


def action_view(job: Job, server_id: str) -> JsonObject:
    view: JsonObject = {
        "action": action_name(job),
        "instance_uuid": server_id,
        "request_id": job.request_id,
        "user_id": job.user_id,
        "project_id": job.project_id,
        "start_time": iso_micros(job.created_at),
        "message": "Error" if job.state in ("undoing", "undone", "stuck") else None,
    }
    return view | ({"updated_at": iso_micros(job.updated_at)} if version() >= PAGED else {})


def event_view(event: Event, job: Job, with_details: bool) -> JsonObject:
    """Return one step of the action. Its cause in detail is for callers who may know it."""
    view: JsonObject = {
        "event": f"compute_{EVENTS.get((event.flow, event.step), event.step)}",
        "start_time": iso_micros(event.started_at),
        "finish_time": iso_micros(event.finished_at),
        "result": RESULTS.get(event.outcome),
        "traceback": event.cause if with_details else None,
    }
    if version() >= (2, 62):
        view["hostId"] = host_id(job.project_id or "", job.data.get("host"))
        if with_details:
            view["host"] = job.data.get("host") or None
    if version() >= (2, 84):
        view["details"] = event.cause if event.outcome == "failed" else None
    return view


@dataclass(frozen=True)
class _Query:
    limit: int
    marker: str | None
    since: datetime | None
    before: datetime | None


def _query() -> _Query:
    if version() < PAGED:
        return _Query(MAX_LIMIT, None, None, None)
    since, before = changed_between()
    return _Query(limit(), request.args.get("marker"), since, before)


def _select(jobs: list[Job], query: _Query) -> list[Job]:
    """Return the jobs that the query asks for, from behind its marker."""
    since, before = query.since, query.before
    jobs = [j for j in jobs if (not since or j.updated_at >= since) and (not before or j.updated_at <= before)]
    if query.marker is None:
        return jobs
    index = next((i for i, j in enumerate(jobs) if j.request_id == query.marker), None)
    if index is None:
        raise BadRequest(why=f"marker [{query.marker}] not found")
    return jobs[index + 1 :]


@resource.endpoint("GET", "", policy=RULE + "list", target=_target, query=LIST)
def index(server_id: str) -> Answer:
    query = _query()
    with tools().sessions.read() as session:
        jobs = _select(server_jobs.list_jobs(session, server_id), query)
    shown = jobs[: query.limit]
    view: JsonObject = {"instanceActions": [action_view(j, server_id) for j in shown]}
    if version() >= PAGED and len(jobs) > query.limit > 0:
        return view | {"links": next_link(shown, query.limit, shown[-1].request_id)}
    return view


@resource.endpoint("GET", "/<request_id>", policy=RULE + "show", target=_target)
def show(server_id: str, request_id: str) -> Answer:
    with tools().sessions.read() as session:
        jobs = server_jobs.list_jobs(session, server_id)
        job = next((j for j in jobs if j.request_id == request_id), None)
        if job is None:
            raise ActionNotFound(action=request_id)
        view = action_view(job, server_id)
        if version() >= (2, 51) or allowed(RULE + "events"):
            with_details = allowed(RULE + "events:details")
            events = server_jobs.list_events(session, job.id)
            view["events"] = [event_view(event, job, with_details) for event in events]
    return {"instanceAction": view}
