"""Which users and groups hold rights beyond their domain: the domain's own managers may not take them over."""

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select
from sqlalchemy.orm import Session

from pileus_identity.core import rolegraph
from pileus_identity.core.standings import actors
from pileus_identity.db.models import Assignment

# They count everywhere, wherever they are held. In lower case: rules compare the names of roles without regard to it.
PRIVILEGED = ("admin", "service", "reselleradmin", "advsvc")


def of_user(session: Session, user_id: str, domain_id: str) -> bool:
    """Whether the user, directly or through a group, holds a role on the system or one that counts everywhere."""
    return _beyond(session, actors(user_id), domain_id)


def of_group(session: Session, group_id: str, domain_id: str) -> bool:
    return _beyond(session, and_(Assignment.actor == "group", Assignment.actor_id == group_id), domain_id)


def privileged_roles(session: Session) -> set[str]:
    """The ids of these roles, and of those that bring one along."""
    graph = rolegraph.load(session)
    return {id for id in graph.names if any(graph.names[one].lower() in PRIVILEGED for one in graph.closure([id]))}


def _beyond(session: Session, held_by: ColumnElement[bool], domain_id: str) -> bool:
    """A role on the domain itself, whatever it is, reaches no further."""
    privileged = privileged_roles(session)
    inside = and_(Assignment.target == "domain", Assignment.target_id == domain_id, Assignment.inherited.is_(False))
    wide = or_(Assignment.target == "system", and_(Assignment.role_id.in_(privileged), not_(inside)))
    return bool(session.scalar(select(exists().where(held_by, wide))))
