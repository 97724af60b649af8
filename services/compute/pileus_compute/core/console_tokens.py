"""Tokens with which the console proxy finds the console that a user opened. Only their digests are kept."""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pileus_compute.db.models import ConsoleToken
from pileus_compute.rpc import Endpoint
from pileus_kit.db import now
from pileus_kit.errors import NotFound

LIFETIME_S = 600


def create_token(session: Session, server_id: str, type_: str, endpoint: Endpoint) -> str:
    """Return a new token that leads to this console for LIFETIME_S seconds. Expired tokens are deleted."""
    token = secrets.token_urlsafe(32)
    session.execute(delete(ConsoleToken).where(ConsoleToken.expires_at < now()))
    session.add(
        ConsoleToken(
            digest=_digest(token),
            server_id=server_id,
            type=type_,
            host=endpoint.host,
            port=endpoint.port,
            path=endpoint.password or None,
            expires_at=now() + timedelta(seconds=LIFETIME_S),
        )
    )
    return token


def find_token(session: Session, token: str) -> ConsoleToken:
    """Return what is known of a token. Raises NotFound if it is unknown or has expired."""
    known = session.scalar(select(ConsoleToken).where(ConsoleToken.digest == _digest(token)))
    if known is None or known.expires_at < now():
        raise NotFound(why="Token not found")
    return known


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
