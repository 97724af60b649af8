"""Rows of the ports of servers, from which lists, metadata and guests are made."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from pileus_compute.core.server_jobs import part_subject
from pileus_compute.db.models import Job, Server, ServerPort
from pileus_compute.errors import PortNotAttached
from pileus_kit.flow import enqueue, live

REFRESH_FLOW = "server.refresh_addresses"


@dataclass(frozen=True)
class PortRecord:
    """What we keep of a port."""

    id: str
    network_id: str
    network_name: str
    mac: str
    mtu: int
    fixed_ips: list[dict[str, str]]
    """`{"ip_address", "subnet_id"}`"""
    floating_ips: dict[str, str]
    """Fixed address -> floating address."""
    delete_on_termination: bool
    """We made the port, so we delete it with its server."""
    tag: str | None = None


@dataclass(frozen=True)
class CurrentPort:
    """A port's addresses as the network service says them now."""

    mac: str
    fixed_ips: list[dict[str, str]]
    floating_ips: dict[str, str]


@dataclass(frozen=True)
class CurrentPorts:
    """A server's ports, by id, and the names of their security groups, as the network service says them now."""

    ports: Mapping[str, CurrentPort] = field(default_factory=dict)
    security_groups: frozenset[str] = frozenset()


def record_first(session: Session, server_id: str, ports: Iterable[PortRecord]) -> None:
    """Record the ports of a server that has none yet, in their order."""
    _record(session, server_id, ports, start=0)


def record_another(session: Session, server_id: str, port: PortRecord) -> None:
    """Record one more port of a server, behind those that it has."""
    last = session.scalar(select(func.max(ServerPort.position)).where(ServerPort.server_id == server_id))
    _record(session, server_id, [port], start=0 if last is None else last + 1)


def _record(session: Session, server_id: str, ports: Iterable[PortRecord], start: int) -> None:
    session.add_all(
        ServerPort(
            **asdict(port),
            server_id=server_id,
            position=start + i,
            addresses=_searchable(port.fixed_ips, port.floating_ips),
        )
        for i, port in enumerate(ports)
    )


def forget(session: Session, port_id: str) -> None:
    """Forget a port; nothing happens if it isn't known."""
    session.execute(delete(ServerPort).where(ServerPort.id == port_id))


def forget_all(session: Session, server_id: str) -> None:
    """Forget all ports of the server."""
    """Forget all ports of a server."""
    session.execute(delete(ServerPort).where(ServerPort.server_id == server_id))


def list_ports(session: Session, server_id: str) -> list[ServerPort]:
    """Return the server's ports in their order."""
    query = select(ServerPort).where(ServerPort.server_id == server_id).order_by(ServerPort.position)
    return list(session.scalars(query))


def find(session: Session, server_id: str, port_id: str) -> ServerPort:
    """Return a port of the server. Raises PortNotAttached."""
    port = session.get(ServerPort, port_id)
    if port is None or port.server_id != server_id:
        raise PortNotAttached(port=port_id, server=server_id)
    return port


def port_ids(session: Session, server_id: str) -> set[str]:
    """Return the ids of the server's ports."""
    return set(session.scalars(select(ServerPort.id).where(ServerPort.server_id == server_id)))


def servers_by_port(session: Session, ids: Collection[str]) -> dict[str, str]:
    """Return the server of each of these ports that a server has, by port id."""
    rows = session.execute(select(ServerPort.id, ServerPort.server_id).where(ServerPort.id.in_(ids)))
    return {row.id: row.server_id for row in rows}


def users_ports(session: Session, server_id: str) -> set[str]:
    """The ids of the server's ports that its user had made: they aren't deleted with the server."""
    query = select(ServerPort.id).where(ServerPort.server_id == server_id, ServerPort.delete_on_termination.is_(False))
    return set(session.scalars(query))


def update(session: Session, server_id: str, current: CurrentPorts) -> bool:
    """Bring the rows up to date. True if there are ports without a row: a running flow will record them."""
    rows = session.scalars(select(ServerPort).where(ServerPort.server_id == server_id)).all()
    for row in rows:
        port = current.ports.get(row.id)
        if port is None:
            continue
        row.fixed_ips, row.mac, row.floating_ips = port.fixed_ips, port.mac or row.mac, port.floating_ips
        row.addresses = _searchable(port.fixed_ips, port.floating_ips)
    known = {row.id for row in rows}
    server = session.get(Server, server_id)
    if server and known == set(current.ports):
        kept = [name for name in server.security_groups if name in current.security_groups]
        server.security_groups = kept + sorted(current.security_groups - set(kept))
    return not set(current.ports) <= known


def refresh_later(session: Session, server_id: str) -> str | None:
    """Enqueue a job that reads the server's ports again, because a flow is about to record more of them. Returns its
    id; None if there is such a job already."""
    subject = part_subject(server_id, "addresses")
    if live(session, Job, subject):
        return None
    return enqueue(session, Job, flow=REFRESH_FLOW, subject=subject).id


def _searchable(fixed_ips: Collection[Mapping[str, str]], floating_ips: Mapping[str, str]) -> str:
    return " ".join([a["ip_address"] for a in fixed_ips] + list(floating_ips.values()))
