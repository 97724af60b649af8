"""Rescue: boot a server from another image, with its own disk beside it; and back."""

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.core import faults, guests, states
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.flows import images, volumes
from pileus_compute.flows.drives import with_drive
from pileus_compute.flows.power import booted_as
from pileus_kit.flow import Flow, Local, Remote, Work


def rescue(tools: Tools, work: Work) -> dict[str, Any]:
    image_id = work.data["image_id"]
    tickets = images.tickets(tools, [image_id])
    with tools.sessions.read() as session:
        host = session.get_one(Server, work.subject).host
    rescued = replace(with_drive(tools, work.subject), rescue=guests.image_of(image_id, work.data["image"], tickets))
    return booted_as(tools.agent(str(host)).rescue(rescued))


def rescued(session: Session, tools: Tools, work: Work) -> None:
    states.move(session, work.subject, "rescued", power_state=states.RUNNING, sealed_password=None)


def unrescue(tools: Tools, work: Work) -> dict[str, Any]:
    with tools.sessions.read() as session:
        host = session.get_one(Server, work.subject).host
        guest = guests.describe(session, work.subject)
    return booted_as(tools.agent(str(host)).unrescue(guest))


def unrescued(session: Session, tools: Tools, work: Work) -> None:
    volumes.note_devices(session, work.subject, work.data)
    states.move(session, work.subject, "unrescued", power_state=states.RUNNING)


def broken(session: Session, tools: Tools, work: Work) -> None:
    session.get_one(Server, work.subject).admin_password = None
    session.flush()
    if not work.cancelled:
        states.move(session, work.subject, "failed", fault=faults.new_fault(500, work.error or "It failed."))


rescue_server = Flow("server.rescue", Remote(rescue, undo=unrescue), Local(rescued), failed=broken)
unrescue_server = Flow("server.unrescue", Remote(unrescue), Local(unrescued), failed=broken)
