"""The volumes of servers as rows of ours: which a server has or will have, and how its host reaches them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_compute.db.models import Server, ServerVolume


@dataclass(frozen=True)
class ConnectedVolume:
    """A volume's attachment to a server. `connection_info` None: no host is connected to it yet."""

    attachment_id: str
    connection_info: dict[str, object] | None = None


def list_volumes(session: Session, server_id: str) -> list[ServerVolume]:
    """The server's volumes, in their order."""
    query = select(ServerVolume).where(ServerVolume.server_id == server_id).order_by(ServerVolume.position)
    return list(session.scalars(query))


def set_volume_ids(session: Session, server_id: str, created: Mapping[str, str]) -> None:
    """`created`: row -> the volume that was made for it."""
    for row in list_volumes(session, server_id):
        row.volume_id = created.get(row.id, row.volume_id)


def clear_volume_ids(session: Session, server_id: str) -> None:
    """Forget the volumes that were made for the server: they are gone."""
    for row in list_volumes(session, server_id):
        if row.source != "volume":
            row.volume_id = None


def set_connections(session: Session, server_id: str, connected: Mapping[str, ConnectedVolume]) -> None:
    """`connected`: row -> its attachment."""
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
    """The server is on no host: its attachments only reserve its volumes."""
    for row in list_volumes(session, server_id):
        row.connection_info = None


def set_device_names(session: Session, server_id: str, devices: Mapping[str, str]) -> None:
    """`devices`: volume -> the name that the guest has for it."""
    for row in list_volumes(session, server_id) if devices else ():
        row.device = devices.get(row.volume_id or "", row.device)


def set_device_addresses(session: Session, server_id: str, addresses: Mapping[str, str]) -> None:
    """`addresses`: volume or port -> where the guest finds the device."""
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
