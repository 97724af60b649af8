"""Rules for the passwords of users: form, age, reuse and expiry."""

import re
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_identity.config import Config
from pileus_identity.core import password_hashing, revocations
from pileus_identity.db.models import OldPassword, User
from pileus_identity.errors import ForbiddenAction, ValidationFailed
from pileus_kit.db import now


def change_own_password(session: Session, config: Config, user: User, password: str) -> None:
    """Change the password on behalf of the user, whose old password the caller has checked, and revoke their tokens.

    Raises ForbiddenAction if the user may not change it, ValidationFailed if it is too young or the new one unfit.
    """
    if user.options.get("lock_password"):
        raise ForbiddenAction(why="Password changes are not allowed for this user.")
    days = config.minimum_password_age_days
    age = timedelta(days=days)
    if user.password_self_service and user.password_created_at and user.password_created_at + age > now():
        raise ValidationFailed(why=f"A password must be kept for {days} days before it may be changed.")
    _check_not_used_before(session, config, user, password)
    set_password(session, config, user, password, self_service=True)
    revocations.revoke_tokens(session, user_id=user.id)


def set_password(session: Session, config: Config, user: User, password: str, self_service: bool = False) -> None:
    """Give a user a password; `self_service` means that they chose it themselves. Raises ValidationFailed."""
    if config.password_regex and not re.fullmatch(config.password_regex, password):
        wanted = config.password_regex_description or config.password_regex
        raise ValidationFailed(why=f"The password does not match the requirements: {wanted}.")
    if len(password) > password_hashing.MAX_PASSWORD_CHARACTERS:
        raise ValidationFailed(why=f"A password may have {password_hashing.MAX_PASSWORD_CHARACTERS} characters.")
    if user.password_hash is not None and config.unique_last_password_count:
        session.add(OldPassword(user_id=user.id, hash=user.password_hash))
    user.password_hash, user.password_created_at = password_hashing.hash_password(password), now()
    user.password_self_service = self_service
    user.failed_auth_count, user.failed_auth_at = 0, None
    user.password_expires_at = None
    if config.password_expires_days:
        user.password_expires_at = now() + timedelta(days=config.password_expires_days)
    must_change = config.change_password_upon_first_use and not user.options.get(
        "ignore_change_password_upon_first_use"
    )
    if must_change and not self_service:
        user.password_expires_at = now()


def replace_hash(session: Session, user: User, new_hash: str) -> None:
    """Store another hash of an unchanged password, unless the password has been changed meanwhile."""
    session.execute(
        update(User).where(User.id == user.id, User.password_hash == user.password_hash).values(password_hash=new_hash)
    )


def is_expired(user: User, at: datetime | None = None) -> bool:
    """Whether the user has to change the password before they can log in."""
    if user.password_expires_at is None or user.options.get("ignore_password_expiry"):
        return False
    return user.password_expires_at <= (at or now())


def _check_not_used_before(session: Session, config: Config, user: User, password: str) -> None:
    count = config.unique_last_password_count
    if not count:
        return
    old = session.scalars(
        select(OldPassword.hash)
        .where(OldPassword.user_id == user.id)
        .order_by(OldPassword.created_at.desc())
        .limit(count - 1)
    )
    if any(password_hashing.matches(hash, password) for hash in (user.password_hash, *old)):
        raise ValidationFailed(why=f"The new password cannot be one of the last {count}.")
