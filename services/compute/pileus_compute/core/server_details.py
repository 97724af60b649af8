"""Servers with what is shown of them beside their own row: ports, volumes, tags and the live job."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, String, bindparam, case, func, or_, select, type_coerce
from sqlalchemy.orm import Session

from pileus_compute.core import server_jobs, states
from pileus_compute.db.models import DeletedServer, Job, Server, ServerPort, ServerTag, ServerVolume
from pileus_compute.errors import ServerNotFound
from pileus_kit.db import Json
from pileus_kit.flow.jobs import alive
from pileus_kit.json_types import JsonObject

PORT_COLUMNS = ("id", "position", "network_id", "network_name", "mac", "fixed_ips", "floating_ips")
VOLUME_COLUMNS = ("id", "position", "volume_id", "delete_on_termination")


@dataclass(frozen=True)
class Related:
    """What belongs to some servers, by server id."""

    ports: dict[str, list[ServerPort]] = field(default_factory=dict)
    volumes: dict[str, list[ServerVolume]] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    jobs: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Flow and step of the live job."""

    def task_state(self, server: Server | DeletedServer) -> str | None:
        """Return OpenStack's task_state of one of the servers."""
        flow, step = self.jobs.get(server.id, (None, None))
        return states.task_state(server, flow, step)

    def status(self, server: Server | DeletedServer) -> str:
        """Return the status that users see of one of the servers."""
        return states.shown_status(server, self.jobs.get(server.id, (None, None))[0])


def load_related(session: Session, servers: Sequence[Server | DeletedServer], tags: bool = False) -> Related:
    """Return what belongs to these servers, read with one statement for each kind of row."""
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
    return replace(found, jobs=server_jobs.live_jobs(session, ids))


def get_detail(session: Session, server_id: str, project_id: str | None = None) -> tuple[Server, Related]:
    """Return one server (of the project, if one is given) with what belongs to it. Raises ServerNotFound.

    It is read in one statement, because clients make this call most often, and wait for its answer.
    """
    found = session.execute(
        _detail_query(session.get_bind().dialect.name == "sqlite"),
        {"server": server_id, "offload": server_jobs.offload_subject(server_id)},
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
    job = (
        select(Job.flow + " " + Job.step)
        .where(or_(Job.subject == bindparam("server"), Job.subject == bindparam("offload")), alive(Job))
        .limit(1)
        .scalar_subquery()
    )
    return select(
        Server,
        _rows_as_json(sqlite, ServerPort, PORT_COLUMNS),
        _rows_as_json(sqlite, ServerVolume, VOLUME_COLUMNS),
        _rows_as_json(sqlite, ServerTag, ("tag",)),
        job,
    ).where(Server.id == bindparam("server"))


def _position(row: JsonObject) -> int:
    return int(row["position"])


def _rows_as_json(
    sqlite: bool, kind: type[ServerPort | ServerVolume | ServerTag], names: Sequence[str]
) -> ColumnElement[Any]:
    """Return the rows of `kind` that belong to the server of the enclosing statement, as one JSON array."""
    pairs: list[object] = []
    for name in names:
        pairs += [name, _value_as_json(sqlite, getattr(kind, name))]
    one = (func.json_object if sqlite else func.json_build_object)(*pairs)
    every = (func.json_group_array if sqlite else func.json_agg)(one, type_=Json())
    return select(every).where(kind.server_id == Server.id).correlate(Server).scalar_subquery()


def _value_as_json(sqlite: bool, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """SQLite keeps JSON as text and has no booleans, so both are turned into JSON values there."""
    if sqlite and isinstance(column.type, Json):
        return func.json(type_coerce(column, String))
    if sqlite and isinstance(column.type, Boolean):
        return func.json(case((column, "true"), else_="false"))
    return column
