"""`POST /servers/ID/action`: one route, a table of actions, each with its own policy, schema and versions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import g
from sqlalchemy.orm import Session

from pileus_compute.api.requests import find_server, require_unlocked, server_target
from pileus_compute.api.schemas import Schema
from pileus_compute.core import server_jobs
from pileus_compute.db.models import Job, Server
from pileus_kit.errors import BadRequest
from pileus_kit.microversions import Version
from pileus_kit.schema import Checked
from pileus_kit.web import Resource, caller, enforce, tools, version

resource = Resource("server_actions", __name__, url_prefix="/v2.1/servers/<server_id>")
BODY = {(2, 1): {"type": "object", "minProperties": 1, "maxProperties": 1}}

Handler = Callable[[Session, Server, Any], Any]


@dataclass(frozen=True)
class Action:
    """`run(session, server, value)` works in one write transaction; what it returns is the answer."""

    name: str
    rule: str
    run: Handler
    accepts: Checked | None
    since: Version
    until: Version | None
    locks: bool  # refused on a locked server
    writes: bool


ACTIONS: dict[str, Action] = {}


def action(
    name: str,
    *,
    policy: str,
    schemas: dict[Version, Schema] | None = None,
    since: Version = (2, 1),
    until: Version | None = None,
    locks: bool = True,
    writes: bool = True,
) -> Callable[[Handler], Handler]:
    """Declare an action. `schemas` describe the whole body, as OpenStack documents them."""

    def note(run: Handler) -> Handler:
        ACTIONS[name] = Action(
            name, f"os_compute_api:{policy}", run, Checked(schemas) if schemas else None, since, until, locks, writes
        )
        return run

    return note


@resource.endpoint("POST", "/action", policy="os_compute_api:servers:show", body=BODY, target=server_target)
def act(server_id: str, body: dict[str, Any]) -> Any:
    ((name, value),) = body.items()
    known = ACTIONS.get(name)
    if known is None or version() < known.since or (known.until and version() > known.until):
        raise BadRequest(why=f"There is no such action: {name}")
    enforce(known.rule, g.server_target)
    if known.accepts:
        known.accepts.check(body, version(), "body")
    opened = tools().sessions.begin if known.writes else tools().sessions.read
    with opened() as session:
        server = find_server(session, server_id)
        if known.locks:
            require_unlocked(server)
        answer = known.run(session, server, value)
    return answer() if callable(answer) else answer


def start(session: Session, server: Server, name: str, flow: str, data: dict[str, Any] | None = None) -> Any:
    """Enqueue a flow; the answer is 202 once the transaction is committed."""
    return accepted(server_jobs.start_job(session, server, name, flow, caller(), data))


def accepted(job: Job | None, view: Any = "", headers: dict[str, str] | None = None, status: int = 202) -> Any:
    """What an action returns that enqueued `job`: rings a worker after the commit, then answers."""
    job_id = job.id if job else None

    def answer() -> Any:
        if job_id:
            tools().ring(job_id)
        return view, status, headers or {}

    return answer
