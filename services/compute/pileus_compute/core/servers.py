"""Servers: find, create, mark for deletion, forget. Long work is a job; see flows/."""

import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    String,
    bindparam,
    case,
    delete,
    exists,
    func,
    inspect,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session

from pileus_compute.core import device_names, hosts, quotas, states
from pileus_compute.db.models import (
    ConsoleToken,
    DeletedServer,
    Job,
    Server,
    ServerPort,
    ServerTag,
    ServerVolume,
)
from pileus_compute.errors import ServerNotFound
from pileus_kit.db import Json, new_id, now
from pileus_kit.flow import enqueue
from pileus_kit.flow.jobs import alive

DELETED = "DELETED"  # the status of a server that is gone
MAX_LABEL = 63  # characters of a hostname
MAINTENANCE_FLOWS = ("server.tidy", "server.addresses")  # jobs that nobody asked for


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
    networks: tuple[dict[str, Any], ...] = ()  # {"network_id", "network_name", "mtu", "port_id"?, "fixed_ip"?, "tag"?}
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
    data = {"networks": list(wish.networks), "security_groups": wish.security_group_ids}
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


@dataclass(frozen=True)
class Related:
    """What belongs to some servers, read with one statement a kind, keyed by server id."""

    ports: dict[str, list[ServerPort]] = field(default_factory=dict)
    volumes: dict[str, list[ServerVolume]] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    jobs: dict[str, tuple[str, str]] = field(default_factory=dict)  # -> flow, step

    def task_state(self, server: Server | DeletedServer) -> str | None:
        flow, step = self.jobs.get(server.id, (None, None))
        return states.task_state(server, flow, step)

    def status(self, server: Server | DeletedServer) -> str:
        return states.shown_status(server, self.jobs.get(server.id, (None, None))[0])


def load_related(session: Session, servers: Sequence[Server | DeletedServer], tags: bool = False) -> Related:
    ids = [s.id for s in servers]
    found = Related()
    for port in session.scalars(select(ServerPort).where(ServerPort.server_id.in_(ids)).order_by(ServerPort.position)):
        found.ports.setdefault(port.server_id, []).append(port)
    for volume in session.scalars(
        select(ServerVolume).where(ServerVolume.server_id.in_(ids)).order_by(ServerVolume.position)
    ):
        found.volumes.setdefault(volume.server_id, []).append(volume)
    if tags:
        for server_id, tag in session.execute(
            select(ServerTag.server_id, ServerTag.tag).where(ServerTag.server_id.in_(ids)).order_by(ServerTag.tag)
        ):
            found.tags.setdefault(server_id, []).append(tag)
    return replace(found, jobs=live_jobs(session, ids))


def get_detail(session: Session, server_id: str, project_id: str | None = None) -> tuple[Server, Related]:
    """One server (of the project, if one is given) and what it has around it, in one statement: the call that clients
    make most, while they wait. Raises ServerNotFound."""
    found = session.execute(
        _detail_query(session.get_bind().dialect.name == "sqlite"),
        {"server": server_id, "offload": offload_subject(server_id)},
    ).first()
    if found is None or (project_id is not None and found[0].project_id != project_id):
        raise ServerNotFound(server=server_id)
    server, port_rows, volume_rows, tag_rows, doing = found
    flow, _, step = (doing or "").partition(" ")
    return server, Related(
        ports={server.id: [ServerPort(**r) for r in sorted(port_rows or (), key=_position)]},
        volumes={server.id: [ServerVolume(**r) for r in sorted(volume_rows or (), key=_position)]},
        tags={server.id: sorted(r["tag"] for r in tag_rows or ())},
        jobs={server.id: (flow, step)} if flow else {},
    )


@lru_cache(maxsize=2)
def _detail_query(sqlite: bool) -> Select[Any]:
    ports = _rows(
        sqlite, ServerPort, ("id", "position", "network_id", "network_name", "mac", "fixed_ips", "floating_ips")
    )
    volumes = _rows(sqlite, ServerVolume, ("id", "position", "volume_id", "delete_on_termination"))
    tags = _rows(sqlite, ServerTag, ("tag",))
    job = (
        select(Job.flow + " " + Job.step)
        .where(or_(Job.subject == bindparam("server"), Job.subject == bindparam("offload")), alive(Job))
        .limit(1)
        .scalar_subquery()
    )
    return select(Server, ports, volumes, tags, job).where(Server.id == bindparam("server"))


def _position(row: dict[str, Any]) -> int:
    return int(row["position"])


def _rows(sqlite: bool, kind: Any, names: Sequence[str]) -> Any:
    """The rows of `kind` that belong to the server of the enclosing statement, as one JSON array."""
    pairs: list[Any] = []
    for name in names:
        column = getattr(kind, name)
        nested = sqlite and isinstance(column.type, Json)  # SQLite keeps JSON as text, and has no booleans
        yes_or_no = sqlite and isinstance(column.type, Boolean)
        pairs += [
            name,
            func.json(type_coerce(column, String))
            if nested
            else func.json(case((column, "true"), else_="false"))
            if yes_or_no
            else column,
        ]
    one = (func.json_object if sqlite else func.json_build_object)(*pairs)
    every = (func.json_group_array if sqlite else func.json_agg)(one, type_=Json())
    return select(every).where(kind.server_id == Server.id).correlate(Server).scalar_subquery()


def live_jobs(session: Session, server_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Server id -> flow and step of what is being done with it."""
    subjects = {s: s for s in server_ids} | {offload_subject(s): s for s in server_ids}
    return {
        subjects[subject]: (flow, step)
        for subject, flow, step in session.execute(
            select(Job.subject, Job.flow, Job.step).where(Job.subject.in_(list(subjects)), alive(Job))
        )
    }


def current_task_state(session: Session, server: Server) -> str | None:
    """The task_state of the server, for checks before an action."""
    flow, step = live_jobs(session, [server.id]).get(server.id, (None, None))
    return states.task_state(server, flow, step)


def start_job(
    session: Session, server: Server, action: str, flow: str, caller: Any, data: dict[str, Any] | None = None
) -> Job:
    """Start `flow` on the server if it may be done now, else BadState in OpenStack's words."""
    states.require(server, action, current_task_state(session, server))
    return enqueue(session, Job, flow=flow, subject=server.id, data=data, caller=caller)


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
    cancel_jobs(session, server.id, "The server is being deleted.")
    return enqueue(session, Job, flow="server.delete", subject=delete_subject(server.id), caller=caller)


def has_server() -> ColumnElement[bool]:
    """That a job's server exists: its actions are shown for as long as it does."""
    return exists().where(Server.id == func.substr(Job.subject, 1, 36))


def delete_subject(server_id: str) -> str:
    """A deletion is a subject of its own: it waits for the jobs of the server to come to rest."""
    return f"{server_id}/delete"


def part_subject(server_id: str, part_id: str) -> str:
    """Attachments of one server may be changed at the same time, so each is a subject of its own."""
    return f"{server_id}/{part_id[:27]}"


def offload_subject(server_id: str) -> str:
    """What shelving leaves to be done; the server is busy with it all the same."""
    return f"{server_id}/offload"


def cancel_jobs(session: Session, server_id: str, why: str) -> None:
    """Turn every running job of the server and its parts round."""
    session.execute(
        update(Job)
        .where(*_work_of(server_id), Job.state == "running")
        .values(state="undoing", cancelled=True, error=why, run_at=0.0, waiting_since=None, tries=0, updated_at=now())
        .execution_options(synchronize_session=False)
    )


def unfinished_jobs(session: Session, server_id: str) -> list[Job]:
    """Jobs of the server and its parts, but for its deletion, that are not at rest."""
    return list(session.scalars(select(Job).where(*_work_of(server_id), alive(Job))))


def _work_of(server_id: str) -> tuple[Any, ...]:
    """Subjects `ID` and `ID/part`; not `ID/delete`."""
    return _subjects(server_id), Job.subject != delete_subject(server_id)


def _subjects(server_id: str) -> ColumnElement[bool]:
    """The server and its parts, in a way that the index serves under every collation."""
    return or_(Job.subject == server_id, Job.subject.between(f"{server_id}/", f"{server_id}/zzzz"))


def list_jobs(session: Session, server_id: str, limit: int = 1000) -> list[Job]:
    """All that was ever done with the server, newest first."""
    return list(
        session.scalars(
            select(Job)
            .where(_subjects(server_id), Job.flow.not_in(MAINTENANCE_FLOWS))
            .order_by(Job.created_at.desc(), Job.id)
            .limit(limit)
        )
    )


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


def drop_console_tokens(session: Session, server_id: str) -> None:
    session.execute(delete(ConsoleToken).where(ConsoleToken.server_id == server_id))


def fault(code: int, message: str, details: str | None = None) -> dict[str, Any]:
    """What a server in ERROR shows. `details` is for those who may see them."""
    return {
        "code": code,
        "message": message[:255],
        "details": details or message,
        "created": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
