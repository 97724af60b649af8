"""Users and their passwords."""

import re
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, delete, select
from sqlalchemy.orm import Session

from pileus_identity.config import Config
from pileus_identity.core import ledger, lists, passwords, projects, times
from pileus_identity.core.bodies import Body, apply, flush, store, unchanged
from pileus_identity.db.models import Assignment, Group, Membership, OldPassword, Project, User
from pileus_identity.errors import Invalid, Missing, Refused
from pileus_kit.db import now

KNOWN = ("name", "description", "enabled", "default_project_id")
EXPIRY = {"lt": "__lt__", "lte": "__le__", "gt": "__gt__", "gte": "__ge__", "eq": "__eq__", "neq": "__ne__"}


def get(session: Session, user_id: str) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise Missing(kind="user", id=user_id)
    return user


def named(session: Session, name: str, domain_id: str) -> User:
    user = session.scalar(select(User).where(User.name == name, User.domain_id == domain_id))
    if user is None:
        raise Missing(kind="user", id=name)
    return user


def create(session: Session, config: Config, body: Body, default_domain: str) -> User:
    domain_id = body.get("domain_id") or default_domain
    projects.get(session, domain_id, domain=True)
    user = User(domain_id=domain_id, options={}, extra={})
    _default_project(session, body)
    apply(user, body, KNOWN)
    if body.get("password") is not None:
        set_password(session, config, user, body["password"])
    store(session, user, "user")
    return user


def change(session: Session, config: Config, user: User, body: Body) -> None:
    unchanged(user, body, "domain_id", "id")
    _default_project(session, body)
    if user.enabled and body.get("enabled") is False:
        ledger.record(session, kills=True, user_id=user.id)
    if body.get("enabled"):
        user.failures, user.failed_at = 0, None
    apply(user, body, KNOWN)
    if "password" in body:
        if body["password"] is None:
            user.password_hash = user.password_expires_at = None
        else:
            set_password(session, config, user, body["password"])
    flush(session, "user", user.name)
    ledger.record(session, kills="password" in body, user_id=user.id)


def remove(session: Session, user: User) -> None:
    session.execute(delete(Assignment).where(Assignment.actor == "user", Assignment.actor_id == user.id))
    session.delete(user)
    ledger.record(session, kills=True, user_id=user.id)


def choose_password(session: Session, config: Config, user: User, body: Body) -> None:
    """A user changes his own; the caller has checked the old one."""
    if user.options.get("lock_password"):
        raise Refused(why="Password changes are not allowed for this user.")
    age = timedelta(days=config.password_minimum_days)
    if user.password_chosen and user.password_created_at and user.password_created_at + age > now():
        raise Invalid(why=f"A password must be kept for {config.password_minimum_days} days before it may be changed.")
    _not_used_before(session, config, user, body["password"])
    set_password(session, config, user, body["password"], chosen=True)
    ledger.record(session, kills=True, user_id=user.id)


def set_password(session: Session, config: Config, user: User, password: str, chosen: bool = False) -> None:
    if config.password_regex and not re.fullmatch(config.password_regex, password):
        raise Invalid(
            why=f"The password does not match the requirements: {config.password_regex_text or config.password_regex}."
        )
    if len(password) > passwords.LONGEST:
        raise Invalid(why=f"A password may have {passwords.LONGEST} characters.")
    if user.password_hash is not None and config.unique_passwords:
        session.add(OldPassword(user_id=user.id, hash=user.password_hash))
    user.password_hash, user.password_created_at, user.password_chosen = passwords.digest(password), now(), chosen
    user.failures, user.failed_at = 0, None
    user.password_expires_at = None
    if config.password_days:
        user.password_expires_at = now() + timedelta(days=config.password_days)
    first = config.change_password_first and not user.options.get("ignore_change_password_upon_first_use")
    if first and not chosen:
        user.password_expires_at = now()


def find(asked: Mapping[str, str]) -> Select[User]:
    stmt = lists.matching(select(User), User, asked, ("name", "domain_id", "default_project_id"), ("enabled",))
    if "password_expires_at" in asked:
        stmt = stmt.where(_expiry(asked["password_expires_at"]))
    if {"idp_id", "protocol_id", "unique_id"} & set(asked):
        stmt = stmt.where(User.id.is_(None))  # nobody comes from an identity provider
    return stmt


def of_group(group_id: str, asked: Mapping[str, str]) -> Select[User]:
    return find(asked).join(Membership, Membership.user_id == User.id).where(Membership.group_id == group_id)


def groups_of(user_id: str, asked: Mapping[str, str]) -> Select[Group]:
    stmt = select(Group).join(Membership, Membership.group_id == Group.id).where(Membership.user_id == user_id)
    return lists.matching(stmt, Group, asked, ("name",))


def _expiry(text: str) -> ColumnElement[bool]:
    """`lt:2026-01-01T00:00:00Z`, or a bare time for equality."""
    operator, _, rest = text.partition(":")
    if operator not in EXPIRY:
        operator, rest = "eq", text
    return getattr(User.password_expires_at, EXPIRY[operator])(times.read("password_expires_at", rest))


def _default_project(session: Session, body: Body) -> None:
    """A domain can't be somebody's default project; one that doesn't exist (yet) may."""
    if body.get("default_project_id"):
        project = session.get(Project, body["default_project_id"])
        if project is not None and project.is_domain:
            raise Invalid(why="User's default project ID cannot be a domain ID.")


def _not_used_before(session: Session, config: Config, user: User, password: str) -> None:
    if not config.unique_passwords:
        return
    old = session.scalars(
        select(OldPassword.hash)
        .where(OldPassword.user_id == user.id)
        .order_by(OldPassword.created_at.desc())
        .limit(config.unique_passwords - 1)
    )
    if any(passwords.matches(hash, password) for hash in (user.password_hash, *old)):
        raise Invalid(why=f"The new password cannot be one of the last {config.unique_passwords}.")
