"""Other services tell what happened to what a server uses."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.api.schemas import UUID, body, obj
from pileus_compute.api.server_actions import action
from pileus_compute.core import servers
from pileus_compute.db.models import Job, Server, ServerPort, ServerVolume
from pileus_compute.flows.ports import searchable
from pileus_kit.flow import Busy, enqueue
from pileus_kit.peers import PeerRefused
from pileus_kit.web import Resource, caller, tools

resource = Resource("external_events", __name__, url_prefix="/v2.1/os-server-external-events")

NAMES = ["network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted"]


def _schema(*more: str) -> dict[str, Any]:
    event = obj({"name": {"type": "string", "enum": NAMES + list(more)}, "server_uuid": UUID,
                 "status": {"type": "string", "enum": ["failed", "completed", "in-progress"]},
                 "tag": {"type": "string", "maxLength": 255}}, ("name", "server_uuid"))
    return body("events", {"type": "array", "minItems": 1, "maxItems": 1000, "items": event})


CREATE = {(2, 1): _schema(), (2, 51): _schema("volume-extended"), (2, 76): _schema("volume-extended", "power-update"),
          (2, 82): _schema("volume-extended", "power-update", "accelerator-request-bound")}


@resource.endpoint("POST", "", policy="os_compute_api:os-server-external-events:create", body=CREATE)
def create(body: dict[str, Any]) -> Any:
    events = body["events"]
    jobs: list[str] = []
    with tools().sessions.read() as session:
        known = {s.id: s for s in session.scalars(select(Server).where(
            Server.id.in_({e["server_uuid"] for e in events})))}
    changed = {e["server_uuid"] for e in events if e["name"] == "network-changed" and e["server_uuid"] in known}
    fresh = {server_id: look(server_id) for server_id in changed}
    with tools().sessions.begin() as session:
        for server_id, found in fresh.items():
            refresh(session, server_id, found)
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
    view = {"name": event["name"], "server_uuid": event["server_uuid"],
            "status": event.get("status", "completed") if server else "failed", "code": 404}
    if "tag" in event:
        view["tag"] = event["tag"]
    if server:
        view["code"] = 200 if server.host else 422
    return view


@dataclass(frozen=True)
class Fresh:
    """A server's ports, its floating addresses and its security groups' names, as the network service has them."""

    ports: tuple[dict[str, Any], ...] = ()
    floating: tuple[dict[str, Any], ...] = ()
    groups: frozenset[str] = frozenset()


def look(server_id: str) -> Fresh:
    call = tools().peers.call
    try:
        ports = call("network", "GET", f"/v2.0/ports?device_id={server_id}")["ports"]
        if not ports:
            return Fresh()
        wanted = "&".join(f"port_id={p['id']}" for p in ports)
        floating = call("network", "GET", f"/v2.0/floatingips?{wanted}")["floatingips"]
        held = "&".join(f"id={g}" for g in sorted({g for p in ports for g in p.get("security_groups", ())}))
        groups = call("network", "GET", f"/v2.0/security-groups?fields=name&{held}")["security_groups"] if held else []
    except PeerRefused as err:
        if err.status == 404:
            return Fresh()
        raise
    return Fresh(tuple(ports), tuple(floating), frozenset(g["name"] for g in groups))


def refresh(session: Session, server_id: str, fresh: Fresh) -> None:
    """What we remember follows; ports that we don't know belong to a flow that is under way."""
    ports = {p["id"]: p for p in fresh.ports}
    rows = session.scalars(select(ServerPort).where(ServerPort.server_id == server_id)).all()
    for row in rows:
        if row.id not in ports:
            continue
        row.fixed_ips = ports[row.id].get("fixed_ips", [])
        row.mac = ports[row.id].get("mac_address", row.mac)
        row.floating_ips = {f["fixed_ip_address"]: f["floating_ip_address"] for f in fresh.floating
                            if f["port_id"] == row.id}
        row.addresses = searchable(row.fixed_ips, row.floating_ips)
    server = session.get(Server, server_id)
    if server and {row.id for row in rows} == set(ports):
        kept = [name for name in server.security_groups if name in fresh.groups]
        server.security_groups = kept + sorted(fresh.groups - set(kept))


@action("injectNetworkInfo", policy="os-admin-actions:inject_network_info", writes=False)
def inject_network_info(session: Session, server: Server, value: Any) -> Any:
    """Look at the server's ports again, in case that an event was lost."""
    server_id = server.id

    def answer() -> Any:
        known = look(server_id)
        with tools().sessions.begin() as session:
            refresh(session, server_id, known)
        return "", 202
    return answer


def _extended(session: Session, event: dict[str, Any]) -> list[str]:
    row = session.scalar(select(ServerVolume).where(ServerVolume.server_id == event["server_uuid"],
                                                    ServerVolume.volume_id == event.get("tag")))
    if row is None:
        return []
    try:
        return [enqueue(session, Job, flow="server.extend_volume", caller=caller(), data={"volume_id": row.volume_id},
                        subject=servers.part_subject(row.server_id, row.id)).id]
    except Busy:
        return []
