"""Access tokens: what a user has lent to a consumer, until it is over or he takes it back."""

import hmac

from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.orm import Session

from pileus_identity.core import ledger, passwords
from pileus_identity.core.bodies import store
from pileus_identity.core.keys import KeyRing
from pileus_identity.core.request_tokens import after, over
from pileus_identity.core.signed_requests import Signer
from pileus_identity.db.models import AccessToken, RequestToken, Role
from pileus_identity.errors import LoginFailed, Missing, TooManyOfThem, Unproven
from pileus_kit.db import now


def get(session: Session, user_id: str, token_id: str) -> AccessToken:
    """Not the expired."""
    token = session.get(AccessToken, token_id)
    if token is None or token.user_id != user_id or over(token.expires_at):
        raise Missing(kind="access token", id=token_id)
    return token


def create(session: Session, ring: KeyRing, signer: Signer, seconds: int, most: int) -> tuple[AccessToken, str]:
    """In place of the request token, which goes, so that it is used once. Also gives the secret."""
    wish = session.get(RequestToken, signer.token_id, with_for_update=True)
    if wish is None:
        raise LoginFailed  # another request was faster
    if over(wish.expires_at):
        raise Unproven(why="Request token is expired.")
    if wish.user_id is None:
        raise Unproven(why="Request token does not have an authorizing user id.")
    if not hmac.compare_digest(str(wish.verifier_hash), passwords.digest_generated(signer.verifier)):
        raise Unproven(why="Provided verifier does not match stored verifier.")
    _room(session, wish.user_id, most)
    secret = passwords.new_secret()
    token = AccessToken(
        consumer_id=wish.consumer_id,
        user_id=wish.user_id,
        project_id=wish.project_id,
        role_ids=wish.role_ids,
        secret=ring.seal_text(secret),
        expires_at=after(seconds),
    )
    session.delete(wish)
    store(session, token, "access token")
    return token, secret


def _room(session: Session, user_id: str, most: int) -> None:
    session.execute(delete(AccessToken).where(AccessToken.expires_at <= now()))
    if (session.scalar(select(func.count()).where(AccessToken.user_id == user_id)) or 0) >= most:
        raise TooManyOfThem(kind="access tokens", limit=most)


def remove(session: Session, token: AccessToken) -> None:
    session.delete(token)
    ledger.record(session, user_id=token.user_id, project_id=token.project_id)


def find(user_id: str) -> Select[AccessToken]:
    return select(AccessToken).where(
        AccessToken.user_id == user_id, or_(AccessToken.expires_at.is_(None), AccessToken.expires_at > now())
    )


def roles_of(session: Session, token: AccessToken) -> list[Role]:
    return list(session.scalars(select(Role).where(Role.id.in_(token.role_ids)).order_by(Role.id)))
