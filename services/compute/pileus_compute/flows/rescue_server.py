"""Rescue: boot a server from another image, with its own disk beside it; and back."""

from dataclasses import replace

from sqlalchemy.orm import Session

from pileus_compute.clients import image
from pileus_compute.core import guests as core_guests
from pileus_compute.core import states
from pileus_compute.core.job_data import Added, BootData, RescueServerData
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.steps import guests
from pileus_compute.steps.guests import agent_of
from pileus_kit.flow import Flow, Local, Remote, Work


def rescue(tools: Tools, work: Work) -> Added:
    data = work.data_as(RescueServerData)
    tickets = image.create_read_tickets(tools.peers, [data.image_id])
    guest = guests.describe_with_config_drive(tools, work.subject)
    rescued = replace(guest, rescue=core_guests.image_of(data.image_id, dict(data.image), tickets))
    return guests.booted(agent_of(tools, work.subject).rescue(rescued))


def unrescue(tools: Tools, work: Work) -> Added:
    agent, guest = guests.load(tools, work.subject)
    return guests.booted(agent.unrescue(guest))


def end_rescue(tools: Tools, work: Work) -> None:
    """Undo of `rescue`."""
    agent, guest = guests.load(tools, work.subject)
    with guests.unless_gone(tools, work.subject):
        agent.unrescue(guest)


def mark_rescued(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "rescued", power_state=states.RUNNING, sealed_password=None)


def mark_unrescued(session: Session, tools: Tools, work: Work) -> None:
    guests.record_devices(session, work.subject, work.data_as(BootData).booted)
    states.move(session, work.subject, "unrescued", power_state=states.RUNNING)


def mark_failed(session: Session, tools: Tools, work: Work) -> None:
    session.get_one(Server, work.subject).admin_password = None
    session.flush()
    guests.mark_failed(session, work, "It failed.")


rescue_server = Flow("server.rescue", Remote(rescue, undo=end_rescue), Local(mark_rescued), failed=mark_failed)
unrescue_server = Flow("server.unrescue", Remote(unrescue), Local(mark_unrescued), failed=mark_failed)
