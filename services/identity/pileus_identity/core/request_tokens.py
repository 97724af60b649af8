"""Request tokens: a consumer asks to act in a project, a user says yes and with which roles."""

import secrets
import string
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_identity.core import consumers, passwords, projects
from pileus_identity.core.application_credentials import held_roles
from pileus_identity.core.bodies import Body, store
from pileus_identity.core.delegation import lent
from pileus_identity.core.keys import KeyRing
from pileus_identity.db.models import RequestToken
from pileus_identity.errors import Missing, Refused, Unproven
from pileus_kit.auth import Caller
from pileus_kit.db import now

VERIFIER = string.ascii_letters + string.digits  # people may have to type it


def create(
    session: Session, ring: KeyRing, consumer_id: str, project_id: str, seconds: int
) -> tuple[RequestToken, str]:
    """Also gives its secret. A consumer may ask as often as it likes, so those that are over go."""
    consumer, project = consumers.get(session, consumer_id), projects.get(session, project_id)
    session.execute(delete(RequestToken).where(RequestToken.expires_at <= now()))
    secret = passwords.new_secret()
    token = RequestToken(
        consumer_id=consumer.id, project_id=project.id, secret=ring.seal_text(secret), expires_at=after(seconds)
    )
    store(session, token, "request token")
    return token, secret


def authorize(session: Session, who: Caller, token_id: str, wanted: list[Body]) -> str:
    """Lend the consumer some of the caller's roles in the token's project; gives the verifier, which proves it.

    A role that the caller lacks is a 401 in this API, and not a 403.
    """
    if lent(who):
        raise Refused(why="Cannot authorize a request token with a token issued via delegation.")
    token = session.get(RequestToken, token_id, with_for_update=True)
    if token is None:
        raise Missing(kind="request token", id=token_id)
    if over(token.expires_at):
        raise Unproven(why="Request token is expired.")
    if token.user_id not in (None, who.user_id):
        raise Refused(why="Somebody else has authorized this request token.")
    verifier = "".join(secrets.choice(VERIFIER) for _ in range(8))
    token.role_ids = _chosen(wanted, held_roles(session, who, token.project_id))
    token.user_id, token.verifier_hash = who.user_id, passwords.digest_generated(verifier)
    session.flush()
    return verifier


def _chosen(wanted: list[Body], held: Mapping[str, str]) -> list[str]:
    by_name = {name: id for id, name in held.items()}
    chosen = {role["id"] if "id" in role else by_name.get(role["name"], "") for role in wanted}
    if not chosen <= set(held):
        raise Unproven(why="The authorizing user does not have a role that is required.")
    return sorted(chosen)


def after(seconds: int) -> datetime | None:
    return now() + timedelta(seconds=seconds) if seconds > 0 else None


def over(expires_at: datetime | None) -> bool:
    return expires_at is not None and expires_at <= now()
