"""Connections: how a host reaches a volume.

Nothing here waits for a storage host: the answer follows from the database, and a job creates the export meanwhile (NBD
clients retry).
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_volume.core.attachments import apply_exports, change_volume, end_export
from pileus_volume.core.exports import choose_port, hold_machine, raise_generation
from pileus_volume.core.pools import find_host, machine_of
from pileus_volume.db.models import Attachment, Job, StorageHost, StoredConnection, Volume
from pileus_volume.errors import Invalid, InvalidVolume
from pileus_volume.rpc import file_name

EXPORT_NAME_BYTES = 24


@dataclass(frozen=True)
class Connector:
    """The host that wants to connect, as compute describes it; `details` is all that it says."""

    host: str | None
    mountpoint: str | None
    details: Mapping[str, object]


@dataclass(frozen=True)
class FileConnection:
    """A file that a guest on the volume's own host opens."""

    path: str
    format: str


@dataclass(frozen=True)
class NbdConnection:
    """An export that a guest on another host opens over NBD; its name is a secret."""

    host: str
    port: int
    export: str
    tls: bool
    format: str = "raw"


@dataclass(frozen=True)
class ConnectionInfo:
    """What OpenStack calls connection_info: the way to the disk, and how it may be used."""

    way: FileConnection | NbdConnection
    volume_id: str
    access_mode: str

    def as_json(self) -> StoredConnection:
        """driver_volume_type and data, as attachments show them."""
        way: Mapping[str, object] = vars(self.way)
        return {
            "driver_volume_type": "file" if isinstance(self.way, FileConnection) else "nbd",
            "data": {
                **way,
                "volume_id": self.volume_id,
                "access_mode": self.access_mode,
                "qos_specs": None,
                "encrypted": False,
                "discard": True,
                "cacheable": False,
            },
        }


def connect(
    session: Session, volume: Volume, attachment: Attachment, connector: Connector, caller: Caller | None = None
) -> Job | None:
    """Store in the attachment how the connector's host reaches the volume. The job, if any, creates the export."""
    if not connector.host:
        raise Invalid(why="Connector doesn't have required information: host")
    if volume.host is None:
        raise InvalidVolume(why=f"Volume {volume.id} has no storage host.")
    host = find_host(session, volume.host)
    if host is None:
        raise InvalidVolume(why=f"The storage host of volume {volume.id} is unknown.")
    was_exported = attachment.sealed_export_name is not None
    way: FileConnection | NbdConnection
    if connector.host == machine_of(host.name) and host.directory and not volume.multiattach:
        way = FileConnection(f"{host.directory}/{file_name(volume.id)}", host.disk_format)
        end_export(attachment)
    else:
        way = _export(session, host, attachment, connector.host, caller)
    attachment.connection = ConnectionInfo(way, volume.id, attachment.attach_mode or "rw").as_json()
    attachment.connector, attachment.attached_host = dict(connector.details), connector.host
    attachment.mountpoint = connector.mountpoint or attachment.mountpoint
    if attachment.attach_status != "attached":
        attachment.attach_status = "attaching"
        change_volume(session, volume, status="attaching", attach_status="attaching")
    session.flush()
    if isinstance(way, FileConnection) and not was_exported:
        return None
    return apply_exports(session, host.name, attachment, caller)


def _export(
    session: Session, host: StorageHost, attachment: Attachment, client: str, caller: Caller | None
) -> NbdConnection:
    """Have the attachment exported: with TLS to that machine only, and never because a user names a machine."""
    port = host.nbd_port
    if host.nbd_tls:
        if caller and not (caller.is_service or caller.is_admin):
            raise Invalid(why=f"Only compute connects machines like {client} to volumes; attach it to a server.")
        hold_machine(session, host.name)
        raise_generation(session, host.name)
        port = choose_port(session, host, client)
        attachment.export_client, attachment.export_port = client, port
    name = attachment.export_name or f"{attachment.id}-{secrets.token_urlsafe(EXPORT_NAME_BYTES)}"
    attachment.export_host, attachment.export_name = host.name, name
    return NbdConnection(host.nbd_host, port, name, host.nbd_tls)
