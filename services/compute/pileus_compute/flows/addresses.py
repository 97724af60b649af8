"""What the network service knows of a server's ports is taken over: addresses, floating addresses, groups."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.core import server_jobs
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Job, Server, ServerPort
from pileus_compute.flows.ports import floating_of, searchable, server_id_of
from pileus_kit.flow import Again, Flow, Remote, Work, enqueue, live
from pileus_kit.peers import PeerRefused

FLOW = "server.addresses"
PATIENCE_S = 3600.0  # as long as a server may take to be built


@dataclass(frozen=True)
class Fresh:
    """A server's ports, the floating addresses of each and its security groups' names, as they are now."""

    ports: dict[str, dict[str, Any]]
    floating: dict[str, dict[str, str]]
    groups: frozenset[str] = frozenset()


NOTHING = Fresh({}, {})


def look(tools: Tools, server_id: str) -> Fresh:
    call = tools.peers.call
    try:
        ports = {p["id"]: p for p in call("network", "GET", f"/v2.0/ports?device_id={server_id}")["ports"]}
        if not ports:
            return NOTHING
        held = "&".join(f"id={g}" for g in sorted({g for p in ports.values() for g in p.get("security_groups", ())}))
        groups = call("network", "GET", f"/v2.0/security-groups?fields=name&{held}")["security_groups"] if held else []
        return Fresh(ports, floating_of(tools, ports), frozenset(g["name"] for g in groups))
    except PeerRefused as err:
        if err.status == 404:
            return NOTHING
        raise


def refresh(session: Session, server_id: str, fresh: Fresh) -> bool:
    """What we remember follows. True if there are ports that we don't know: a flow that is under way will."""
    rows = session.scalars(select(ServerPort).where(ServerPort.server_id == server_id)).all()
    for row in rows:
        port = fresh.ports.get(row.id)
        if port is None:
            continue
        row.fixed_ips = port.get("fixed_ips", [])
        row.mac = port.get("mac_address", row.mac)
        row.floating_ips = fresh.floating.get(row.id, {})
        row.addresses = searchable(row.fixed_ips, row.floating_ips)
    known = {row.id for row in rows}
    server = session.get(Server, server_id)
    if server and known == set(fresh.ports):
        kept = [name for name in server.security_groups if name in fresh.groups]
        server.security_groups = kept + sorted(fresh.groups - set(kept))
    return not set(fresh.ports) <= known


def look_later(session: Session, server_id: str) -> str | None:
    """Enqueue another look, for ports that a flow is about to record; None if one is to come anyway."""
    subject = server_jobs.part_subject(server_id, "addresses")
    if live(session, Job, subject):
        return None
    return enqueue(session, Job, flow=FLOW, subject=subject).id


def follow(tools: Tools, work: Work) -> None:
    """Once nothing else is being done with the server, whose ports may be nobody's that we ought to know."""
    server_id = server_id_of(work)
    fresh = look(tools, server_id)
    with tools.sessions.begin() as session:
        if session.get(Server, server_id) is None:
            return
        unknown = refresh(session, server_id, fresh)
        under_way = [job for job in server_jobs.unfinished_jobs(session, server_id) if job.flow != FLOW]
    if unknown and under_way:
        raise Again(after=0.5, why="a port of the server is not recorded yet")


follow_addresses = Flow(FLOW, Remote(follow, patience_s=PATIENCE_S))
