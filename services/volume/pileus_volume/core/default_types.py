"""Default types: which volume type a project gets when a request names none."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_volume.core import types
from pileus_volume.db.models import DefaultType
from pileus_volume.errors import DefaultTypeNotFound


def list_defaults(session: Session) -> list[DefaultType]:
    """The projects that have a default of their own, by their ids."""
    return list(session.scalars(select(DefaultType).order_by(DefaultType.project_id).limit(1000)))


def find(session: Session, project_id: str) -> DefaultType:
    """The project's default type. Raises DefaultTypeNotFound."""
    found = session.get(DefaultType, project_id)
    if found is None:
        raise DefaultTypeNotFound(project=project_id)
    return found


def update(session: Session, caller: Caller, project_id: str, name: str) -> DefaultType:
    """Set the project's default to the type with that id or name."""
    volume_type = types.choose(session, caller, name)
    return session.merge(DefaultType(project_id=project_id, type_id=volume_type.id))


def delete(session: Session, project_id: str) -> None:
    """Let the project have the cloud's default; no error if it has already."""
    found = session.get(DefaultType, project_id)
    if found is not None:
        session.delete(found)
