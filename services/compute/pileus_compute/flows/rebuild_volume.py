"""Rebuild a server that boots from a volume (2.93): the volume gets an image's content, in its place.

The volume service replaces the content of a volume that is reserved and connected to nobody. So the server gets a
second attachment, reserved, the first one goes, and the second is connected when the content has come. From `swap` on
there is no way back: a server whose volume got no image is in error and off, and may be rebuilt again.
"""

from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.core import faults, states
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server, ServerVolume
from pileus_compute.flows import volumes
from pileus_compute.flows.rebuild_server import (
    boot,
    broken,
    finish,
    keep,
    off,
    on_again,
    prepare,
    renew,
    rest,
    unkeep,
    unrenew,
)
from pileus_kit.flow import Again, Flow, Local, Remote, Work

PATIENCE = 3600.0  # large images take their time
FREE, BUSY = ("available", "reserved", "error"), ("downloading",)


def back_on(tools: Tools, work: Work) -> None:
    if "swapped" not in work.data:
        on_again(tools, work)


def hold(tools: Tools, work: Work) -> dict[str, Any]:
    """So that nobody else gets it meanwhile."""
    project, volume_id = _project(tools, work), work.data["volume_id"]
    return {"held": volumes.hold(tools, project, work.subject, volume_id)}


def unhold(tools: Tools, work: Work) -> None:
    if "swapped" not in work.data:
        volumes.release_held(tools, _project(tools, work), work.subject, work.data["volume_id"])


def swap(session: Session, tools: Tools, work: Work) -> dict[str, Any]:
    row = _row(session, work)
    row.attachment_id, row.connection_info = work.data["held"], None
    return {"swapped": True}


def release(tools: Tools, work: Work) -> None:
    volumes.detach_others(tools, _project(tools, work), work.subject, work.data["volume_id"], work.data["held"])


def reimage(tools: Tools, work: Work) -> None:
    """Asked again when an answer was lost: it may be at it."""
    project, volume_id = _project(tools, work), work.data["volume_id"]
    if volumes.show(tools, project, volume_id)["status"] in FREE:
        volumes.reimage(tools, project, volume_id, work.data["image_id"])


def wait_for_content(tools: Tools, work: Work) -> None:
    volume = volumes.show(tools, _project(tools, work), work.data["volume_id"])
    if volume["status"] in BUSY:
        raise Again(after=0.5, why=f"volume {volume['id']} is {volume['status']}")
    if volume["status"] not in ("available", "reserved"):
        raise volumes.VolumeFailed(volume=volume["id"], status=volume["status"])


def plug(tools: Tools, work: Work) -> dict[str, Any]:
    with tools.sessions.read() as session:
        host, device = str(session.get_one(Server, work.subject).host), _row(session, work).device
    plugged = volumes.connect(tools, _project(tools, work), work.data["held"], host, device)
    return {"connection": plugged["connection"]}


def note_plug(session: Session, tools: Tools, work: Work) -> None:
    _row(session, work).connection_info = work.data["connection"]


def complete(tools: Tools, work: Work) -> None:
    volumes.complete(tools, _project(tools, work), work.data["held"])


def failed(session: Session, tools: Tools, work: Work) -> None:
    session.get_one(Server, work.subject).admin_password = None
    session.flush()
    if "swapped" not in work.data:
        broken(session, tools, work)
        return
    states.move(
        session,
        work.subject,
        "failed",
        power_state=states.SHUTDOWN,
        fault=faults.new_fault(500, work.error or "Rebuilding failed."),
    )


def _project(tools: Tools, work: Work) -> str:
    with tools.sessions.read() as session:
        return volumes.project_of(session, work.subject)


def _row(session: Session, work: Work) -> ServerVolume:
    return next(row for row in volumes.rows(session, work.subject) if row.volume_id == work.data["volume_id"])


rebuild_volume = Flow(
    "server.rebuild_volume",
    Remote(off, undo=back_on),
    Remote(keep, undo=unkeep),
    Local(renew, undo=unrenew),
    Remote(hold, undo=unhold),
    Local(swap),
    Remote(release),
    Remote(reimage),
    Remote(wait_for_content, patience_s=PATIENCE),
    Remote(plug),
    Local(note_plug),
    Remote(prepare),
    Remote(boot),
    Remote(complete),
    Remote(rest),
    Local(finish),
    failed=failed,
)
