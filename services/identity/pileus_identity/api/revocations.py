"""/v3/OS-PILEUS/revocations: what fell since a serial. Asked by the other services at most once a second each."""

from typing import Any

from flask import request

from pileus_kit.web import Resource, tools

resource = Resource("revocations", __name__, url_prefix="/v3/OS-PILEUS/revocations")

QUERY = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "since": {"type": "array", "maxItems": 1, "items": {"type": "string", "pattern": "^-?[0-9]{1,18}$"}}
    },
}


@resource.endpoint("GET", "", policy="identity:list_revoke_events", query=QUERY)
def list_since() -> Any:
    """`reset`: not all can be told, forget everything. An event concerns what matches all its ids; none: everything."""
    serial, entries, lost = tools().tokens.standings.ledger.since(int(request.args.get("since", -1)))
    return {"serial": serial, "events": [entry.view() for entry in entries], "reset": lost}
