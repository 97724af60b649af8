"""`/operations`: what a service does and did about its resources, for `pileus why`, `trace` and `top`.

Who reads a project sees its jobs and their events; an administrator sees all of them with `all_projects=true`.
"""

from collections.abc import Iterable
from typing import Any

from flask import request
from sqlalchemy import select

from pileus_kit.errors import BadRequest
from pileus_kit.flow.jobs import EventColumns, JobColumns, alive
from pileus_kit.policy import ADMIN, PROJECT_READER_OR_ADMIN, Rule
from pileus_kit.web import Resource, caller, enforce, tools

RULES = [
    Rule("pileus:jobs:list", PROJECT_READER_OR_ADMIN, "List the jobs of one's own project", ("project",)),
    Rule(
        "pileus:events:list",
        PROJECT_READER_OR_ADMIN,
        "List what was done about one's own project's resources",
        ("project",),
    ),
    Rule(
        "pileus:operations:all_projects",
        ADMIN,
        "See the jobs and events of every project, and those of no project",
        ("project",),
    ),
]
MOST = 1000
TEXT = {"type": "array", "items": {"type": "string", "maxLength": 255}, "maxItems": 1}
PAGE: dict[str, Any] = {"limit": TEXT, "marker": TEXT, "all_projects": TEXT, "subject": TEXT, "request_id": TEXT}
JOBS = {
    "type": "object",
    "additionalProperties": False,
    "properties": PAGE | {"state": TEXT, "flow": TEXT, "live": TEXT},
}
EVENTS = {"type": "object", "additionalProperties": False, "properties": PAGE | {"job_id": TEXT}}


def resource(job: type[JobColumns], event: type[EventColumns]) -> Resource:
    """The routes of a service with these tables."""
    routes = Resource("operations", __name__, url_prefix="/operations")

    @routes.endpoint("GET", "/jobs", policy="pileus:jobs:list", query=JOBS)
    def jobs() -> Any:
        """Newest first."""
        wanted = [
            *_mine(job),
            *_subjects(job),
            *(
                getattr(job, name) == request.args[name]
                for name in ("request_id", "state", "flow")
                if name in request.args
            ),
        ]
        if _flag("live"):
            wanted.append(alive(job))
        with tools().sessions.read() as session:
            query = select(job).where(*wanted).order_by(job.created_at.desc(), job.id.desc())
            if "marker" in request.args:
                marker = session.scalar(select(job).where(job.id == request.args["marker"], *_mine(job)))
                if marker is None:
                    raise BadRequest(why=f"No job {request.args['marker']} is listed here to go on after.")
                query = query.where(
                    (job.created_at < marker.created_at)
                    | ((job.created_at == marker.created_at) & (job.id < marker.id))
                )
            return {"jobs": [_job(row) for row in session.scalars(query.limit(_limit()))]}

    @routes.endpoint("GET", "/events", policy="pileus:events:list", query=EVENTS)
    def events() -> Any:
        """In the order in which things were done; `marker` is the last event's id."""
        wanted = [
            *_mine(job),
            *_subjects(event),
            *(getattr(event, name) == request.args[name] for name in ("request_id", "job_id") if name in request.args),
        ]
        if "marker" in request.args:
            wanted.append(event.id > _number("marker"))
        with tools().sessions.read() as session:
            query = select(event).join(job, job.id == event.job_id).where(*wanted).order_by(event.id).limit(_limit())
            return {"events": [_event(row) for row in session.scalars(query)]}

    return routes


def _mine(job: type[JobColumns]) -> Iterable[Any]:
    if _flag("all_projects"):
        enforce("pileus:operations:all_projects")
        return ()
    return (job.project_id == caller().project_id,)


def _subjects(table: type[JobColumns] | type[EventColumns]) -> Iterable[Any]:
    """A resource's jobs are its own and those about a part of it (`ID/volume`)."""
    wanted = request.args.get("subject")
    if wanted is None:
        return ()
    return ((table.subject == wanted) | ((table.subject > f"{wanted}/") & (table.subject < f"{wanted}0")),)


def _flag(name: str) -> bool:
    return request.args.get(name, "").lower() in ("1", "true", "yes")


def _number(name: str) -> int:
    text = request.args[name]
    if not text.isdecimal() or len(text) > 18:
        raise BadRequest(why=f"{name} is a number.")
    return int(text)


def _limit() -> int:
    return min(_number("limit"), MOST) if "limit" in request.args else MOST


def _job(row: JobColumns) -> dict[str, Any]:
    return {
        "id": row.id,
        "flow": row.flow,
        "subject": row.subject,
        "state": row.state,
        "step": row.step,
        "attempt": row.attempt,
        "tries": row.tries,
        "cancelled": row.cancelled,
        "error": row.error,
        "request_id": row.request_id,
        "project_id": row.project_id,
        "user_id": row.user_id,
        "arrived_at": row.arrived_at and row.arrived_at.isoformat(),
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        "waiting_since": row.waiting_since,
        "run_at": row.run_at,
    }


def _event(row: EventColumns) -> dict[str, Any]:
    return {
        "id": row.id,
        "job_id": row.job_id,
        "subject": row.subject,
        "flow": row.flow,
        "step": row.step,
        "outcome": row.outcome,
        "cause": row.cause,
        "request_id": row.request_id,
        "worker": row.worker,
        "started_at": row.started_at.isoformat(),
        "finished_at": row.finished_at.isoformat(),
        "spans": row.spans or [],
    }
