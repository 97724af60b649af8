"""What was done with a server: read from its jobs and their events."""

from typing import Any

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.api.requests import changed_between, find_server, limit_of, next_link, target_of, visible_project
from pileus_compute.api.schemas import PAGE, TEXT, query, strict_query
from pileus_compute.api.server_views import host_id
from pileus_compute.core import server_jobs
from pileus_compute.db.models import DeletedServer, Event, Job
from pileus_compute.errors import ActionNotFound, ServerNotFound
from pileus_kit.errors import BadRequest
from pileus_kit.web import Resource, allowed, tools, version

resource = Resource("instance_actions", __name__, url_prefix="/v2.1/servers/<server_id>/os-instance-actions")
RULE = "os_compute_api:os-instance-actions:"

LIST = {
    (2, 1): query(),
    (2, 58): strict_query(**PAGE, changes__since=TEXT),
    (2, 66): strict_query(**PAGE, changes__since=TEXT, changes__before=TEXT),
}
NAMES = {
    "create_with_volumes": "create",
    "reboot_hard": "reboot",
    "snapshot": "createImage",
    "snapshot_volumes": "createImage",
    "backup": "createBackup",
    "offload": "shelveOffload",
    "confirm_resize": "confirmResize",
    "revert_resize": "revertResize",
    "change_password": "changePassword",
}
EVENTS = {
    ("server.extend_volume", "extend_guest_volume"): "extend_volume"
}  # steps that clients wait for by OpenStack's name
OUTCOMES = {"done": "Success", "undone": "Success", "failed": "Error", "stuck": "Error", "waiting": None}
STAMP = "%Y-%m-%dT%H:%M:%S.%f"


def _target(server_id: str, **_: Any) -> dict[str, Any]:
    """Also of a server that is gone, from 2.21."""
    with tools().sessions.read() as session:
        try:
            return target_of(find_server(session, server_id))
        except ServerNotFound:
            past, owner = session.get(DeletedServer, server_id), visible_project()
            if past is None or version() < (2, 21) or (owner is not None and past.project_id != owner):
                raise
            return {"project_id": past.project_id, "user_id": past.user_id}


def name_of(job: Job) -> str:
    short = job.flow.partition(".")[2]
    return NAMES.get(short, short)


def action_view(job: Job, server_id: str) -> dict[str, Any]:
    view: dict[str, Any] = {
        "action": name_of(job),
        "instance_uuid": server_id,
        "request_id": job.request_id,
        "user_id": job.user_id,
        "project_id": job.project_id,
        "start_time": job.created_at.strftime(STAMP),
        "message": "Error" if job.state in ("undoing", "undone", "stuck") else None,
    }
    return view | ({"updated_at": job.updated_at.strftime(STAMP)} if version() >= (2, 58) else {})


@resource.endpoint("GET", "", policy=RULE + "list", target=_target, query=LIST)
def index(server_id: str) -> Any:
    paged = version() >= (2, 58)
    limit = limit_of() if paged else 1000
    with tools().sessions.read() as session:
        rows = server_jobs.list_jobs(session, server_id)
    if paged:
        rows = _page(rows)
    shown = rows[:limit]
    view = {"instanceActions": [action_view(j, server_id) for j in shown]}
    if paged and len(rows) > limit > 0:
        return view | {"links": next_link(shown, limit, shown[-1].request_id)}
    return view


def _page(rows: list[Job]) -> list[Job]:
    args = request.args
    since, before = changed_between()
    rows = [j for j in rows if (not since or j.updated_at >= since) and (not before or j.updated_at <= before)]
    if "marker" in args:
        at = next((i for i, j in enumerate(rows) if j.request_id == args["marker"]), None)
        if at is None:
            raise BadRequest(why=f"marker [{args['marker']}] not found")
        rows = rows[at + 1 :]
    return rows


@resource.endpoint("GET", "/<request_id>", policy=RULE + "show", target=_target)
def show(server_id: str, request_id: str) -> Any:
    with tools().sessions.read() as session:
        rows = server_jobs.list_jobs(session, server_id)
        job = next((j for j in rows if j.request_id == request_id), None)
        if job is None:
            raise ActionNotFound(action=request_id)
        view = action_view(job, server_id)
        if version() >= (2, 51) or allowed(RULE + "events"):
            view["events"] = _events(session, job)
    return {"instanceAction": view}


def _events(session: Session, job: Job) -> list[dict[str, Any]]:
    """One for each step. What went wrong in detail is for those who may know."""
    details = allowed(RULE + "events:details")
    found = []
    for event in session.scalars(select(Event).where(Event.job_id == job.id).order_by(Event.id)):
        view: dict[str, Any] = {
            "event": f"compute_{EVENTS.get((event.flow, event.step), event.step)}",
            "start_time": event.started_at.strftime(STAMP),
            "finish_time": event.finished_at.strftime(STAMP),
            "result": OUTCOMES.get(event.outcome),
            "traceback": event.cause if details else None,
        }
        if version() >= (2, 62):
            view["hostId"] = host_id(job.project_id or "", job.data.get("host"))
            if details:
                view["host"] = job.data.get("host")
        if version() >= (2, 84):
            view["details"] = event.cause if event.outcome == "failed" else None
        found.append(view)
    return found
