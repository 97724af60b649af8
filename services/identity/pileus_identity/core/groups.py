"""Groups, and who is in them."""

from collections.abc import Mapping

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from pileus_identity.core import ledger, lists, projects
from pileus_identity.core.bodies import Body, apply, flush, store, unchanged
from pileus_identity.db.models import Assignment, Group, Membership
from pileus_identity.errors import Missing

KNOWN = ("name", "description")


def get(session: Session, group_id: str) -> Group:
    group = session.get(Group, group_id)
    if group is None:
        raise Missing(kind="group", id=group_id)
    return group


def create(session: Session, body: Body, default_domain: str) -> Group:
    domain_id = body.get("domain_id") or default_domain
    projects.get(session, domain_id, domain=True)
    group = Group(domain_id=domain_id, extra={})
    apply(group, {"description": "", **{k: v for k, v in body.items() if v is not None}}, KNOWN)
    store(session, group, "group")
    return group


def change(session: Session, group: Group, body: Body) -> None:
    unchanged(group, body, "domain_id", "id")
    apply(group, {k: v for k, v in body.items() if v is not None}, KNOWN)
    flush(session, "group", group.name)


def remove(session: Session, group: Group) -> None:
    """Its members lose the roles that it brought them."""
    session.execute(delete(Assignment).where(Assignment.actor == "group", Assignment.actor_id == group.id))
    session.delete(group)
    ledger.record(session)


def add(session: Session, group: Group, user_id: str) -> None:
    if session.get(Membership, (user_id, group.id)) is None:
        session.add(Membership(user_id=user_id, group_id=group.id))
        ledger.record(session, user_id=user_id)


def check(session: Session, group: Group, user_id: str) -> Membership:
    membership = session.get(Membership, (user_id, group.id))
    if membership is None:
        raise Missing(kind="user in group", id=user_id)
    return membership


def discard(session: Session, group: Group, user_id: str) -> None:
    session.delete(check(session, group, user_id))
    ledger.record(session, user_id=user_id)


def find(asked: Mapping[str, str]) -> Select[Group]:
    return lists.matching(select(Group), Group, asked, ("name", "domain_id"))
