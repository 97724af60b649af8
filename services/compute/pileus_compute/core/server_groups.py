"""Server groups, whose policy says whether their members share hosts."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_compute.core import quotas
from pileus_compute.db.models import Server, ServerGroup
from pileus_compute.errors import GroupNotFound, QuotaExceeded


def find(session: Session, group_id: str, project_id: str | None = None) -> ServerGroup:
    """Return the group (of the project, if one is given). Raises GroupNotFound."""
    group = session.get(ServerGroup, group_id)
    if group is None or (project_id is not None and group.project_id != project_id):
        raise GroupNotFound(group=group_id)
    return group


def list_groups(session: Session, project_id: str | None, offset: int, limit: int) -> list[ServerGroup]:
    """Return a page of the project's groups, or of all groups, oldest first."""
    where = [ServerGroup.project_id == project_id] if project_id is not None else []
    return list(
        session.scalars(
            select(ServerGroup)
            .where(*where)
            .order_by(ServerGroup.created_at, ServerGroup.id)
            .offset(offset)
            .limit(limit)
        )
    )


def members_by_group(session: Session, group_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the servers of each of these groups that has any, oldest first, by group id."""
    found: dict[str, list[str]] = {}
    for group_id, server_id in session.execute(
        select(Server.group_id, Server.id).where(Server.group_id.in_(group_ids)).order_by(Server.created_at)
    ):
        found.setdefault(str(group_id), []).append(server_id)
    return found


def create(session: Session, new: ServerGroup) -> ServerGroup:
    """Keep a new group. Raises QuotaExceeded."""
    limit = quotas.limits(session, new.project_id, new.user_id)["server_groups"]
    if 0 <= limit <= quotas.usage(session, new.project_id)["server_groups"]:
        raise QuotaExceeded(why="Quota exceeded, too many server groups.")
    session.add(new)
    session.flush()
    return new


def delete(session: Session, group: ServerGroup) -> None:
    """Delete a group. Its members stay where they are."""
    session.delete(group)


def is_full(session: Session, group: ServerGroup) -> bool:
    """Return whether the group has as many members as its owner's quota allows."""
    limit = quotas.limits(session, group.project_id, group.user_id)["server_group_members"]
    count = session.scalar(select(func.count()).select_from(Server).where(Server.group_id == group.id)) or 0
    return 0 <= limit <= count
