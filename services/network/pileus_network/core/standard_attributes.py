"""What all nouns have in common: being found within a caller's reach, and counting their revisions."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption

from pileus_kit.db import now
from pileus_kit.errors import NotFound
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import StandardAttributes

N = TypeVar("N", bound=StandardAttributes)


def find(
    session: Session,
    model: type[N],
    noun_id: str,
    seen: ColumnElement[bool],
    missing: Callable[[], NotFound],
    options: tuple[ExecutableOption, ...] = (),
) -> N:
    """The row, or `missing()` when it doesn't exist or is beyond what `seen` lets through."""
    row = session.scalars(select(model).where(model.id == noun_id, seen).options(*options)).one_or_none()
    if row is None:
        raise missing()
    return row


def own_rows(model: type[StandardAttributes], viewer: Viewer) -> ColumnElement[bool]:
    """For nouns that are never shared."""
    return true() if viewer.sees_everything else model.project_id == viewer.project_id


def bump_revision(row: StandardAttributes) -> None:
    """Note that a row changed; one that isn't written yet has no number."""
    row.revision_number = (row.revision_number or 1) + 1
    row.updated_at = now()
