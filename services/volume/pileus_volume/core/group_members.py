"""Waiting for the members of a group: its volumes, or the snapshots of a group snapshot.

Each member has a job of its own, as it would have alone; the group's job waits for all of them. It waits as long as
they take, because each of them gives up some time.
"""

from math import inf

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from pileus_kit.flow import Again
from pileus_volume.db.models import Job
from pileus_volume.errors import GroupMemberFailed

PATIENCE_S = inf
FAILED = ("error", "deleting", "error_deleting")

GroupColumn = InstrumentedAttribute[str | None]
"""The column by which a member names its group: Volume.group_id or Snapshot.group_snapshot_id."""


def check_all_created(session: Session, column: GroupColumn, group_id: str) -> None:
    """Raise Again while a member is being created; GroupMemberFailed, with the reason of its job, when one failed."""
    found = _statuses(session, column, group_id)
    for member_id, status in found.items():
        if status in FAILED:
            raise _failure(session, column, member_id, status)
    if creating := [member_id for member_id, status in found.items() if status == "creating"]:
        raise Again(why=f"{len(creating)} of {len(found)} are being made")


def wait_for_deletions(session: Session, column: GroupColumn, group_id: str) -> dict[str, str]:
    """Raise Again while a member is being deleted; then the statuses of those that stay, by id."""
    found = _statuses(session, column, group_id)
    if deleting := [member_id for member_id, status in found.items() if status == "deleting"]:
        raise Again(why=f"{len(deleting)} are being deleted")
    return found


def check_all_deleted(session: Session, column: GroupColumn, group_id: str) -> None:
    """Raise Again while a member is being deleted; GroupMemberFailed when one could not be deleted."""
    for member_id, status in wait_for_deletions(session, column, group_id).items():
        raise _failure(session, column, member_id, status)


def has_members(session: Session, column: GroupColumn, group_id: str) -> bool:
    """Whether the group has a member."""
    return session.scalar(select(column).where(column == group_id).limit(1)) is not None


def _statuses(session: Session, column: GroupColumn, group_id: str) -> dict[str, str]:
    model = column.class_
    stmt = select(model.id, model.status).where(column == group_id).order_by(model.id).limit(10_000)
    found: dict[str, str] = dict(session.execute(stmt).all())
    return found


def _failure(session: Session, column: GroupColumn, member_id: str, status: str) -> GroupMemberFailed:
    why = session.scalar(select(Job.error).where(Job.subject == member_id).order_by(Job.created_at.desc()).limit(1))
    return GroupMemberFailed(
        what=column.class_.__name__, id=member_id, status=status, why=why or "its status was changed"
    )
