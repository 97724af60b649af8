"""Other services tell what happened to what a server uses."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.api.schemas import UUID, body, obj
from pileus_compute.api.server_actions import action
from pileus_compute.core import server_jobs, server_ports
from pileus_compute.db.models import Job, Server, ServerVolume
from pileus_compute.flows.refresh_addresses import current_ports
from pileus_kit.flow import enqueue, live
from pileus_kit.web import Resource, caller, tools

resource = Resource("server_external_events", __name__, url_prefix="/v2.1/os-server-external-events")

NAMES = ["network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted"]


def _schema(*more: str) -> dict[str, Any]:
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
def create(body: dict[str, Any]) -> Any:
    events = body["events"]
    jobs: list[str] = []
    with tools().sessions.read() as session:
        known = {
            s.id: s for s in session.scalars(select(Server).where(Server.id.in_({e["server_uuid"] for e in events})))
        }
    changed = {e["server_uuid"] for e in events if e["name"] == "network-changed" and e["server_uuid"] in known}
    fresh = {server_id: current_ports(tools(), server_id) for server_id in changed}
    with tools().sessions.begin() as session:
        for server_id, found in fresh.items():
            if server_ports.update(session, server_id, found):
                jobs += filter(None, [server_ports.refresh_later(session, server_id)])
        for event in events:
            if event["name"] == "volume-extended" and event["server_uuid"] in known:
                jobs += _extended(session, event)
        answers = [_answer(session, event, known) for event in events]
    for job in jobs:
        tools().ring(job)
    good = [a for a in answers if a["code"] == 200]
    return {"events": answers}, 200 if len(good) == len(answers) else 207 if good else 404


def _answer(session: Session, event: dict[str, Any], known: dict[str, Server]) -> dict[str, Any]:
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


def follow(server_id: str) -> None:
    """Take over what the network service says now, in this request: clients read it right after our answer."""
    known = current_ports(tools(), server_id)
    with tools().sessions.begin() as session:
        server_ports.update(session, server_id, known)


@action("injectNetworkInfo", policy="os-admin-actions:inject_network_info", writes=False)
def inject_network_info(session: Session, server: Server, value: Any) -> Any:
    """Look at the server's ports again, in case that an event was lost."""
    server_id = server.id

    def answer() -> Any:
        follow(server_id)
        return "", 202

    return answer


def _extended(session: Session, event: dict[str, Any]) -> list[str]:
    row = session.scalar(
        select(ServerVolume).where(
            ServerVolume.server_id == event["server_uuid"], ServerVolume.volume_id == event.get("tag")
        )
    )
    if row is None:
        return []
    subject = server_jobs.part_subject(row.server_id, row.id)
    if live(session, Job, subject):
        return []
    return [
        enqueue(
            session,
            Job,
            flow="server.extend_volume",
            caller=caller(),
            subject=subject,
            data={"volume_id": row.volume_id},
        ).id
    ]
