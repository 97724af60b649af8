"""Tags of a server, from 2.26."""

from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from pileus_compute.api.requests import base_url, find_server, require_unlocked, server_target
from pileus_compute.api.schemas import TAG, TAGS, obj
from pileus_compute.db.models import ServerTag
from pileus_compute.errors import TagNotFound
from pileus_kit.errors import BadRequest
from pileus_kit.schema import Checked
from pileus_kit.web import Resource, tools, version

resource = Resource("server_tags", __name__, url_prefix="/v2.1/servers/<server_id>/tags")
RULE = "os_compute_api:os-server-tags:"
SINCE = (2, 26)
MOST = 50
REPLACE = {(2, 26): obj({"tags": TAGS}, ("tags",))}
ONE = Checked({(2, 26): TAG})


def _tags(session: Session, server_id: str) -> list[str]:
    return list(session.scalars(select(ServerTag.tag).where(ServerTag.server_id == server_id).order_by(ServerTag.tag)))


@resource.endpoint("GET", "", policy=RULE + "index", target=server_target, since=SINCE)
def index(server_id: str) -> Any:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        return {"tags": _tags(session, server_id)}


@resource.endpoint("GET", "/<tag>", policy=RULE + "show", target=server_target, since=SINCE)
def one(server_id: str, tag: str) -> Any:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        if session.get(ServerTag, (server_id, tag)) is None:
            raise TagNotFound(server=server_id, tag=tag)
    return "", 204


@resource.endpoint("PUT", "/<tag>", policy=RULE + "update", target=server_target, since=SINCE)
def add(server_id: str, tag: str) -> Any:
    ONE.check(tag, version(), "tag")
    with tools().sessions.begin() as session:
        require_unlocked(find_server(session, server_id))
        if session.get(ServerTag, (server_id, tag)):
            return "", 204
        count = session.scalar(select(func.count()).select_from(ServerTag).where(ServerTag.server_id == server_id)) or 0
        if count >= MOST:
            raise BadRequest(why=f"The number of tags exceeded the per-server limit {MOST}")
        session.add(ServerTag(server_id=server_id, tag=tag))
    return "", 201, {"Location": f"{base_url()}/v2.1/servers/{server_id}/tags/{tag}"}


@resource.endpoint("PUT", "", policy=RULE + "update_all", body=REPLACE, target=server_target, since=SINCE)
def replace(server_id: str, body: dict[str, Any]) -> Any:
    wanted = list(dict.fromkeys(body["tags"]))
    with tools().sessions.begin() as session:
        require_unlocked(find_server(session, server_id))
        session.execute(delete(ServerTag).where(ServerTag.server_id == server_id))
        session.add_all(ServerTag(server_id=server_id, tag=tag) for tag in wanted)
    return {"tags": wanted}


@resource.endpoint("DELETE", "/<tag>", policy=RULE + "delete", target=server_target, since=SINCE)
def remove(server_id: str, tag: str) -> Any:
    with tools().sessions.begin() as session:
        require_unlocked(find_server(session, server_id))
        gone = session.execute(delete(ServerTag).where(ServerTag.server_id == server_id, ServerTag.tag == tag))
        if not gone.rowcount:
            raise TagNotFound(server=server_id, tag=tag)
    return "", 204


@resource.endpoint("DELETE", "", policy=RULE + "delete_all", target=server_target, since=SINCE)
def clear(server_id: str) -> Any:
    with tools().sessions.begin() as session:
        require_unlocked(find_server(session, server_id))
        session.execute(delete(ServerTag).where(ServerTag.server_id == server_id))
    return "", 204
