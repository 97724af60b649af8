"""Servers: find, create, request deletion, archive. What takes longer than a request is a job (see `flows`)."""

import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import inspect, update
from sqlalchemy.orm import Session

from pileus_compute.core import device_names, hosts, quotas, server_jobs, states
from pileus_compute.core.job_data import CreateServerData, RequestedNetwork, as_json
from pileus_compute.db.models import DeletedServer, Job, Server, ServerTag, ServerVolume
from pileus_compute.errors import ServerNotFound
from pileus_kit.db import new_id, now
from pileus_kit.flow import enqueue

DELETED = "DELETED"  # the status of a server that is gone
MAX_LABEL = 63  # characters of a hostname


@dataclass(frozen=True)
class BlockDevice:
    """A disk of a new server that is a volume: there already, or to be made from an image, a snapshot or nothing."""

    source: str
    source_id: str | None
    boot_index: int | None
    size_gib: int | None = None
    device: str | None = None
    volume_type: str | None = None
    delete_on_termination: bool = False
    tag: str | None = None


@dataclass(frozen=True)
class ServerRequest:
    """A checked request for servers: columns of each of them, and what they are attached to."""

    columns: dict[str, Any]
    count: int = 1
    least: int = 1
    networks: tuple[RequestedNetwork, ...] = ()
    security_group_ids: tuple[str, ...] | None = None  # None: the network service's default
    volumes: tuple[BlockDevice, ...] = ()
    tags: tuple[str, ...] = ()
    numbered: bool = field(default=False)  # several were asked for, so names get a number


def create(session: Session, wish: ServerRequest, caller: Any) -> list[tuple[Server, Job]]:
    """Record the servers and the jobs that will make them, in the caller's transaction. Raises QuotaExceeded."""
    columns = wish.columns
    count = quotas.take_servers(
        session,
        columns["project_id"],
        columns["user_id"],
        wish.count,
        columns["vcpus"],
        columns["memory_mib"],
        wish.least,
    )
    reservation = "r-" + secrets.token_hex(4)
    made = []
    for index in range(count):
        name = f"{columns['name']}-{index + 1}" if wish.numbered else columns["name"]
        server_id, number = new_id(), index + 1 if wish.numbered else None
        hostname = columns.get("hostname") or hostname_of(columns["name"], server_id, number)
        server = Server(
            **columns
            | {
                "id": server_id,
                "name": name,
                "launch_index": index,
                "reservation_id": reservation,
                "hostname": hostname,
            }
        )
        made.append(server)
    session.add_all(made)
    session.flush()
    session.add_all(ServerTag(server_id=s.id, tag=tag) for s in made for tag in wish.tags)
    names = device_names.assigned(columns["flavor"], [(v.device, v.boot_index == 0) for v in wish.volumes])
    session.add_all(
        _volume(s, position, v, name)
        for s in made
        for position, (v, name) in enumerate(zip(wish.volumes, names, strict=True))
    )
    flow = "server.create_with_volumes" if wish.volumes else "server.create"
    data = as_json(CreateServerData(wish.networks, wish.security_group_ids))
    return [(s, enqueue(session, Job, flow=flow, subject=s.id, data=data, caller=caller)) for s in made]


def _volume(server: Server, position: int, wish: BlockDevice, device: str) -> ServerVolume:
    return ServerVolume(
        server_id=server.id,
        position=position,
        source=wish.source,
        source_id=wish.source_id,
        volume_id=wish.source_id if wish.source == "volume" else None,
        boot_index=wish.boot_index,
        size_gib=wish.size_gib,
        device=device,
        volume_type=wish.volume_type,
        delete_on_termination=wish.delete_on_termination,
        tag=wish.tag,
    )


def hostname_of(name: str, server_id: str, number: int | None = None) -> str:
    """A hostname from a display name: one label of ASCII letters, digits and dashes, for whatever follows a dot is the
    domain to a guest. A name with nothing usable gives a hostname all the same; `number`: of several servers."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9-]+", "", re.sub(r"[ _.]", "-", plain).lower()).strip("-")
    if not plain:
        return f"Server-{server_id}"
    end = "" if number is None else f"-{number}"
    return plain[: MAX_LABEL - len(end)].rstrip("-") + end


def find(session: Session, server_id: str, project_id: str | None = None) -> Server:
    """The server; with a project, only if it is that project's. Raises ServerNotFound."""
    server = session.get(Server, server_id)
    if server is None or (project_id is not None and server.project_id != project_id):
        raise ServerNotFound(server=server_id)
    return server


def request_delete(session: Session, server: Server, caller: Any) -> Job | None:
    """DELETE: stop what is being done, and enqueue what takes the server apart. None if that is under way."""
    hit = session.execute(
        update(Server)
        .where(Server.id == server.id, Server.deleting.is_(False))
        .values(deleting=True)
        .execution_options(synchronize_session=False)
    )
    if not hit.rowcount:  # type: ignore[attr-defined]
        return None
    server_jobs.cancel_jobs(session, server.id, "The server is being deleted.")
    return enqueue(session, Job, flow="server.delete", subject=server_jobs.delete_subject(server.id), caller=caller)


def archive(session: Session, server: Server) -> None:
    """The server is gone: what it held is given back, and what is asked later is kept."""
    hosts.release(session, server.id)
    kept = {
        column.key: getattr(server, column.key)
        for column in inspect(DeletedServer).column_attrs
        if hasattr(server, column.key)
    }
    session.add(DeletedServer(**kept | {"status": DELETED, "power_state": states.NOSTATE, "updated_at": now()}))
    session.delete(server)
