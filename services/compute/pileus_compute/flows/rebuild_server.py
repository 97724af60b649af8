"""Rebuild a server on its host: new root disk from an image, the same addresses and volumes."""

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.core import guests, servers, states
from pileus_compute.db.models import Server
from pileus_compute.flows import create_server, volumes
from pileus_compute.flows.power import agent_of, booted_as
from pileus_compute.flows.tools import Tools
from pileus_kit.db import now
from pileus_kit.flow import Flow, Local, Remote, Work


def off(tools: Tools, work: Work) -> None:
    agent_of(tools, work).power_off(work.subject, timeout_s=0)


def on_again(tools: Tools, work: Work) -> None:
    """Undo: the old disks are back by now."""
    with tools.sessions.read() as session:
        server = session.get_one(Server, work.subject)
        guest = guests.describe(session, work.subject)
    if server.power_state == states.RUNNING:
        tools.agent(str(server.host)).boot(guest)


def keep(tools: Tools, work: Work) -> None:
    agent_of(tools, work).keep_disks(work.subject, copy=False)


def unkeep(tools: Tools, work: Work) -> None:
    agent = agent_of(tools, work)
    agent.power_off(work.subject, timeout_s=0)
    agent.restore_disks(work.subject)


def renew(session: Session, tools: Tools, work: Work) -> dict[str, Any]:
    """The server is now what the rebuild asks for; what it was is kept for undo."""
    server = session.get_one(Server, work.subject)
    change = work.data["change"]
    old = {key: getattr(server, key) for key in change}
    for key, value in change.items():
        setattr(server, key, value)
    return {"old": old}


def unrenew(session: Session, tools: Tools, work: Work) -> None:
    server = session.get_one(Server, work.subject)
    for key, value in work.data.get("old", {}).items():
        setattr(server, key, value)


def prepare(tools: Tools, work: Work) -> None:
    create_server.prepare(tools, _placed(tools, work))


def _placed(tools: Tools, work: Work) -> Work:
    """The same work with what the steps of a creation expect to find."""
    with tools.sessions.read() as session:
        server, ports, _ = guests.load(session, work.subject)
    return replace(work, data=work.data | {"host": server.host, "ports": [{"fixed_ips": p.fixed_ips} for p in ports]})


def boot(tools: Tools, work: Work) -> dict[str, Any]:
    with tools.sessions.read() as session:
        host = session.get_one(Server, work.subject).host
        guest = guests.describe(session, work.subject)
    return booted_as(tools.agent(str(host)).boot(guest))


def drop(tools: Tools, work: Work) -> None:
    agent = agent_of(tools, work)
    agent.drop_kept_disks(work.subject)
    if not work.data["running"]:
        agent.power_off(work.subject, timeout_s=0)


def finish(session: Session, tools: Tools, work: Work) -> None:
    volumes.note_devices(session, work.subject, work.data.get("devices", {}))
    states.move(session, work.subject, "rebuilt", power_state=states.RUNNING, launched_at=now(), fault=None,
                admin_password=None)
    if not work.data["running"]:
        states.move(session, work.subject, "stopped", power_state=states.SHUTDOWN)


def broken(session: Session, tools: Tools, work: Work) -> None:
    if not work.cancelled:
        states.move(session, work.subject, "failed", fault=servers.fault(500, work.error or "Rebuilding failed."))


rebuild_server = Flow(
    "server.rebuild",
    Remote(off, undo=on_again), Remote(keep, undo=unkeep), Local(renew, undo=unrenew), Remote(prepare), Remote(boot),
    Remote(drop), Local(finish), failed=broken)
