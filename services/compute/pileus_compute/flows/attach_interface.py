"""Attach and detach interfaces of a server that exists."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_compute.core import guests
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server, ServerPort
from pileus_compute.flows import ports, volumes
from pileus_compute.flows.ports import server_id_of
from pileus_kit.flow import Flow, Local, Remote, Work


def make_port(tools: Tools, work: Work) -> dict[str, Any]:
    with tools.sessions.read() as session:
        server = session.get_one(Server, server_id_of(work))
        host, project_id = server.host or "", server.project_id
    made = ports.make(tools, work, project_id, host, [work.data["wish"]], work.data.get("security_groups"))
    return {"port": made[0], "host": host}


def unmake_port(tools: Tools, work: Work) -> None:
    server_id, mine = server_id_of(work), ports.mark(work, 0)
    given = work.data["wish"].get("port_id")
    here = {p["id"] for p in ports.of_server(tools, server_id) if p["id"] == given or p.get("description") == mine}
    if here:
        ports.let_go(tools, server_id, {given} if given else set(), only=here)


def note_port(session: Session, tools: Tools, work: Work) -> None:
    last = session.scalar(select(func.max(ServerPort.position)).where(ServerPort.server_id == server_id_of(work)))
    ports.record(session, server_id_of(work), [work.data["port"]], start=0 if last is None else last + 1)


def unnote_port(session: Session, tools: Tools, work: Work) -> None:
    row = session.get(ServerPort, work.data["port"]["id"])
    if row:
        session.delete(row)


def plug(tools: Tools, work: Work) -> dict[str, Any]:
    with tools.sessions.read() as session:
        nic = guests.nic_of(session.get_one(ServerPort, work.data["port"]["id"]))
    if not work.data["host"]:
        return {}
    return {"address": tools.agent(work.data["host"]).attach_nic(server_id_of(work), nic).address}


def note_address(session: Session, tools: Tools, work: Work) -> None:
    volumes.note_address(session, server_id_of(work), work.data["port"]["id"], work.data.get("address", ""))


def unplug(tools: Tools, work: Work) -> None:
    if work.data["host"]:
        tools.agent(work.data["host"]).detach_nic(server_id_of(work), work.data["port"]["id"])


def look(session: Session, tools: Tools, work: Work) -> dict[str, Any]:
    row = session.get_one(ServerPort, work.data["port_id"])
    return {
        "host": session.get_one(Server, server_id_of(work)).host,
        "port": {"id": row.id},
        "ours": row.delete_on_termination,
    }


def release(tools: Tools, work: Work) -> None:
    port_id = work.data["port"]["id"]
    ports.let_go(tools, server_id_of(work), set() if work.data["ours"] else {port_id}, only={port_id})


def forget_port(session: Session, tools: Tools, work: Work) -> None:
    row = session.get(ServerPort, work.data["port"]["id"])
    if row:
        session.delete(row)


attach_interface = Flow(
    "server.attach_interface",
    Remote(make_port, undo=unmake_port),
    Local(note_port, undo=unnote_port),
    Remote(plug, undo=unplug, patience_s=120.0),
    Local(note_address),
)

detach_interface = Flow("server.detach_interface", Local(look), Remote(unplug), Remote(release), Local(forget_port))
