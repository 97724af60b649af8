"""Start, stop, reboot, pause, suspend and their opposites: one call to the host, one change of status."""

from sqlalchemy.orm import Session

from pileus_compute.core import states
from pileus_compute.core.job_data import Added, BootData
from pileus_compute.core.tools import Tools
from pileus_compute.steps import guests
from pileus_compute.steps.guests import agent_of
from pileus_kit.flow import Flow, Local, Remote, Work

STOP_TIMEOUT_S = 60
"""How long a guest may take to shut down before its power is cut."""
REBOOT_HARD = "server.reboot_hard"


def start(tools: Tools, work: Work) -> Added:
    return guests.boot(tools, work.subject)


def stop(tools: Tools, work: Work) -> None:
    agent_of(tools, work.subject).power_off(work.subject, timeout_s=STOP_TIMEOUT_S)


def reboot(tools: Tools, work: Work) -> Added:
    agent, guest = guests.load(tools, work.subject)
    return guests.booted(agent.reboot(guest, hard=work.flow == REBOOT_HARD, timeout_s=STOP_TIMEOUT_S))


def pause(tools: Tools, work: Work) -> None:
    agent_of(tools, work.subject).pause(work.subject)


def unpause(tools: Tools, work: Work) -> None:
    agent_of(tools, work.subject).unpause(work.subject)


def suspend(tools: Tools, work: Work) -> None:
    agent_of(tools, work.subject).suspend(work.subject)


def resume(tools: Tools, work: Work) -> Added:
    agent, guest = guests.load(tools, work.subject)
    return guests.booted(agent.resume(guest))


def mark_started(session: Session, tools: Tools, work: Work) -> None:
    guests.record_devices(session, work.subject, work.data_as(BootData).booted)
    states.move(session, work.subject, "booted", power_state=states.RUNNING, fault=None)


def mark_stopped(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "stopped", power_state=states.SHUTDOWN, fault=None)


def mark_paused(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "paused", power_state=states.PAUSED)


def mark_unpaused(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "unpaused", power_state=states.RUNNING)


def mark_suspended(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "suspended", power_state=states.SHUTDOWN)


def mark_resumed(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "resumed", power_state=states.RUNNING)


def mark_failed(session: Session, tools: Tools, work: Work) -> None:
    """The guest is in an unknown state: the server shows ERROR and why. A hard reboot or a stop gets it back."""
    guests.mark_failed(session, work, "It failed.")


FLOWS = [
    Flow("server.start", Remote(start), Local(mark_started)),
    Flow("server.stop", Remote(stop), Local(mark_stopped)),
    Flow("server.reboot", Remote(reboot), Local(mark_started), failed=mark_failed),
    Flow(REBOOT_HARD, Remote(reboot), Local(mark_started), failed=mark_failed),
    Flow("server.pause", Remote(pause), Local(mark_paused)),
    Flow("server.unpause", Remote(unpause), Local(mark_unpaused)),
    Flow("server.suspend", Remote(suspend), Local(mark_suspended), failed=mark_failed),
    Flow("server.resume", Remote(resume), Local(mark_resumed), failed=mark_failed),
]
