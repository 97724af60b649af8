"""Projects that a shared image is shared with."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_image.core.attributes import MOST_MEMBERS
from pileus_image.db.models import Image, Member
from pileus_image.errors import MemberExists, NoSuch, NotAllowed, OverQuota
from pileus_kit.auth import Caller
from pileus_kit.db import now

STATUSES = ("pending", "accepted", "rejected")


def add(session: Session, image: Image, member_id: str) -> Member:
    if image.visibility != "shared":
        raise NotAllowed(why="Only shared images have members.")
    if session.get(Member, (image.id, member_id)):
        raise MemberExists(member=member_id, image=image.id)
    attempted = session.scalar(select(func.count()).where(Member.image_id == image.id)) or 0
    if attempted >= MOST_MEMBERS:
        raise OverQuota(what="image members", attempted=attempted + 1, most=MOST_MEMBERS)
    member = Member(image_id=image.id, member_id=member_id)
    session.add(member)
    session.flush()
    return member


def get(session: Session, caller: Caller, image: Image, member_id: str) -> Member:
    """A member; somebody who is one sees only themselves."""
    all_seen = caller.is_admin or image.owner == caller.project_id
    member = session.get(Member, (image.id, member_id)) if all_seen or member_id == caller.project_id else None
    if member is None or image.visibility != "shared":
        raise NoSuch(what=f"{member_id} in the member list of image {image.id}")
    return member


def listed(session: Session, caller: Caller, image: Image) -> Sequence[Member]:
    if image.visibility != "shared":
        raise NoSuch(what=f"Only shared images have members: the member list of image {image.id}")
    stmt = select(Member).where(Member.image_id == image.id).order_by(Member.created_at, Member.member_id)
    if not caller.is_admin and image.owner != caller.project_id:
        stmt = stmt.where(Member.member_id == caller.project_id)
    return session.scalars(stmt.limit(MOST_MEMBERS)).all()


def decide(member: Member, status: str) -> Member:
    member.status, member.updated_at = status, now()
    return member
