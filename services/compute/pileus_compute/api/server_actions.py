"""`POST /servers/ID/action`: one route for a table of actions, which the modules in `actions` declare."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Response

from pileus_compute.api.requests.server_access import checked_target, find_server, require_unlocked, server_target
from pileus_compute.api.tools import tools
from pileus_compute.core import server_jobs
from pileus_compute.db.models import Job, Server
from pileus_kit.actions import ONE_ACTION, ActionTable
from pileus_kit.db import Session
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

resource = Resource("server_actions", __name__, url_prefix="/v2.1/servers/<server_id>")

AfterCommit = Callable[[], Answer]
"""What remains to be done once the transaction is committed; it returns the answer."""
Handler = Callable[[Session, Server, Any], Answer | AfterCommit]
"""Called with the value under the action's name, which its schema has checked."""


@dataclass(frozen=True)
class ActionOptions:
    """`for_locked`: allowed on a locked server. `writes`: needs a transaction that writes."""

    for_locked: bool = False
    writes: bool = True


READS = ActionOptions(writes=False)
READS_LOCKED = ActionOptions(for_locked=True, writes=False)

actions: ActionTable[Handler, ActionOptions] = ActionTable(ActionOptions())
action = actions.action


@resource.endpoint(
    "POST", "/action", policy="os_compute_api:servers:show", body=ONE_ACTION, target=server_target, actions=actions
)
def act(server_id: str, body: JsonObject) -> Answer:
    asked = actions.resolve(body, checked_target())
    options = asked.action.options
    with (tools().sessions.begin if options.writes else tools().sessions.read)() as session:
        server = find_server(session, server_id)
        if not options.for_locked:
            require_unlocked(server)
        answer = asked.action.handler(session, server, asked.value)
    return answer if isinstance(answer, Response | dict | list | str | tuple) else answer()


def start(session: Session, server: Server, name: str, flow: str, data: JsonObject | None = None) -> AfterCommit:
    """Enqueue a flow for the action `name`. The answer is 202."""
    return accepted(server_jobs.start_job(session, server, name, flow, caller(), data))


def accepted(
    job: Job | None, view: JsonObject | str = "", headers: Mapping[str, str] | None = None, status: int = 202
) -> AfterCommit:
    """Return what rings a worker for the job, if there is one, and answers with the view."""
    job_id = job.id if job else None

    def answer() -> Answer:
        if job_id:
            tools().ring(job_id)
        return view, status, headers or {}

    return answer
