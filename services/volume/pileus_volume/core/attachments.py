"""Who has a volume: one record for each, shared with compute. Nothing here waits for a storage host: what a client
needs to connect follows from the database, and a job makes the export exist meanwhile (clients of NBD try again)."""

import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import new_id, now
from pileus_kit.flow import enqueue
from pileus_volume.core import hosts
from pileus_volume.core.visibility import sees_all
from pileus_volume.db.models import Attachment, Job, StorageHost, Volume
from pileus_volume.errors import AttachmentNotFound, Invalid, InvalidVolume
from pileus_volume.rpc import file_name

FREE_AGAIN = (("attached", "in-use"), ("attaching", "attaching"), ("reserved", "reserved"), ("detaching", "detaching"))


def find(session: Session, attachment_id: str, caller: Caller) -> Attachment:
    stmt = select(Attachment).where(Attachment.id == attachment_id)
    if not sees_all(caller):
        stmt = stmt.where(Attachment.project_id == caller.project_id)
    found = session.scalar(stmt)
    if found is None:
        raise AttachmentNotFound(attachment=attachment_id)
    return found


def reserve(session: Session, volume: Volume, instance_id: str | None, mode: str | None) -> Attachment:
    """Note that an instance is going to have the volume. A volume is one instance's, unless it is multiattach."""
    _reservable(volume, instance_id)
    if mode == "rw" and volume.readonly:
        raise InvalidVolume(why=f"Volume {volume.id} is read-only and can't be attached as rw.")
    attachment = Attachment(
        id=new_id(),
        volume_id=volume.id,
        project_id=volume.project_id,
        instance_id=instance_id,
        attach_mode=mode or ("ro" if volume.readonly else "rw"),
    )
    _expect(session, volume, status="reserved")
    session.add(attachment)
    session.flush()
    return attachment


def _reservable(volume: Volume, instance_id: str | None) -> None:
    if volume.status == "available":
        return
    in_use = volume.status in ("in-use", "reserved", "attaching")
    if in_use and volume.multiattach:
        return
    mine = volume.attachments and all(a.instance_id == instance_id for a in volume.attachments)
    if not in_use or instance_id is None or not mine:
        raise InvalidVolume(why=f"Volume {volume.id} status must be available, but current status is: {volume.status}.")


def _expect(session: Session, volume: Volume, **values: Any) -> None:
    """Change the row only if its status is still the one that was judged."""
    hit = session.execute(
        update(Volume)
        .where(Volume.id == volume.id, Volume.status == volume.status)
        .values(updated_at=now(), **values)
        .execution_options(synchronize_session=False)
    )
    if not hit.rowcount:  # type: ignore[attr-defined]
        raise InvalidVolume(why=f"Volume {volume.id} changed its status meanwhile; it was {volume.status}.")


def connect(
    session: Session, volume: Volume, attachment: Attachment, connector: Mapping[str, Any], caller: Caller | None = None
) -> Job | None:
    """Say how the connector's host reaches the volume. The job, if any, makes the export exist."""
    if not connector.get("host"):
        raise Invalid(why="Connector doesn't have required information: host")
    if volume.host is None:
        raise InvalidVolume(why=f"Volume {volume.id} is nowhere.")
    host = session.get(StorageHost, hosts.name_of(volume.host))
    if host is None:
        raise InvalidVolume(why=f"The storage host of volume {volume.id} is unknown.")
    exported = attachment.sealed_export_name is not None
    local = connector["host"] == host.name and host.directory and not volume.multiattach
    if local:
        data: dict[str, Any] = {"path": f"{host.directory}/{file_name(volume.id)}", "format": host.disk_format}
        attachment.export_host = attachment.export_name = None
    else:
        attachment.export_host = host.name
        attachment.export_name = attachment.export_name or f"{attachment.id}-{secrets.token_urlsafe(24)}"
        data = {
            "host": host.nbd_host,
            "port": host.nbd_port,
            "export": attachment.export_name,
            "tls": host.nbd_tls,
            "format": "raw",
        }
    mode = attachment.attach_mode or "rw"
    attachment.connection = {
        "driver_volume_type": "file" if local else "nbd",
        "data": data
        | {
            "volume_id": volume.id,
            "access_mode": mode,
            "qos_specs": None,
            "encrypted": False,
            "discard": True,
            "cacheable": False,
        },
    }
    attachment.connector, attachment.attached_host = dict(connector), str(connector["host"])
    attachment.mountpoint = connector.get("mountpoint") or attachment.mountpoint
    if attachment.attach_status != "attached":
        attachment.attach_status = "attaching"
        _expect(session, volume, status="attaching", attach_status="attaching")
    session.flush()
    return None if local and not exported else _renew_exports(session, host.name, attachment, caller)


def _renew_exports(session: Session, host: str, attachment: Attachment, caller: Caller | None) -> Job:
    hosts.changed(session, host)
    return enqueue(
        session,
        Job,
        flow="exports.serve",
        subject=f"serve-{new_id()}",
        caller=caller,
        data={"host": host, "attachment_id": attachment.id},
    )


def complete(session: Session, volume: Volume, attachment: Attachment) -> None:
    """The instance has it; one that is on no host (a shelved server) without a connection."""
    if attachment.attach_status not in ("reserved", "attaching", "attached"):
        raise InvalidVolume(why=f"Attachment {attachment.id} can't be completed: it is {attachment.attach_status}.")
    attachment.attach_status, attachment.attached_at = "attached", attachment.attached_at or now()
    session.flush()
    settle(session, volume)


def remove(session: Session, volume: Volume, attachment: Attachment, caller: Caller | None = None) -> Job | None:
    """The instance doesn't have it any more; asked twice it is gone already."""
    host = attachment.export_host
    session.delete(attachment)
    session.flush()
    settle(session, volume, without=attachment.id)
    return _renew_exports(session, host, attachment, caller) if host else None


def settle(session: Session, volume: Volume, without: str = "") -> None:
    """The volume's status follows from its attachments; whatever else happens to it goes on."""
    held = set(
        session.scalars(
            select(Attachment.attach_status)
            .where(Attachment.volume_id == volume.id, Attachment.id != without)
            .limit(1000)
        )
    )
    status = next((status for attached, status in FREE_AGAIN if attached in held), "available")
    attach = next((a for a in ("attached", "attaching") if a in held), "detached")
    mutable = ("available", "reserved", "attaching", "in-use", "detaching", "maintenance", "error")
    values: dict[str, Any] = {"attach_status": attach, "updated_at": now()}
    session.execute(
        update(Volume)
        .where(Volume.id == volume.id, Volume.status.in_(mutable))
        .values(status=status, **values)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Volume)
        .where(Volume.id == volume.id, Volume.status.not_in(mutable))
        .values(previous_status=status, **values)
        .execution_options(synchronize_session=False)
    )
    session.expire(volume)


# -- the older way: actions of the volume, in which reserving, connecting and attaching are separate ---------------


def book(session: Session, volume: Volume) -> None:
    """Reserve without saying for whom: Cinder calls that attaching."""
    if volume.status != "available" and not (volume.multiattach and volume.status in ("in-use", "attaching")):
        raise InvalidVolume(why=f"Volume {volume.id} status must be available, but current status is: {volume.status}.")
    _expect(session, volume, status="attaching", attach_status="attaching")


def unbook(session: Session, volume: Volume) -> None:
    if volume.status not in ("reserved", "attaching"):
        raise InvalidVolume(why=f"Volume {volume.id} status must be attaching, but current status is: {volume.status}.")
    settle(session, volume)


def attach(
    session: Session,
    volume: Volume,
    instance_id: str | None,
    host: str | None,
    mountpoint: str | None,
    mode: str | None,
) -> Attachment:
    """Note that somebody has it. What `open_connection` began is taken up."""
    usable = ("available", "reserved", "attaching") + (("in-use",) if volume.multiattach else ())
    if volume.status not in usable:
        raise InvalidVolume(
            why=f"Volume {volume.id} status must be {' or '.join(usable)}, but current status is: {volume.status}."
        )
    if mode == "rw" and volume.readonly:
        raise InvalidVolume(why=f"Volume {volume.id} is read-only and can't be attached as rw.")
    attachment = next((a for a in volume.attachments if a.attach_status == "attaching"), None)
    if attachment is None:
        attachment = Attachment(id=new_id(), volume_id=volume.id, project_id=volume.project_id)
        session.add(attachment)
    attachment.instance_id, attachment.mountpoint = instance_id, mountpoint
    attachment.attached_host = host or attachment.attached_host
    attachment.attach_mode = mode or ("ro" if volume.readonly else "rw")
    attachment.attach_status, attachment.attached_at = "attached", now()
    session.flush()
    settle(session, volume)
    return attachment


def detach(session: Session, volume: Volume, attachment_id: str | None, caller: Caller) -> Job | None:
    """Note that it is free again. Without an id there may be one attachment only."""
    if not volume.attachments and attachment_id is None:
        settle(session, volume)
        return None
    chosen = [a for a in volume.attachments if attachment_id in (None, a.id)]
    if not chosen:
        other = find(session, str(attachment_id), caller)  # 404 if it is nobody's, or not for this caller
        raise Invalid(why=f"Attachment {other.id} is of volume {other.volume_id}, not of {volume.id}.")
    if len(chosen) > 1:
        raise InvalidVolume(why="Detach volume failed: More than one attachment, but no attachment_id provided.")
    return remove(session, volume, chosen[0], caller)


def open_connection(
    session: Session, volume: Volume, connector: Mapping[str, Any], caller: Caller
) -> tuple[dict[str, Any], Job | None]:
    """connection_info for this connector."""
    if volume.status not in ("available", "reserved", "attaching", "in-use"):
        raise InvalidVolume(why=f"Volume {volume.id} can't be connected while it is {volume.status}.")
    host = connector.get("host")
    attachment = next((a for a in volume.attachments if a.attached_host in (None, host)), None)
    if attachment is None:
        if volume.attachments and not volume.multiattach:
            raise InvalidVolume(why=f"Volume {volume.id} is connected to another host.")
        attachment = Attachment(
            id=new_id(),
            volume_id=volume.id,
            project_id=volume.project_id,
            attach_mode="ro" if volume.readonly else "rw",
        )
        session.add(attachment)
        session.flush()
    job = connect(session, volume, attachment, connector, caller)
    return dict(attachment.connection or {}), job


def close_connection(session: Session, volume: Volume, connector: Mapping[str, Any], caller: Caller) -> list[Job]:
    """This host has it no more; the record of an attached instance stays until it is detached."""
    jobs = []
    for attachment in [a for a in volume.attachments if a.attached_host == connector.get("host")]:
        host, attachment.export_host, attachment.export_name = attachment.export_host, None, None
        attachment.connection = None
        if attachment.attach_status == "attaching":
            session.delete(attachment)
        session.flush()
        if host:
            jobs.append(_renew_exports(session, host, attachment, caller))
    return jobs
