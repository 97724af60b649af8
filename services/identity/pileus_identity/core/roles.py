"""Roles: global ones, and those that belong to one domain."""

from sqlalchemy import delete as delete_rows
from sqlalchemy import select
from sqlalchemy import update as update_rows
from sqlalchemy.orm import Session

from pileus_identity.core import domains, revocations
from pileus_identity.core.attributes import apply_attributes, check_mutable, check_unchanged, flush, insert
from pileus_identity.core.listing import ListPage, ListQuery, apply_filters, fetch_page
from pileus_identity.db.models import Assignment, Role, Trust, TrustRole
from pileus_identity.errors import ResourceNotFound
from pileus_kit.db import now
from pileus_kit.json_types import JsonObject

KNOWN = ("name", "description")


def find(session: Session, role_id: str) -> Role:
    """A role by id. Raises ResourceNotFound."""
    role = session.get(Role, role_id)
    if role is None:
        raise ResourceNotFound(kind="role", id=role_id)
    return role


def create(session: Session, body: JsonObject) -> Role:
    """Create a role, which belongs to a domain if the body names one. Raises DuplicateEntry."""
    if body.get("domain_id") is not None:
        domains.find(session, body["domain_id"])
    role = Role(domain_id=body.get("domain_id"), options={}, extra={})
    apply_attributes(role, body, KNOWN)
    insert(session, role, "role", role.name)
    revocations.invalidate_authorizations(session)
    return role


def update(session: Session, role: Role, body: JsonObject) -> None:
    """Change a role. Raises ForbiddenAction if it is immutable."""
    check_mutable(role, "role", body)
    check_unchanged(role, body, "domain_id", "id")
    apply_attributes(role, body, KNOWN)
    flush(session, "role", role.name)
    revocations.invalidate_authorizations(session)


def delete(session: Session, role: Role) -> None:
    """Delete a role with its assignments and with the trusts that delegate it.

    A trust is never used with only a part of its roles. Raises ForbiddenAction if the role is immutable.
    """
    check_mutable(role, "role")
    session.execute(delete_rows(Assignment).where(Assignment.role_id == role.id))
    trusts = select(TrustRole.trust_id).where(TrustRole.role_id == role.id)
    session.execute(update_rows(Trust).where(Trust.id.in_(trusts)).values(deleted_at=now()))
    session.delete(role)
    revocations.invalidate_authorizations(session)


def list_page(session: Session, query: ListQuery) -> ListPage[Role]:
    """The global roles that match a query, or those of the domain that it names."""
    stmt = apply_filters(select(Role), query.filters, (Role.name,))
    domain_id = query.filters.get("domain_id")
    stmt = stmt.where(Role.domain_id == domain_id if domain_id else Role.domain_id.is_(None))
    return fetch_page(session, stmt, Role.id, query.page)
