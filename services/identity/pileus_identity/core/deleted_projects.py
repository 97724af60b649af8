"""Projects that were deleted, for services that keep something of theirs: the object store asks for them.

Each has the serial of the revocation that was recorded in the same transaction. Serials have the order of commits, so
who reads what came after a serial misses none.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, insert, literal, select
from sqlalchemy.orm import Session

from pileus_identity.db.models import DeletedProject, Project, Revocation
from pileus_kit.db import now

KEPT_DAYS = 90  # a service that doesn't ask for so long must look for deleted projects by itself


def remember(session: Session, which: ColumnElement[bool]) -> None:
    """Remember projects that this transaction is about to delete; it must have recorded a revocation before."""
    session.flush()
    serial = select(func.max(Revocation.serial)).scalar_subquery()
    rows = select(Project.id, serial, literal(now())).where(which, Project.is_domain.is_(False))
    session.execute(insert(DeletedProject).from_select(["id", "serial", "deleted_at"], rows))


def list_page(session: Session, since: int, limit: int) -> list[DeletedProject]:
    """Up to `limit` projects that were deleted after a serial, oldest first.

    A page ends between two serials, so there are more if one transaction has deleted more.
    """
    rows = select(DeletedProject).order_by(DeletedProject.serial, DeletedProject.id)
    found = list(session.scalars(rows.where(DeletedProject.serial > since).limit(limit)))
    if len(found) == limit:
        last = found[-1].serial
        found = [row for row in found if row.serial < last]
        found += session.scalars(rows.where(DeletedProject.serial == last))
    return found


def prune(session: Session) -> None:
    """Forget projects that were deleted long ago."""
    session.execute(delete(DeletedProject).where(DeletedProject.deleted_at < now() - timedelta(days=KEPT_DAYS)))
