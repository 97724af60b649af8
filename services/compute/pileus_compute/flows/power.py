"""Start, stop, reboot, pause, suspend and their opposites: one call to the host, one change of status."""

from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.core import faults, guests, states
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.flows import volumes
from pileus_compute.rpc import Booted, Guest, HostAgent
from pileus_kit.flow import Flow, Local, Remote, Work

STOP_SECONDS = 60


def reach(tools: Tools, work: Work) -> tuple[HostAgent, Guest]:
    """The server's host, and the server as it is to be there."""
    with tools.sessions.read() as session:
        host = session.get_one(Server, work.subject).host
        guest = guests.describe(session, work.subject)
    return tools.agent(str(host)), guest


def agent_of(tools: Tools, work: Work) -> HostAgent:
    with tools.sessions.read() as session:
        return tools.agent(str(session.get_one(Server, work.subject).host))


def booted_as(booted: Booted) -> dict[str, Any]:
    return {
        "power": booted.power.value,
        "devices": booted.devices,
        "root_device": booted.root_device,
        "addresses": booted.addresses,
    }


def start(tools: Tools, work: Work) -> dict[str, Any]:
    agent, guest = reach(tools, work)
    return booted_as(agent.boot(guest))


def stop(tools: Tools, work: Work) -> None:
    agent_of(tools, work).power_off(work.subject, timeout_s=STOP_SECONDS)


def reboot(tools: Tools, work: Work) -> dict[str, Any]:
    agent, guest = reach(tools, work)
    return booted_as(agent.reboot(guest, hard=work.flow == "server.reboot_hard", timeout_s=STOP_SECONDS))


def pause(tools: Tools, work: Work) -> None:
    agent_of(tools, work).pause(work.subject)


def unpause(tools: Tools, work: Work) -> None:
    agent_of(tools, work).unpause(work.subject)


def suspend(tools: Tools, work: Work) -> None:
    agent_of(tools, work).suspend(work.subject)


def resume(tools: Tools, work: Work) -> dict[str, Any]:
    agent, guest = reach(tools, work)
    return booted_as(agent.resume(guest))


def started(session: Session, tools: Tools, work: Work) -> None:
    volumes.note_devices(session, work.subject, work.data)
    states.move(session, work.subject, "booted", power_state=states.RUNNING, fault=None)


def stopped(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "stopped", power_state=states.SHUTDOWN, fault=None)


def paused(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "paused", power_state=states.PAUSED)


def unpaused(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "unpaused", power_state=states.RUNNING)


def suspended(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "suspended", power_state=states.SHUTDOWN)


def resumed(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "resumed", power_state=states.RUNNING)


def broken(session: Session, tools: Tools, work: Work) -> None:
    """The guest is in an unknown state: the server shows ERROR and why; a hard reboot or a stop gets it back."""
    if not work.cancelled:
        states.move(session, work.subject, "failed", fault=faults.new_fault(500, work.error or "It failed."))


FLOWS = [
    Flow("server.start", Remote(start), Local(started)),
    Flow("server.stop", Remote(stop), Local(stopped)),
    Flow("server.reboot", Remote(reboot), Local(started), failed=broken),
    Flow("server.reboot_hard", Remote(reboot), Local(started), failed=broken),
    Flow("server.pause", Remote(pause), Local(paused)),
    Flow("server.unpause", Remote(unpause), Local(unpaused)),
    Flow("server.suspend", Remote(suspend), Local(suspended), failed=broken),
    Flow("server.resume", Remote(resume), Local(resumed), failed=broken),
]
