"""The older way of attaching, by actions of the volume: os-reserve, os-initialize_connection, os-attach, os-detach,
os-terminate_connection. They work on the same attachments."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import new_id, now
from pileus_volume.core import attachments
from pileus_volume.core.attachments import apply_exports, change_volume, choose_mode, update_volume_status
from pileus_volume.core.connections import Connector, connect
from pileus_volume.core.states import check_not_migrating
from pileus_volume.db.models import Attachment, Job, StoredConnection, Volume
from pileus_volume.errors import Invalid, InvalidVolume


@dataclass(frozen=True)
class AttachRequest:
    """What os-attach says: the server or the host that has the volume, where, and whether it may write."""

    instance_id: str | None = None
    host: str | None = None
    mountpoint: str | None = None
    mode: str | None = None


def reserve(session: Session, volume: Volume) -> None:
    """Reserve the volume for a server that isn't named; Cinder sets it to attaching."""
    check_not_migrating(volume)
    if volume.status != "available" and not (volume.multiattach and volume.status in ("in-use", "attaching")):
        raise InvalidVolume(why=f"Volume {volume.id} status must be available, but current status is: {volume.status}.")
    change_volume(session, volume, status="attaching", attach_status="attaching")


def unreserve(session: Session, volume: Volume) -> None:
    """Undo `reserve`."""
    if volume.status not in ("reserved", "attaching"):
        raise InvalidVolume(why=f"Volume {volume.id} status must be attaching, but current status is: {volume.status}.")
    update_volume_status(session, volume)


def attach(session: Session, volume: Volume, request: AttachRequest) -> Attachment:
    """Record that a server or a host has the volume, in the attachment that `initialize_connection` began if any."""
    check_not_migrating(volume)
    usable = ("available", "reserved", "attaching") + (("in-use",) if volume.multiattach else ())
    if volume.status not in usable:
        raise InvalidVolume(
            why=f"Volume {volume.id} status must be {' or '.join(usable)}, but current status is: {volume.status}."
        )
    mode = choose_mode(volume, request.mode)
    attachment = next((found for found in volume.attachments if found.attach_status == "attaching"), None)
    if attachment is None:
        attachment = Attachment(id=new_id(), volume_id=volume.id, project_id=volume.project_id)
        session.add(attachment)
    attachment.instance_id, attachment.mountpoint = request.instance_id, request.mountpoint
    attachment.attached_host = request.host or attachment.attached_host
    attachment.attach_mode = mode
    attachment.attach_status, attachment.attached_at = "attached", now()
    session.flush()
    update_volume_status(session, volume)
    return attachment


def detach(session: Session, volume: Volume, attachment_id: str | None, caller: Caller) -> Job | None:
    """Delete the attachment; without an id the volume may have one only. The job, if any, ends its export."""
    if not volume.attachments and attachment_id is None:
        update_volume_status(session, volume)
        return None
    chosen = [found for found in volume.attachments if attachment_id in (None, found.id)]
    if not chosen:
        other = attachments.find(session, str(attachment_id), caller)
        raise Invalid(why=f"Attachment {other.id} is of volume {other.volume_id}, not of {volume.id}.")
    if len(chosen) > 1:
        raise InvalidVolume(why="Detach volume failed: More than one attachment, but no attachment_id provided.")
    return attachments.delete(session, volume, chosen[0], caller)


def initialize_connection(
    session: Session, volume: Volume, connector: Connector, caller: Caller
) -> tuple[StoredConnection | None, Job | None]:
    """The connection_info for this connector. The job, if any, creates the export."""
    check_not_migrating(volume)
    if volume.status not in ("available", "reserved", "attaching", "in-use"):
        raise InvalidVolume(why=f"Volume {volume.id} can't be connected while it is {volume.status}.")
    attachment = next((found for found in volume.attachments if found.attached_host in (None, connector.host)), None)
    if attachment is None:
        if volume.attachments and not volume.multiattach:
            raise InvalidVolume(why=f"Volume {volume.id} is connected to another host.")
        attachment = Attachment(
            id=new_id(), volume_id=volume.id, project_id=volume.project_id, attach_mode=choose_mode(volume, None)
        )
        session.add(attachment)
        session.flush()
    job = connect(session, volume, attachment, connector, caller)
    return attachment.connection, job


def terminate_connection(session: Session, volume: Volume, connector: Connector, caller: Caller) -> list[Job]:
    """End the host's connections; the jobs end their exports.

    The attachment of a server that has the volume stays until it is detached.
    """
    jobs = []
    for attachment in [found for found in volume.attachments if found.attached_host == connector.host]:
        host = attachment.export_host
        attachments.end_export(attachment)
        attachment.connection = None
        if attachment.attach_status == "attaching":
            session.delete(attachment)
        session.flush()
        if host:
            jobs.append(apply_exports(session, host, attachment, caller))
    return jobs
