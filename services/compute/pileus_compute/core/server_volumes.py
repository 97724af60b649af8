"""Rows of the volumes of servers: which volumes a server has or will have, and how its host reaches them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_compute.core import device_names, server_jobs
from pileus_compute.db.models import Server, ServerVolume
from pileus_compute.errors import VolumeNotAttached
from pileus_kit.auth import Caller
from pileus_kit.errors import BadRequest, Conflict


@dataclass(frozen=True)
class ConnectedVolume:
    """A volume's attachment to a server. `connection_info` None: no host is connected to it yet."""

    attachment_id: str
    connection_info: dict[str, object] | None = None


@dataclass(frozen=True)
class NewAttachment:
    """A volume that a server shall get."""

    volume_id: str
    device: str | None = None
    """The name that the user asks for."""
    tag: str | None = None
    delete_on_termination: bool = False


def list_volumes(session: Session, server_id: str) -> list[ServerVolume]:
    """The server's volumes, in their order."""
    query = select(ServerVolume).where(ServerVolume.server_id == server_id).order_by(ServerVolume.position)
    return list(session.scalars(query))


def list_attached(session: Session, server_id: str, offset: int, limit: int) -> list[ServerVolume]:
    """Return a page of the server's volumes that exist, in their order."""
    return list(
        session.scalars(
            select(ServerVolume)
            .where(ServerVolume.server_id == server_id, ServerVolume.volume_id.is_not(None))
            .order_by(ServerVolume.position)
            .offset(offset)
            .limit(limit)
        )
    )


def find(session: Session, server_id: str, volume_id: str) -> ServerVolume:
    """Return the server's row of a volume. Raises VolumeNotAttached."""
    row = session.scalar(
        select(ServerVolume).where(ServerVolume.server_id == server_id, ServerVolume.volume_id == volume_id)
    )
    if row is None:
        raise VolumeNotAttached(volume=volume_id)
    return row


def find_running_server(session: Session, volume_id: str) -> tuple[str, str]:
    """Return the server that has the volume and is on a host, and that host. Raises VolumeNotAttached."""
    found = session.execute(
        select(Server.id, Server.host)
        .join(ServerVolume, ServerVolume.server_id == Server.id)
        .where(ServerVolume.volume_id == volume_id, Server.host.is_not(None))
    ).first()
    if found is None:
        raise VolumeNotAttached(volume=volume_id)
    return found.id, str(found.host)


def add(session: Session, server: Server, new: NewAttachment) -> ServerVolume:
    """Add a row for a volume that is about to be attached, behind the server's others.

    Raises BadRequest if the server has the volume already, and Conflict if it has the device name.
    """
    taken = list_volumes(session, server.id)
    if any(v.volume_id == new.volume_id for v in taken):
        raise BadRequest(why=f"Invalid volume: Volume {new.volume_id} is already attached to this server.")
    names = [v.device for v in taken]
    if new.device and device_names.with_folder(new.device) in names:
        raise Conflict(why=f"The supplied device path ({new.device}) is in use.")
    row = ServerVolume(
        server_id=server.id,
        volume_id=new.volume_id,
        device=device_names.choose(server.flavor, names, new.device),
        tag=new.tag,
        position=1 + max((v.position for v in taken), default=-1),
        delete_on_termination=new.delete_on_termination,
    )
    session.add(row)
    session.flush()
    return row


def extend(session: Session, server_id: str, volume_id: str | None, caller: Caller) -> str | None:
    """Enqueue the job that lets the guest see the new size of a volume. Return its id.

    Return None if the server hasn't got the volume, or a job works on its attachment.
    """
    row = session.scalar(
        select(ServerVolume).where(ServerVolume.server_id == server_id, ServerVolume.volume_id == volume_id)
    )
    if row is None or server_jobs.is_part_busy(session, server_id, row.id):
        return None
    data = {"volume_id": row.volume_id}
    return server_jobs.start_part_job(session, server_id, row.id, "server.extend_volume", caller, data).id


def set_volume_ids(session: Session, server_id: str, created: Mapping[str, str]) -> None:
    """Remember the volumes that were made: `created` maps rows to volumes."""
    for row in list_volumes(session, server_id):
        row.volume_id = created.get(row.id, row.volume_id)


def clear_volume_ids(session: Session, server_id: str) -> None:
    """Forget the volumes that were made for the server: they are gone."""
    for row in list_volumes(session, server_id):
        if row.source != "volume":
            row.volume_id = None


def set_connections(session: Session, server_id: str, connected: Mapping[str, ConnectedVolume]) -> None:
    """Remember attachments: `connected` maps rows to theirs."""
    for row in list_volumes(session, server_id):
        if row.id in connected:
            row.attachment_id = connected[row.id].attachment_id
            row.connection_info = connected[row.id].connection_info


def clear_connections(session: Session, server_id: str) -> None:
    """Forget the attachments of a server that was never built."""
    session.execute(
        update(ServerVolume).where(ServerVolume.server_id == server_id).values(attachment_id=None, connection_info=None)
    )


def disconnect_all(session: Session, server_id: str) -> None:
    """Forget how a host reaches the volumes: the server is on no host, and its attachments only reserve them."""
    for row in list_volumes(session, server_id):
        row.connection_info = None


def set_device_names(session: Session, server_id: str, devices: Mapping[str, str]) -> None:
    """Remember the guest's names of its volumes: `devices` maps volumes to names."""
    for row in list_volumes(session, server_id) if devices else ():
        row.device = devices.get(row.volume_id or "", row.device)


def set_device_addresses(session: Session, server_id: str, addresses: Mapping[str, str]) -> None:
    """Remember where the guest finds its devices: `addresses` maps volumes and ports to addresses."""
    if addresses:
        session.execute(update(Server).where(Server.id == server_id).values(device_addresses=dict(addresses)))


def add_device_address(session: Session, server_id: str, device_id: str, address: str) -> None:
    """Remember where a running guest finds a device that it was given; "" is unknown."""
    server = session.get_one(Server, server_id)
    if address:
        server.device_addresses = server.device_addresses | {device_id: address}


def forget(session: Session, row_id: str) -> None:
    """Forget a volume of a server; nothing happens if it isn't known."""
    row = session.get(ServerVolume, row_id)
    if row:
        session.delete(row)
