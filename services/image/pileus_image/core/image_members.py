"""The projects that a shared image is shared with."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_image.core.attributes import MAX_MEMBERS
from pileus_image.db.models import Image, Member
from pileus_image.errors import MemberExists, NoSuchResource, NotAllowed, OverQuota
from pileus_kit.auth import Caller
from pileus_kit.db import now

STATUSES = ("pending", "accepted", "rejected")


def create(session: Session, image: Image, member_id: str) -> Member:
    """Share the image with a project, which may accept it. Raises NotAllowed, MemberExists, OverQuota."""
    if image.visibility != "shared":
        raise NotAllowed(why="Only shared images have members.")
    if session.get(Member, (image.id, member_id)):
        raise MemberExists(member=member_id, image=image.id)
    attempted = session.scalar(select(func.count()).where(Member.image_id == image.id)) or 0
    if attempted >= MAX_MEMBERS:
        raise OverQuota(what="image members", attempted=attempted + 1, most=MAX_MEMBERS)
    member = Member(image_id=image.id, member_id=member_id)
    session.add(member)
    session.flush()
    return member


def find(session: Session, caller: Caller, image: Image, member_id: str) -> Member:
    """Return a member; a caller who is a member finds only their own project. Raises NoSuchResource."""
    sees_all = caller.is_admin or image.owner == caller.project_id
    member = session.get(Member, (image.id, member_id)) if sees_all or member_id == caller.project_id else None
    if member is None or image.visibility != "shared":
        raise NoSuchResource(what=f"{member_id} in the member list of image {image.id}")
    return member


def list_members(session: Session, caller: Caller, image: Image) -> Sequence[Member]:
    """Return all members to the owner, and to a member their own project. Raises NoSuchResource."""
    if image.visibility != "shared":
        raise NoSuchResource(what=f"Only shared images have members: the member list of image {image.id}")
    stmt = select(Member).where(Member.image_id == image.id).order_by(Member.created_at, Member.member_id)
    if not caller.is_admin and image.owner != caller.project_id:
        stmt = stmt.where(Member.member_id == caller.project_id)
    return session.scalars(stmt.limit(MAX_MEMBERS)).all()


def update(session: Session, caller: Caller, image: Image, member_id: str, status: str) -> Member:
    """Set what the member decided. Raises NotAllowed for anybody but the member and administrators."""
    if member_id != caller.project_id and not caller.is_admin:
        raise NotAllowed(why="Only the member project can accept or reject an image that is shared with it.")
    member = find(session, caller, image, member_id)
    member.status, member.updated_at = status, now()
    return member


def delete(session: Session, caller: Caller, image: Image, member_id: str) -> None:
    """Stop sharing the image with a project. Raises NoSuchResource."""
    session.delete(find(session, caller, image, member_id))
