"""/v3/OS-PILEUS/deleted-projects: projects that were deleted, for services that keep something of theirs."""

from flask import request

from pileus_identity.api.tools import tools
from pileus_identity.core import deleted_projects
from pileus_identity.core.times import format_time
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("deleted_projects", __name__, url_prefix="/v3/OS-PILEUS/deleted-projects")

MAX_LIMIT = 1000
QUERY: JsonObject = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "since": {"type": "array", "maxItems": 1, "items": {"type": "string", "pattern": "^[0-9]{1,18}$"}},
        "limit": {"type": "array", "maxItems": 1, "items": {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"}},
    },
}


@resource.endpoint("GET", "", policy="identity:list_revoke_events", query=QUERY)
def index() -> Answer:
    """List the projects that were deleted after the serial `since`, oldest first; the last one's serial comes next."""
    since, limit = int(request.args.get("since", 0)), int(request.args.get("limit", MAX_LIMIT))
    with tools().sessions.read() as session:
        found = deleted_projects.list_page(session, since, min(limit, MAX_LIMIT))
    rows = [{"id": row.id, "serial": row.serial, "deleted_at": format_time(row.deleted_at)} for row in found]
    return {"projects": rows}
