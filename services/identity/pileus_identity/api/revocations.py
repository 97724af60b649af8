"""/v3/OS-PILEUS/revocations: events of the revocation log since a serial. Each service asks at most once a second."""

from flask import request

from pileus_identity.api.tools import tools
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("revocations", __name__, url_prefix="/v3/OS-PILEUS/revocations")

QUERY: JsonObject = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "since": {"type": "array", "maxItems": 1, "items": {"type": "string", "pattern": "^-?[0-9]{1,18}$"}}
    },
}


@resource.endpoint("GET", "", policy="identity:list_revoke_events", query=QUERY)
def index() -> Answer:
    """The asking service drops the tokens that match all ids of an event, or all tokens if an event has no ids.

    `reset` means that some events are no longer known: then it drops everything.
    """
    since = int(request.args.get("since", -1))
    serial, events, incomplete = tools().tokens.authorizations.revocation_log.events_since(since)
    return {"serial": serial, "events": [event.view() for event in events], "reset": incomplete}
