"""Migrations: resizes, as what they were; moving servers between hosts is not there yet and says so."""

from typing import Any

from flask import request
from sqlalchemy import ColumnElement, false, select
from sqlalchemy.orm import Session

from pileus_compute.api.requests import MOST, changed_between, limit_of, next_link, server_target, target_of
from pileus_compute.api.schemas import PAGE, TEXT, query, strict_query
from pileus_compute.api.server_actions import action
from pileus_compute.core.states import VM_STATES
from pileus_compute.db.models import Host, Job, Server
from pileus_compute.errors import BadState
from pileus_kit.errors import BadRequest, NotFound, Unimplemented
from pileus_kit.paging import Sort, fetch
from pileus_kit.web import Resource, allowed, caller, enforce, tools, version

resource = Resource("migrations", __name__)
RULE = "os_compute_api:os-migrations:index"
STAMP = "%Y-%m-%dT%H:%M:%S.%f"
FILTERS = dict.fromkeys(("hidden", "host", "instance_uuid", "source_compute", "status", "migration_type"), TEXT)
PAGED = FILTERS | PAGE | {"changes__since": TEXT}
LIST = {
    (2, 1): query(**FILTERS),
    (2, 59): strict_query(**PAGED),
    (2, 66): strict_query(**PAGED, changes__before=TEXT),
    (2, 80): strict_query(**PAGED, changes__before=TEXT, user_id=TEXT, project_id=TEXT),
}
NEWEST_FIRST: Sort = [(Job.created_at, "desc"), (Job.id, "desc")]
STATES = {"running": "migrating", "done": "finished", "undoing": "migrating", "undone": "error", "stuck": "error"}


def migration_view(job: Job) -> dict[str, Any]:
    host = job.data.get("host")
    view: dict[str, Any] = {
        "id": int(job.id[:7], 16),
        "instance_uuid": job.subject,
        "status": STATES[job.state],
        "source_compute": host,
        "source_node": host,
        "dest_compute": host,
        "dest_node": host,
        "dest_host": None,
        "created_at": job.created_at.strftime(STAMP),
        "updated_at": job.updated_at.strftime(STAMP),
        "old_instance_type_id": None,
        "new_instance_type_id": None,
    }
    if version() >= (2, 23):
        view["migration_type"] = "resize"
    if version() >= (2, 59):
        view["uuid"] = job.id
    if version() >= (2, 80):
        view |= {"user_id": job.user_id, "project_id": job.project_id}
    if not allowed(RULE + ":host"):
        view |= dict.fromkeys(("source_compute", "source_node", "dest_compute", "dest_node", "dest_host"))
    return view


@resource.endpoint("GET", "/v2.1/os-migrations", policy=RULE, query=LIST)
def index() -> Any:
    args = request.args
    project = args.get("project_id") if version() >= (2, 80) else None
    if project is None or project != caller().project_id:
        enforce(RULE + ":all_projects")
    paged = version() >= (2, 59)
    limit = limit_of() if paged else MOST
    with tools().sessions.read() as session:
        after = _marked(session, args["marker"], project) if paged and "marker" in args else None
        stmt = select(Job).where(*_conditions(project))
        rows = fetch(session, stmt, NEWEST_FIRST, after, limit)
    view: dict[str, Any] = {"migrations": [migration_view(j) for j in rows]}
    following = next_link(rows, limit, rows[-1].id if rows else None) if paged else []
    return view | ({"migrations_links": following} if following else {})


def _conditions(project: str | None) -> list[ColumnElement[bool]]:
    args = request.args
    where: list[ColumnElement[bool]] = [Job.flow == "server.resize"]
    if project:
        where.append(Job.project_id == project)
    if args.get("user_id") and version() >= (2, 80):
        where.append(Job.user_id == args["user_id"])
    if args.get("instance_uuid"):
        where.append(Job.subject == args["instance_uuid"])
    if args.get("status"):
        where.append(Job.state.in_([state for state, shown in STATES.items() if shown == args["status"]]))
    if args.get("migration_type", "resize") != "resize":
        where.append(false())
    where += [Job.data["host"].as_string() == args[name] for name in ("host", "source_compute") if args.get(name)]
    if version() >= (2, 59):
        since, before = changed_between()
        where += [Job.updated_at >= since] if since else []
        where += [Job.updated_at <= before] if before else []
    return where


def _marked(session: Session, marker: str, project: str | None) -> Job:
    """Also one that the other filters leave out; not one of another project, if only one's are asked for."""
    job = session.get(Job, marker)
    if job is None or job.flow != "server.resize" or project not in (None, job.project_id):
        raise BadRequest(why=f"Marker {marker} could not be found.")
    return job


@resource.endpoint(
    "GET",
    "/v2.1/servers/<server_id>/migrations",
    policy="os_compute_api:servers:migrations:index",
    target=server_target,
    since=(2, 23),
)
def of_server(server_id: str) -> Any:
    """Those under way, and live: there are none."""
    return {"migrations": []}


@resource.endpoint(
    "GET",
    "/v2.1/servers/<server_id>/migrations/<migration_id>",
    target=server_target,
    since=(2, 23),
    policy="os_compute_api:servers:migrations:show",
)
def show(server_id: str, migration_id: str) -> Any:
    raise NotFound(why=f"In-progress live migration {migration_id} is not found for server {server_id}.")


class NotMovable(Unimplemented):
    text = "Moving servers between hosts is not supported yet."


def _missing(name: str, policy: str, allowed_in: tuple[str, ...], to_host: bool = True) -> None:
    """What a request may be refused for anyway is refused first, so that clients see the right mistake. `to_host`:
    who may name the host is a rule of its own."""

    @action(name, policy=policy, writes=False)
    def refuse(session: Session, server: Server, value: Any) -> Any:
        wanted = value.get("host") if isinstance(value, dict) else None
        if wanted and to_host:
            enforce(f"os_compute_api:{policy}:host", target_of(server))
        if server.status not in allowed_in:
            raise BadState(event=name, server=server.id, attribute="vm_state", value=VM_STATES[server.status])
        if wanted and session.get(Host, wanted) is None:
            raise BadRequest(why=f"Compute host {wanted} could not be found.")
        raise NotMovable()


_missing("migrate", "os-migrate-server:migrate", ("ACTIVE", "SHUTOFF"))
_missing("os-migrateLive", "os-migrate-server:migrate_live", ("ACTIVE", "PAUSED"))
_missing("evacuate", "os-evacuate", ("ACTIVE", "SHUTOFF", "ERROR"), to_host=False)
