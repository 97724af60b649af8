"""What all resources have in common: how they are found, and their standard attributes."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.base import ExecutableOption

from pileus_kit.db import now
from pileus_kit.errors import NotFound
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import StandardAttributes

Row = TypeVar("Row", bound=StandardAttributes)


def find(
    session: Session,
    model: type[Row],
    resource_id: str,
    visible: ColumnElement[bool],
    missing: Callable[[], NotFound],
    options: tuple[ExecutableOption, ...] = (),
) -> Row:
    """Return the row, or raise `missing()` if it doesn't exist or isn't `visible`."""
    row = session.scalars(select(model).where(model.id == resource_id, visible).options(*options)).one_or_none()
    if row is None:
        raise missing()
    return row


def own_rows(model: type[StandardAttributes], viewer: Viewer) -> ColumnElement[bool]:
    """The condition of resources that are never shared: the viewer's project owns them."""
    return true() if viewer.sees_everything else model.project_id == viewer.project_id


def columns_of(model: type[StandardAttributes]) -> dict[str, InstrumentedAttribute[object]]:
    """The columns of the standard attributes, by which all resources can be filtered and sorted."""
    return {
        "id": model.id,
        "description": model.description,
        "project_id": model.project_id,
        "tenant_id": model.project_id,
        "revision_number": model.revision_number,
        "created_at": model.created_at,
        "updated_at": model.updated_at,
    }


def bump_revision(row: StandardAttributes) -> None:
    """Count a change of the row. A row that was never flushed has no number yet."""
    row.revision_number = (row.revision_number or 1) + 1
    row.updated_at = now()


def apply_attributes(row: StandardAttributes, requested: Mapping[str, object], names: Sequence[str]) -> None:
    """Set those of the attributes `names` that an update request has; the row's columns have the same names."""
    for name in names:
        if name in requested:
            setattr(row, name, requested[name])
