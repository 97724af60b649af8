"""`/operations`: the jobs of a service and their events, for `pileus why`, `trace` and `top`.

A caller who may read a project sees its jobs and their events; an administrator sees all with `all_projects=true`.
"""

from collections.abc import Sequence

from flask import request
from oslo_utils import strutils
from sqlalchemy import ColumnElement, select

from pileus_kit.db import Sessions
from pileus_kit.errors import BadRequest
from pileus_kit.flow.jobs import EventColumns, JobColumns, alive
from pileus_kit.json_types import JsonObject
from pileus_kit.listing import Dialect
from pileus_kit.policy import ADMIN, PROJECT_READER_OR_ADMIN, Rule
from pileus_kit.web import Resource, caller, enforce, tools_of

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
MAX_ROWS = 1000
TEXT: JsonObject = {"type": "array", "items": {"type": "string", "maxLength": 255}, "maxItems": 1}
PAGE: JsonObject = {"limit": TEXT, "marker": TEXT, "all_projects": TEXT, "subject": TEXT, "request_id": TEXT}
JOBS: JsonObject = {
    "type": "object",
    "additionalProperties": False,
    "properties": PAGE | {"state": TEXT, "flow": TEXT, "live": TEXT},
}
EVENTS: JsonObject = {"type": "object", "additionalProperties": False, "properties": PAGE | {"job_id": TEXT}}
LISTING = Dialect(not_a_number="{name} has to be a whole number, not {value}.")
Condition = ColumnElement[bool]


class ToolsWithSessions:
    """What the tools of every service with a database have."""

    sessions: Sessions


tools = tools_of(ToolsWithSessions)


def resource(job: type[JobColumns], event: type[EventColumns]) -> Resource:
    """Return the routes of a service with these tables."""
    routes = Resource("operations", __name__, url_prefix="/operations")

    @routes.endpoint("GET", "/jobs", policy="pileus:jobs:list", query=JOBS)
    def jobs() -> JsonObject:
        """List jobs, the newest first; `marker` is the last job's id."""
        wanted = [*_visible(job), *_about_subject(job), *_equal(job, "request_id", "state", "flow")]
        if _flag("live"):
            wanted.append(alive(job))
        with tools().sessions.read() as session:
            query = select(job).where(*wanted).order_by(job.created_at.desc(), job.id.desc())
            if "marker" in request.args:
                marker = session.scalar(select(job).where(job.id == request.args["marker"], *_visible(job)))
                if marker is None:
                    raise BadRequest(why=f"The marker {request.args['marker']} is not a job that is listed here.")
                query = query.where(
                    (job.created_at < marker.created_at)
                    | ((job.created_at == marker.created_at) & (job.id < marker.id))
                )
            return {"jobs": [_job_view(row) for row in session.scalars(query.limit(_limit()))]}

    @routes.endpoint("GET", "/events", policy="pileus:events:list", query=EVENTS)
    def events() -> JsonObject:
        """List events in the order of time; `marker` is the last event's id."""
        wanted = [*_visible(job), *_about_subject(event), *_equal(event, "request_id", "job_id")]
        if "marker" in request.args:
            wanted.append(event.id > LISTING.number("marker", request.args["marker"]))
        with tools().sessions.read() as session:
            query = select(event).join(job, job.id == event.job_id).where(*wanted).order_by(event.id).limit(_limit())
            return {"events": [_event_view(row) for row in session.scalars(query)]}

    return routes


def _visible(job: type[JobColumns]) -> Sequence[Condition]:
    """Return the condition of the jobs that the caller may see."""
    if _flag("all_projects"):
        enforce("pileus:operations:all_projects")
        return ()
    return (job.project_id == caller().project_id,)


def _about_subject(table: type[JobColumns] | type[EventColumns]) -> Sequence[Condition]:
    """Return the condition of a resource's own jobs, and of those about a part of it (`ID/volume`)."""
    wanted = request.args.get("subject")
    if wanted is None:
        return ()
    return ((table.subject == wanted) | ((table.subject > f"{wanted}/") & (table.subject < f"{wanted}0")),)


def _equal(table: type[JobColumns] | type[EventColumns], *names: str) -> Sequence[Condition]:
    return [getattr(table, name) == request.args[name] for name in names if name in request.args]


def _flag(name: str) -> bool:
    return bool(strutils.bool_from_string(request.args.get(name, "")))


def _limit() -> int:
    return LISTING.limit(request.args, default=MAX_ROWS, maximum=MAX_ROWS)


def _job_view(row: JobColumns) -> JsonObject:
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


def _event_view(row: EventColumns) -> JsonObject:
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
