"""Users."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session

from pileus_identity.config import Config
from pileus_identity.core import domains, revocations
from pileus_identity.core.attributes import apply_attributes, check_unchanged, flush, insert
from pileus_identity.core.listing import ListPage, ListQuery, apply_filters, fetch_page
from pileus_identity.core.times import parse_time
from pileus_identity.core.user_passwords import set_password
from pileus_identity.db.models import Assignment, Membership, Project, User
from pileus_identity.errors import ResourceNotFound, ValidationFailed
from pileus_kit.json_types import JsonObject

KNOWN = ("name", "description", "enabled", "default_project_id")
COMPARISONS = ("lt", "lte", "gt", "gte", "eq", "neq")
OF_IDENTITY_PROVIDERS = {"idp_id", "protocol_id", "unique_id"}


def find(session: Session, user_id: str) -> User:
    """A user by id. Raises ResourceNotFound."""
    user = session.get(User, user_id)
    if user is None:
        raise ResourceNotFound(kind="user", id=user_id)
    return user


def find_by_name(session: Session, name: str, domain_id: str) -> User:
    """A user by name in a domain. Raises ResourceNotFound."""
    user = session.scalar(select(User).where(User.name == name, User.domain_id == domain_id))
    if user is None:
        raise ResourceNotFound(kind="user", id=name)
    return user


def find_domain_id(session: Session, user_id: str) -> str | None:
    """The domain of a user; None if there is no such user."""
    return session.scalar(select(User.domain_id).where(User.id == user_id))


def create(session: Session, config: Config, body: JsonObject, default_domain_id: str) -> User:
    """Create a user in the domain that the body names, or in the default one.

    Raises ResourceNotFound, DuplicateEntry or ValidationFailed.
    """
    domain_id = body.get("domain_id") or default_domain_id
    domains.find(session, domain_id)
    user = User(domain_id=domain_id, options={}, extra={})
    _check_default_project(session, body)
    apply_attributes(user, body, KNOWN)
    if body.get("password") is not None:
        set_password(session, config, user, body["password"])
    insert(session, user, "user", user.name)
    return user


def update(session: Session, config: Config, user: User, body: JsonObject) -> None:
    """Change a user. Disabling them and changing their password revokes their tokens; enabling them unlocks them."""
    check_unchanged(user, body, "domain_id", "id")
    _check_default_project(session, body)
    if user.enabled and body.get("enabled") is False:
        revocations.revoke_tokens(session, user_id=user.id)
    if body.get("enabled"):
        user.failed_auth_count, user.failed_auth_at = 0, None
    apply_attributes(user, body, KNOWN)
    if "password" in body:
        if body["password"] is None:
            user.password_hash = user.password_expires_at = None
        else:
            set_password(session, config, user, body["password"])
    flush(session, "user", user.name)
    record = revocations.revoke_tokens if "password" in body else revocations.invalidate_authorizations
    record(session, user_id=user.id)


def delete(session: Session, user: User) -> None:
    """Delete a user with their role assignments, and revoke their tokens."""
    session.execute(delete_rows(Assignment).where(Assignment.actor == "user", Assignment.actor_id == user.id))
    session.delete(user)
    revocations.revoke_tokens(session, user_id=user.id)


def list_page(session: Session, query: ListQuery, domain_id: str | None = None) -> ListPage[User]:
    """The users that match a query; only those of one domain if it is given."""
    return _fetch(session, select(User), query, domain_id)


def list_page_in_group(
    session: Session, group_id: str, query: ListQuery, domain_id: str | None = None
) -> ListPage[User]:
    """The users in a group that match a query; only those of one domain if it is given."""
    stmt = select(User).join(Membership, Membership.user_id == User.id).where(Membership.group_id == group_id)
    return _fetch(session, stmt, query, domain_id)


def _fetch(session: Session, stmt: Select[User], query: ListQuery, domain_id: str | None) -> ListPage[User]:
    stmt = _filtered(stmt, query.filters)
    if domain_id is not None:
        stmt = stmt.where(User.domain_id == domain_id)
    return fetch_page(session, stmt, User.id, query.page)


def _filtered(stmt: Select[User], filters: Mapping[str, str]) -> Select[User]:
    stmt = apply_filters(stmt, filters, (User.name, User.domain_id, User.default_project_id), (User.enabled,))
    if "password_expires_at" in filters:
        stmt = stmt.where(_expires(filters["password_expires_at"]))
    if OF_IDENTITY_PROVIDERS & set(filters):
        stmt = stmt.where(User.id.is_(None))  # there is no federation, so no user comes from an identity provider
    return stmt


def _expires(text: str) -> ColumnElement[bool]:
    """`lt:2026-01-01T00:00:00Z`, or a bare time for equality."""
    operator, _, rest = text.partition(":")
    if operator not in COMPARISONS:
        operator, rest = "eq", text
    at: datetime = parse_time("password_expires_at", rest)
    column = User.password_expires_at
    return {
        "lt": column < at,
        "lte": column <= at,
        "gt": column > at,
        "gte": column >= at,
        "eq": column == at,
        "neq": column != at,
    }[operator]


def _check_default_project(session: Session, body: JsonObject) -> None:
    """A domain can't be a user's default project; a project that doesn't exist (yet) can."""
    if body.get("default_project_id"):
        project = session.get(Project, body["default_project_id"])
        if project is not None and project.is_domain:
            raise ValidationFailed(why="User's default project ID cannot be a domain ID.")
