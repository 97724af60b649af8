"""Which roles, users and groups have rights beyond one domain.

The managers of a domain may not take over such users and groups, nor assign such roles.
"""

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select
from sqlalchemy.orm import Session

from pileus_identity.core.assignment_conditions import assigned_to_user
from pileus_identity.core.implied_roles import load_role_graph
from pileus_identity.db.models import Assignment

# They count everywhere, in whichever scope they are held. In lower case, because rules ignore the case of role names.
PRIVILEGED = ("admin", "service", "reselleradmin", "advsvc")


def is_user_privileged(session: Session, user_id: str, domain_id: str) -> bool:
    """Whether a user, directly or through a group, has rights beyond a domain."""
    return _reaches_beyond(session, assigned_to_user(user_id), domain_id)


def is_group_privileged(session: Session, group_id: str, domain_id: str) -> bool:
    """Whether a group has rights beyond a domain."""
    return _reaches_beyond(session, and_(Assignment.actor == "group", Assignment.actor_id == group_id), domain_id)


def list_privileged_roles(session: Session) -> set[str]:
    """The ids of the privileged roles, and of those that imply one."""
    graph = load_role_graph(session)
    return {id for id in graph.names if any(graph.names[role].lower() in PRIVILEGED for role in graph.expand([id]))}


def _reaches_beyond(session: Session, held: ColumnElement[bool], domain_id: str) -> bool:
    """A role on the system reaches beyond a domain, and so does a privileged one that isn't on the domain itself."""
    privileged = list_privileged_roles(session)
    on_domain = and_(Assignment.target == "domain", Assignment.target_id == domain_id, Assignment.inherited.is_(False))
    beyond = or_(Assignment.target == "system", and_(Assignment.role_id.in_(privileged), not_(on_domain)))
    return bool(session.scalar(select(exists().where(held, beyond))))
