"""What the flows of groups have in common. Each volume or snapshot of a group has a job of its own, as if it were
alone; the group's job waits for all of them. It waits as long as they take: each of them gives up some time."""

from math import inf

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from pileus_kit.flow import Again
from pileus_volume.db.models import Job
from pileus_volume.errors import MemberFailed

PATIENCE_S = inf
BROKEN = ("error", "deleting", "error_deleting")

Membership = InstrumentedAttribute[str | None]  # the column by which a member names its group


def all_made(session: Session, membership: Membership, group_id: str) -> None:
    """Raise Again while one is being made; MemberFailed, with its own job's reason, when one won't be."""
    found = _statuses(session, membership, group_id)
    for member_id, status in found.items():
        if status in BROKEN:
            raise _failed(session, membership, member_id, status)
    if making := [member_id for member_id, status in found.items() if status == "creating"]:
        raise Again(why=f"{len(making)} of {len(found)} are being made")


def none_goes(session: Session, membership: Membership, group_id: str) -> dict[str, str]:
    """Raise Again while one is being deleted; the statuses of those that stay."""
    found = _statuses(session, membership, group_id)
    if going := [member_id for member_id, status in found.items() if status == "deleting"]:
        raise Again(why=f"{len(going)} are being deleted")
    return found


def none_left(session: Session, membership: Membership, group_id: str) -> None:
    """The same, and MemberFailed when one can't be deleted."""
    for member_id, status in none_goes(session, membership, group_id).items():
        raise _failed(session, membership, member_id, status)


def any_left(session: Session, membership: Membership, group_id: str) -> bool:
    return session.scalar(select(membership).where(membership == group_id).limit(1)) is not None


def _statuses(session: Session, membership: Membership, group_id: str) -> dict[str, str]:
    kind = membership.class_
    stmt = select(kind.id, kind.status).where(membership == group_id).order_by(kind.id).limit(10_000)
    return dict(session.execute(stmt).tuples().all())


def _failed(session: Session, membership: Membership, member_id: str, status: str) -> MemberFailed:
    why = session.scalar(select(Job.error).where(Job.subject == member_id).order_by(Job.created_at.desc()).limit(1))
    return MemberFailed(
        what=membership.class_.__name__, id=member_id, status=status, why=why or "its status was changed"
    )
