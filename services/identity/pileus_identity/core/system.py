"""The system scope: the cloud as a whole."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from pileus_identity.core.assignment_conditions import assigned_to_user
from pileus_identity.db.models import Assignment


def has_role(session: Session, user_id: str) -> bool:
    """Whether a user has a role on the system."""
    return bool(session.scalar(select(exists().where(assigned_to_user(user_id), Assignment.target == "system"))))
