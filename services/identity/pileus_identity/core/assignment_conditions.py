"""SQL conditions on role assignments: whose they are, and in which scope they count."""

from sqlalchemy import BindParameter, ColumnElement, and_, or_, select

from pileus_identity.db.models import Assignment, Membership, ProjectLineage

SYSTEM = "all"  # the target id of assignments on the system

Id = str | BindParameter[str]


def assigned_to_user(user_id: Id) -> ColumnElement[bool]:
    """Assignments that a user holds, directly or through groups."""
    groups = select(Membership.group_id).where(Membership.user_id == user_id)
    return or_(
        and_(Assignment.actor == "user", Assignment.actor_id == user_id),
        and_(Assignment.actor == "group", Assignment.actor_id.in_(groups)),
    )


def effective_in_scope(kind: str, scope_id: Id) -> ColumnElement[bool]:
    """Assignments that count in a scope: for a project these include those inherited from its ancestors."""
    own = and_(Assignment.target == kind, Assignment.target_id == scope_id, Assignment.inherited.is_(False))
    if kind != "project":
        return own
    ancestors = select(ProjectLineage.ancestor_id).where(
        ProjectLineage.project_id == scope_id, ProjectLineage.distance > 0
    )
    return or_(own, and_(Assignment.inherited, Assignment.target_id.in_(ancestors)))
