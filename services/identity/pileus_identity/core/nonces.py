"""Used nonces: a signed request or a one-time code is accepted once, so that an attacker can't replay it."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_identity.db.models import SeenNonce
from pileus_identity.errors import AuthenticationFailed
from pileus_kit.db import now

MAX_CLOCK_DIFFERENCE = timedelta(minutes=10)  # between a request's time and ours


def use(session: Session, digest: str, at: datetime) -> None:
    """Mark a nonce as used. Raises AuthenticationFailed the second time.

    The database decides, so that this holds for all processes. Nonces are deleted when they are twice too old to be
    accepted, because the clock goes on between the check of the time and this call.
    """
    session.execute(delete(SeenNonce).where(SeenNonce.at < now() - 2 * MAX_CLOCK_DIFFERENCE))
    session.add(SeenNonce(digest=digest, at=at))
    try:
        session.flush()
    except IntegrityError:
        raise AuthenticationFailed from None
