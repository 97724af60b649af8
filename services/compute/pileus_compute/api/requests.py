"""What most handlers need: paging parameters, links, times, and the server that a path names."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode

from flask import g, request
from sqlalchemy.orm import Session

from pileus_compute.core import servers
from pileus_compute.db.models import Server
from pileus_compute.errors import Locked
from pileus_kit.errors import BadRequest
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import allowed, caller, enforce, tools, version

MOST = 1000  # rows in one answer


def visible_project() -> str | None:
    """The project whose things the caller may name; None for an admin, who may name all."""
    return None if caller().is_admin else caller().project_id or ""


def server_target(server_id: str, **_: Any) -> Mapping[str, Any]:
    """Policy target: the server's project, from the database. Other projects' servers do not exist (404)."""
    with tools().sessions.read() as session:
        server = servers.find(session, server_id, visible_project())
        target: dict[str, Any] = target_of(server)
    g.server_target = target  # actions have a rule of their own to check against it
    return target


def target_of(server: Server) -> dict[str, Any]:
    return {"project_id": server.project_id, "user_id": server.user_id, "tenant_id": server.project_id}


def find_server(session: Session, server_id: str) -> Server:
    """The server that the path names, if it is the caller's (an admin's are all)."""
    return servers.find(session, server_id, visible_project())


def server_for(session: Session, server_id: str, rule: str) -> Server:
    """The server, if the caller may do what `rule` guards with it."""
    server = find_server(session, server_id)
    enforce(rule, target_of(server))
    return server


def require_unlocked(server: Server) -> Server:
    """Refuse to change a locked server, unless the caller may unlock anybody's."""
    if server.locked_by and not allowed("os_compute_api:os-lock-server:unlock:unlock_override", target_of(server)):
        raise Locked(server=server.id)
    return server


def limit_of() -> int:
    return min(_number("limit", MOST), MOST)


def offset_of() -> int:
    """How many rows to leave out."""
    return _number("offset", 0)


def _number(name: str, default: int) -> int:
    given = request.args.get(name, str(default))
    number = parse_whole_number(given)
    if number is None:
        raise BadRequest(why=f"Invalid input for query parameters {name}. Value: {given}. It is not a number.")
    return number


@lru_cache(maxsize=16)
def _root(url: str) -> str:
    return url.rstrip("/")


def base_url() -> str:
    """Where this API is, as the client sees it: `http://host:8774`."""
    return _root(request.host_url)


def links(kind: str, item_id: str) -> list[dict[str, str]]:
    base = base_url()
    return [
        {"rel": "self", "href": f"{base}/v2.1/{kind}/{item_id}"},
        {"rel": "bookmark", "href": f"{base}/{kind}/{item_id}"},
    ]


def bookmark(kind: str, item_id: str) -> list[dict[str, str]]:
    return [{"rel": "bookmark", "href": f"{base_url()}/{kind}/{item_id}"}]


def next_link(items: Sequence[Any], limit: int, marker: str | None) -> list[dict[str, str]]:
    """A link to the next page, if this one is full."""
    if limit == 0 or len(items) < limit or marker is None:
        return []
    args = [(k, v) for k in request.args for v in request.args.getlist(k) if k not in ("marker", "limit")]
    args += [("limit", str(limit)), ("marker", marker)]
    return [{"rel": "next", "href": f"{base_url()}{request.path}?{urlencode(args)}"}]


def iso(moment: datetime | None) -> str | None:
    """`2026-11-22T10:00:00Z`"""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def micros(moment: datetime | None) -> str | None:
    """`2026-11-22T10:00:00.000000`, as the extension attributes have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") if moment else None


def address(given: str | None) -> str | None:
    """An address in its shortest spelling; None for an empty one."""
    return str(ip_address(given)) if given else None


def changed_between() -> tuple[datetime | None, datetime | None]:
    """`changes-since`, and from 2.66 `changes-before`."""
    since, before = (
        parse_time(request.args[name], name) if name in request.args and version() >= least else None
        for name, least in (("changes-since", (2, 1)), ("changes-before", (2, 66)))
    )
    if since and before and since > before:
        raise BadRequest(why="The value of changes-since must be less than or equal to changes-before.")
    return since, before


def parse_time(text: str, what: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace(" ", "+"))
        # in UTC here, for at either end of the calendar an offset leads out of it
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadRequest(
            why=f"Invalid input for query parameters {what}. Value: {text}. It is not an ISO 8601 time."
        ) from None
