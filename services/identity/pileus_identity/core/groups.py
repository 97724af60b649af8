"""Groups and their members."""

from sqlalchemy import Select, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session

from pileus_identity.core import domains, revocations
from pileus_identity.core.attributes import apply_attributes, check_unchanged, flush, insert, without_nulls
from pileus_identity.core.listing import ListPage, ListQuery, apply_filters, fetch_page
from pileus_identity.db.models import Assignment, Group, Membership
from pileus_identity.errors import ResourceNotFound
from pileus_kit.json_types import JsonObject

KNOWN = ("name", "description")


def find(session: Session, group_id: str) -> Group:
    """A group by id. Raises ResourceNotFound."""
    group = session.get(Group, group_id)
    if group is None:
        raise ResourceNotFound(kind="group", id=group_id)
    return group


def find_domain_id(session: Session, group_id: str) -> str | None:
    """The domain of a group; None if there is no such group."""
    return session.scalar(select(Group.domain_id).where(Group.id == group_id))


def create(session: Session, body: JsonObject, default_domain_id: str) -> Group:
    """Create a group in the domain that the body names, or in the default one."""
    domain_id = body.get("domain_id") or default_domain_id
    domains.find(session, domain_id)
    group = Group(domain_id=domain_id, extra={})
    apply_attributes(group, {"description": "", **without_nulls(body)}, KNOWN)
    insert(session, group, "group", group.name)
    return group


def update(session: Session, group: Group, body: JsonObject) -> None:
    """Change a group's name, description or extra attributes."""
    check_unchanged(group, body, "domain_id", "id")
    apply_attributes(group, without_nulls(body), KNOWN)
    flush(session, "group", group.name)


def delete(session: Session, group: Group) -> None:
    """Delete a group with its role assignments; its members lose these roles at once."""
    session.execute(delete_rows(Assignment).where(Assignment.actor == "group", Assignment.actor_id == group.id))
    session.delete(group)
    revocations.invalidate_authorizations(session)


def list_page(session: Session, query: ListQuery, domain_id: str | None = None) -> ListPage[Group]:
    """The groups that match a query; only those of one domain if it is given."""
    stmt = apply_filters(select(Group), query.filters, (Group.name, Group.domain_id))
    return _fetch(session, stmt, query, domain_id)


def list_page_of_user(
    session: Session, user_id: str, query: ListQuery, domain_id: str | None = None
) -> ListPage[Group]:
    """The groups that a user is in; only those of one domain if it is given."""
    stmt = select(Group).join(Membership, Membership.group_id == Group.id).where(Membership.user_id == user_id)
    return _fetch(session, apply_filters(stmt, query.filters, (Group.name,)), query, domain_id)


def _fetch(session: Session, stmt: Select[Group], query: ListQuery, domain_id: str | None) -> ListPage[Group]:
    if domain_id is not None:
        stmt = stmt.where(Group.domain_id == domain_id)
    return fetch_page(session, stmt, Group.id, query.page)


def find_member(session: Session, group: Group, user_id: str) -> Membership:
    """A user's membership in a group. Raises ResourceNotFound."""
    membership = session.get(Membership, (user_id, group.id))
    if membership is None:
        raise ResourceNotFound(kind="user in group", id=user_id)
    return membership


def add_member(session: Session, group: Group, user_id: str) -> None:
    """Add a user to a group; repeating this does nothing."""
    if session.get(Membership, (user_id, group.id)) is None:
        session.add(Membership(user_id=user_id, group_id=group.id))
        revocations.invalidate_authorizations(session, user_id=user_id)


def remove_member(session: Session, group: Group, user_id: str) -> None:
    """Remove a user from a group. Raises ResourceNotFound."""
    session.delete(find_member(session, group, user_id))
    revocations.invalidate_authorizations(session, user_id=user_id)
