"""/v3/OS-REVOKE/events: which tokens were revoked, as Keystone lists it."""

from flask import request

from pileus_identity.api.lists import views_with_links
from pileus_identity.api.tools import tools
from pileus_identity.core import revocations
from pileus_identity.core.times import format_time, parse_time
from pileus_identity.db.models import Revocation
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("revocation_events", __name__, url_prefix="/v3/OS-REVOKE/events")

QUERY: JsonObject = {  # unknown parameters are ignored, and an empty `since` means none, as in Keystone
    "type": "object",
    "properties": {"since": {"type": "array", "maxItems": 1, "items": {"type": "string", "maxLength": 64}}},
}


@resource.endpoint("GET", "", policy="identity:list_revoke_events", query=QUERY)
def index() -> Answer:
    """List the revocations after `since`, oldest first; HEAD is answered alike, without the body."""
    since = request.args.get("since")
    with tools().sessions.read() as session:
        found = revocations.list_revocations(session, parse_time("since", since) if since else None)
    return views_with_links("events", [event_view(event) for event in found])


def event_view(event: Revocation) -> JsonObject:
    """A revocation as the API shows it: without the ids that it doesn't name."""
    ids = {
        "user_id": event.user_id,
        "project_id": event.project_id,
        "domain_id": event.domain_id,
        "audit_id": event.audit_id,
    }
    at = format_time(event.before)
    return {name: id for name, id in ids.items() if id is not None} | {"issued_before": at, "revoked_at": at}
