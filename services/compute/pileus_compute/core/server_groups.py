"""Server groups."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_compute.core import quotas
from pileus_compute.db.models import Server, ServerGroup
from pileus_compute.errors import GroupNotFound, QuotaExceeded


def find(session: Session, group_id: str, project_id: str | None = None) -> ServerGroup:
    group = session.get(ServerGroup, group_id)
    if group is None or (project_id is not None and group.project_id != project_id):
        raise GroupNotFound(group=group_id)
    return group


def create(
    session: Session, project_id: str, user_id: str, name: str, policy: str, rules: dict[str, int]
) -> ServerGroup:
    limit = quotas.limits(session, project_id, user_id)["server_groups"]
    if 0 <= limit <= quotas.usage(session, project_id)["server_groups"]:
        raise QuotaExceeded(why="Quota exceeded, too many server groups.")
    group = ServerGroup(project_id=project_id, user_id=user_id, name=name, policy=policy, rules=rules)
    session.add(group)
    session.flush()
    return group


def page(session: Session, project_id: str | None, offset: int, limit: int) -> list[ServerGroup]:
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


def members(session: Session, group_ids: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for group_id, server_id in session.execute(
        select(Server.group_id, Server.id).where(Server.group_id.in_(group_ids)).order_by(Server.created_at)
    ):
        found.setdefault(str(group_id), []).append(server_id)
    return found


def is_full(session: Session, group: ServerGroup) -> bool:
    limit = quotas.limits(session, group.project_id, group.user_id)["server_group_members"]
    count = session.scalar(select(func.count()).select_from(Server).where(Server.group_id == group.id)) or 0
    return 0 <= limit <= count
