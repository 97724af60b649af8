"""OAuth1 request tokens: a consumer asks to act in a project, and a user authorizes it for some of their roles."""

import secrets
import string

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_identity.core import held_roles, oauth1_consumers, password_hashing, projects
from pileus_identity.core.attributes import insert
from pileus_identity.core.delegation import is_delegated
from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.core.held_roles import HeldRoles, RoleReference
from pileus_identity.core.times import expires_after, is_past
from pileus_identity.db.models import RequestToken
from pileus_identity.errors import ForbiddenAction, ResourceNotFound, UnauthorizedWithReason
from pileus_kit.auth import Caller
from pileus_kit.db import now

VERIFIER_ALPHABET = string.ascii_letters + string.digits  # users may have to type it
VERIFIER_CHARACTERS = 8


def create(
    session: Session, key_ring: KeyRing, consumer_id: str, project_id: str, lifetime_s: int
) -> tuple[RequestToken, str]:
    """Create a request token; returns it with its secret. A lifetime of 0 seconds is unlimited.

    A consumer may ask as often as it likes, so expired tokens are deleted here. Raises ResourceNotFound.
    """
    consumer, project = oauth1_consumers.find(session, consumer_id), projects.find(session, project_id)
    session.execute(delete(RequestToken).where(RequestToken.expires_at <= now()))
    secret = password_hashing.generate_secret()
    token = RequestToken(
        consumer_id=consumer.id,
        project_id=project.id,
        secret=key_ring.encrypt_text(secret),
        expires_at=expires_after(lifetime_s),
    )
    insert(session, token, "request token", token.id)
    return token, secret


def authorize(session: Session, caller: Caller, token_id: str, references: tuple[RoleReference, ...]) -> str:
    """Delegate some of the caller's roles in the token's project; returns the verifier that proves it.

    Raises ForbiddenAction, ResourceNotFound, or UnauthorizedWithReason if the token has expired or a role is lacking:
    this API answers 401 then, and not 403.
    """
    if is_delegated(caller):
        raise ForbiddenAction(why="Cannot authorize a request token with a token issued via delegation.")
    token = session.get(RequestToken, token_id, with_for_update=True)
    if token is None:
        raise ResourceNotFound(kind="request token", id=token_id)
    if is_past(token.expires_at):
        raise UnauthorizedWithReason(why="Request token is expired.")
    if token.user_id not in (None, caller.user_id):
        raise ForbiddenAction(why="Another user has authorized this request token.")
    verifier = "".join(secrets.choice(VERIFIER_ALPHABET) for _ in range(VERIFIER_CHARACTERS))
    token.role_ids = _choose_roles(references, held_roles.load(session, caller.user_id, token.project_id))
    token.user_id, token.verifier_hash = caller.user_id, password_hashing.hash_generated_secret(verifier)
    session.flush()
    return verifier


def _choose_roles(references: tuple[RoleReference, ...], held: HeldRoles) -> list[str]:
    chosen = {id or "" for id in held_roles.resolve(references, held)}
    if not chosen <= set(held):
        raise UnauthorizedWithReason(why="The authorizing user does not have a role that is required.")
    return sorted(chosen)
