"""`/os-server-external-events`: the network and volume services report events about what servers use."""

from collections.abc import Mapping

from pileus_compute.api.schemas.types import UUID, Schema, body, obj
from pileus_compute.api.tools import tools
from pileus_compute.core import server_ports, server_volumes, servers
from pileus_compute.db.models import Server
from pileus_compute.flows.refresh_addresses import current_ports
from pileus_kit.db import Session
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

resource = Resource("server_external_events", __name__, url_prefix="/v2.1/os-server-external-events")

NAMES = ["network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted"]


def _schema(*more: str) -> Schema:
    event = obj(
        {
            "name": {"type": "string", "enum": NAMES + list(more)},
            "server_uuid": UUID,
            "status": {"type": "string", "enum": ["failed", "completed", "in-progress"]},
            "tag": {"type": "string", "maxLength": 255},
        },
        ("name", "server_uuid"),
    )
    return body("events", {"type": "array", "minItems": 1, "maxItems": 1000, "items": event})


CREATE = {
    (2, 1): _schema(),
    (2, 51): _schema("volume-extended"),
    (2, 76): _schema("volume-extended", "power-update"),
    (2, 82): _schema("volume-extended", "power-update", "accelerator-request-bound"),
}


@resource.endpoint("POST", "", policy="os_compute_api:os-server-external-events:create", body=CREATE)
def create(body: JsonObject) -> Answer:
    events = body["events"]
    with tools().sessions.read() as session:
        known = servers.find_all(session, (event["server_uuid"] for event in events))
    changed = {e["server_uuid"] for e in events if e["name"] == "network-changed" and e["server_uuid"] in known}
    current = {server_id: current_ports(tools(), server_id) for server_id in changed}
    job_ids: list[str | None] = []
    with tools().sessions.begin() as session:
        for server_id, ports in current.items():
            if server_ports.update(session, server_id, ports):
                job_ids.append(server_ports.refresh_later(session, server_id))
        for event in events:
            if event["name"] == "volume-extended" and event["server_uuid"] in known:
                job_ids.append(_extend_volume(session, event))
        answers = [event_view(event, known) for event in events]
    for job_id in filter(None, job_ids):
        tools().ring(job_id)
    accepted = [answer for answer in answers if answer["code"] == 200]
    return {"events": answers}, 200 if len(accepted) == len(answers) else 207 if accepted else 404


def _extend_volume(session: Session, event: JsonObject) -> str | None:
    return server_volumes.extend(session, event["server_uuid"], event.get("tag"), caller())


def event_view(event: JsonObject, known: Mapping[str, Server]) -> JsonObject:
    server = known.get(event["server_uuid"])
    view = {
        "name": event["name"],
        "server_uuid": event["server_uuid"],
        "status": event.get("status", "completed") if server else "failed",
        "code": 404,
    }
    if "tag" in event:
        view["tag"] = event["tag"]
    if server:
        view["code"] = 200 if server.host else 422
    return view
