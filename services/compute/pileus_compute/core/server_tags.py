"""Tags of servers: labels that users filter lists by."""

from collections.abc import Iterable

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from pileus_compute.db.models import ServerTag
from pileus_compute.errors import TagNotFound
from pileus_kit.errors import BadRequest

MAX_TAGS = 50  # of one server


def list_tags(session: Session, server_id: str) -> list[str]:
    """Return the server's tags in alphabetical order."""
    return list(session.scalars(select(ServerTag.tag).where(ServerTag.server_id == server_id).order_by(ServerTag.tag)))


def require_tag(session: Session, server_id: str, tag: str) -> None:
    """Raise TagNotFound unless the server has the tag."""
    if session.get(ServerTag, (server_id, tag)) is None:
        raise TagNotFound(server=server_id, tag=tag)


def add_tag(session: Session, server_id: str, tag: str) -> bool:
    """Give the server a tag. Return whether it is new. Raises BadRequest if the server has as many as it may have."""
    if session.get(ServerTag, (server_id, tag)):
        return False
    count = session.scalar(select(func.count()).select_from(ServerTag).where(ServerTag.server_id == server_id)) or 0
    if count >= MAX_TAGS:
        raise BadRequest(why=f"The number of tags exceeded the per-server limit {MAX_TAGS}")
    session.add(ServerTag(server_id=server_id, tag=tag))
    return True


def replace_tags(session: Session, server_id: str, tags: Iterable[str]) -> list[str]:
    """Give the server exactly these tags. Return them without repetitions, in the given order."""
    wanted = list(dict.fromkeys(tags))
    delete_tags(session, server_id)
    session.add_all(ServerTag(server_id=server_id, tag=tag) for tag in wanted)
    return wanted


def delete_tag(session: Session, server_id: str, tag: str) -> None:
    """Take a tag from the server. Raises TagNotFound if the server hasn't got it."""
    gone = session.execute(delete(ServerTag).where(ServerTag.server_id == server_id, ServerTag.tag == tag))
    if not gone.rowcount:  # type: ignore[attr-defined]
        raise TagNotFound(server=server_id, tag=tag)


def delete_tags(session: Session, server_id: str) -> None:
    """Take all tags from the server."""
    session.execute(delete(ServerTag).where(ServerTag.server_id == server_id))
