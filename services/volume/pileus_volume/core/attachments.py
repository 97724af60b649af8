"""Attachments: which server has a volume, and how its host connects. Compute works with the same records."""

from datetime import datetime
from typing import TypedDict

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import new_id, now
from pileus_kit.flow import enqueue
from pileus_volume.core import exports
from pileus_volume.core.job_data import ApplyExportsData, as_json
from pileus_volume.core.states import check_not_migrating, not_migrating
from pileus_volume.core.visibility import sees_all_projects
from pileus_volume.db.models import Attachment, Job, Volume
from pileus_volume.errors import AttachmentNotFound, InvalidVolume, UsedByServer

STATUS_BY_ATTACHMENT = (
    ("attached", "in-use"),
    ("attaching", "attaching"),
    ("reserved", "reserved"),
    ("detaching", "detaching"),
)
"""A volume's status follows from the first of these that one of its attachments has; without any it is available."""
FREE_TO_CHANGE = ("available", "reserved", "attaching", "in-use", "detaching", "maintenance", "error")
"""Statuses that attachments change; in the others something else happens to the volume and goes on."""


class _AttachColumns(TypedDict):
    attach_status: str
    updated_at: datetime


def find(session: Session, attachment_id: str, caller: Caller) -> Attachment:
    """The attachment if the caller may see it. Raises AttachmentNotFound."""
    stmt = select(Attachment).where(Attachment.id == attachment_id)
    if not sees_all_projects(caller):
        stmt = stmt.where(Attachment.project_id == caller.project_id)
    found = session.scalar(stmt)
    if found is None:
        raise AttachmentNotFound(attachment=attachment_id)
    return found


def create(session: Session, volume: Volume, instance_id: str | None, mode: str | None) -> Attachment:
    """Reserve the volume for a server. Only a multiattach volume may be reserved for several servers."""
    _check_reservable(volume, instance_id)
    attachment = Attachment(
        id=new_id(),
        volume_id=volume.id,
        project_id=volume.project_id,
        instance_id=instance_id,
        attach_mode=choose_mode(volume, mode),
    )
    change_volume(session, volume, status="reserved")
    session.add(attachment)
    session.flush()
    return attachment


def choose_mode(volume: Volume, asked: str | None) -> str:
    """ro or rw. Raises InvalidVolume if rw is asked of a read-only volume."""
    if asked == "rw" and volume.readonly:
        raise InvalidVolume(why=f"Volume {volume.id} is read-only and can't be attached as rw.")
    return asked or ("ro" if volume.readonly else "rw")


def _check_reservable(volume: Volume, instance_id: str | None) -> None:
    check_not_migrating(volume)
    if volume.status == "available":
        return
    in_use = volume.status in ("in-use", "reserved", "attaching")
    if in_use and volume.multiattach:
        return
    only_its_own = volume.attachments and all(found.instance_id == instance_id for found in volume.attachments)
    if not in_use or instance_id is None or not only_its_own:
        raise InvalidVolume(why=f"Volume {volume.id} status must be available, but current status is: {volume.status}.")


def change_volume(session: Session, volume: Volume, **columns: str) -> None:
    """Change the volume's row only if its status is still the one that was checked. Raises InvalidVolume."""
    changed = session.execute(
        update(Volume)
        .where(Volume.id == volume.id, Volume.status == volume.status, not_migrating())
        .values(updated_at=now(), **columns)
        .execution_options(synchronize_session=False)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise InvalidVolume(why=f"Volume {volume.id} changed its status meanwhile; it was {volume.status}.")


def complete(session: Session, volume: Volume, attachment: Attachment) -> None:
    """Record that the server has the volume. A server on no host (a shelved one) has it without a connection."""
    if attachment.attach_status not in ("reserved", "attaching", "attached"):
        raise InvalidVolume(why=f"Attachment {attachment.id} can't be completed: it is {attachment.attach_status}.")
    attachment.attach_status, attachment.attached_at = "attached", attachment.attached_at or now()
    session.flush()
    update_volume_status(session, volume)


def check_deletable(attachment: Attachment, caller: Caller, attached: bool) -> None:
    """Raise UsedByServer if a server has the volume by this attachment and no service asks.

    A volume is taken from its server through compute only; else the server would go on writing to it after another one
    has got it (OSSA-2023-003). `attached`: what compute says.
    """
    if attached and needs_compute(attachment, caller):
        raise UsedByServer(instance=attachment.instance_id)


def needs_compute(attachment: Attachment, caller: Caller) -> bool:
    """Whether only compute can say if the caller may delete the attachment."""
    return not caller.is_service and attachment.instance_id is not None


def delete(session: Session, volume: Volume, attachment: Attachment, caller: Caller | None = None) -> Job | None:
    """Delete the attachment; the job, if any, ends its export."""
    host = attachment.export_host
    session.delete(attachment)
    session.flush()
    update_volume_status(session, volume, without=attachment.id)
    return apply_exports(session, host, attachment, caller) if host else None


def end_export(attachment: Attachment) -> None:
    """Forget that the attachment is exported, and to whom."""
    attachment.export_host = attachment.export_name = attachment.export_client = attachment.export_port = None


def apply_exports(session: Session, host: str, attachment: Attachment, caller: Caller | None) -> Job:
    """The job that has the storage host serve its exports, after the attachment changed them."""
    exports.raise_generation(session, host)
    data = as_json(ApplyExportsData(host, attachment.id))
    return enqueue(session, Job, flow="exports.apply", subject=f"serve-{new_id()}", caller=caller, data=data)


def update_volume_status(session: Session, volume: Volume, without: str = "") -> None:
    """Derive the volume's status from its attachments but `without`.

    Something else that happens to the volume goes on: it returns to the derived status when that is over.
    """
    held = set(
        session.scalars(
            select(Attachment.attach_status)
            .where(Attachment.volume_id == volume.id, Attachment.id != without)
            .limit(1000)
        )
    )
    status = next((status for attached, status in STATUS_BY_ATTACHMENT if attached in held), "available")
    attach_status = next((found for found in ("attached", "attaching") if found in held), "detached")
    columns: _AttachColumns = {"attach_status": attach_status, "updated_at": now()}
    session.execute(
        update(Volume)
        .where(Volume.id == volume.id, Volume.status.in_(FREE_TO_CHANGE))
        .values(status=status, **columns)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Volume)
        .where(Volume.id == volume.id, Volume.status.not_in(FREE_TO_CHANGE))
        .values(previous_status=status, **columns)
        .execution_options(synchronize_session=False)
    )
    session.expire(volume)
