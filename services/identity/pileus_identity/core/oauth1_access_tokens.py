"""OAuth1 access tokens: what a user has delegated to a consumer, until it expires or they revoke it."""

import hmac

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from pileus_identity.core import password_hashing, revocations
from pileus_identity.core.attributes import insert
from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.core.listing import ListPage, ListQuery, fetch_page
from pileus_identity.core.oauth1_signatures import OAuth1Signature
from pileus_identity.core.times import expires_after, is_past
from pileus_identity.db.models import AccessToken, RequestToken, Role
from pileus_identity.errors import AuthenticationFailed, LimitExceeded, ResourceNotFound, UnauthorizedWithReason
from pileus_kit.db import now


def find(session: Session, user_id: str, token_id: str) -> AccessToken:
    """A user's access token. Raises ResourceNotFound, also for one that has expired."""
    token = session.get(AccessToken, token_id)
    if token is None or token.user_id != user_id or is_past(token.expires_at):
        raise ResourceNotFound(kind="access token", id=token_id)
    return token


def create(
    session: Session, key_ring: KeyRing, signature: OAuth1Signature, lifetime_s: int, limit: int
) -> tuple[AccessToken, str]:
    """Exchange a request token for an access token; returns it with its secret.

    The request token is deleted, so that it is used once. A lifetime of 0 seconds is unlimited; `limit` is how many
    access tokens a user may have. Raises AuthenticationFailed, UnauthorizedWithReason or LimitExceeded.
    """
    requested = session.get(RequestToken, signature.token_id, with_for_update=True)
    if requested is None:
        raise AuthenticationFailed  # another request has exchanged it meanwhile
    if is_past(requested.expires_at):
        raise UnauthorizedWithReason(why="Request token is expired.")
    if requested.user_id is None:
        raise UnauthorizedWithReason(why="Request token does not have an authorizing user id.")
    verifier_hash = password_hashing.hash_generated_secret(signature.verifier)
    if not hmac.compare_digest(str(requested.verifier_hash), verifier_hash):
        raise UnauthorizedWithReason(why="Provided verifier does not match stored verifier.")
    _check_limit(session, requested.user_id, limit)
    secret = password_hashing.generate_secret()
    token = AccessToken(
        consumer_id=requested.consumer_id,
        user_id=requested.user_id,
        project_id=requested.project_id,
        role_ids=requested.role_ids,
        secret=key_ring.encrypt_text(secret),
        expires_at=expires_after(lifetime_s),
    )
    session.delete(requested)
    insert(session, token, "access token", token.id)
    return token, secret


def _check_limit(session: Session, user_id: str, limit: int) -> None:
    session.execute(delete_rows(AccessToken).where(AccessToken.expires_at <= now()))
    if (session.scalar(select(func.count()).where(AccessToken.user_id == user_id)) or 0) >= limit:
        raise LimitExceeded(kind="access tokens", limit=limit)


def delete(session: Session, token: AccessToken) -> None:
    """Revoke an access token; the tokens that were issued with it become invalid at once."""
    session.delete(token)
    revocations.invalidate_authorizations(session, user_id=token.user_id, project_id=token.project_id)


def list_page(session: Session, user_id: str, query: ListQuery) -> ListPage[AccessToken]:
    """A user's access tokens that haven't expired."""
    stmt = select(AccessToken).where(
        AccessToken.user_id == user_id, or_(AccessToken.expires_at.is_(None), AccessToken.expires_at > now())
    )
    return fetch_page(session, stmt, AccessToken.id, query.page)


def list_roles(session: Session, token: AccessToken) -> list[Role]:
    """The roles that an access token delegates."""
    return list(session.scalars(select(Role).where(Role.id.in_(token.role_ids)).order_by(Role.id)))


def find_role(session: Session, token: AccessToken, role_id: str) -> Role:
    """One of the roles that an access token delegates. Raises ResourceNotFound."""
    for role in list_roles(session, token):
        if role.id == role_id:
            return role
    raise ResourceNotFound(kind="role", id=role_id)
