"""Signed requests are good once: who has seen one pass can't send it again."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_identity.db.models import SeenNonce
from pileus_identity.errors import LoginFailed
from pileus_kit.db import now

LIVES = timedelta(minutes=10)  # how far a request's time may be from ours


def use(session: Session, digest: str, at: datetime) -> None:
    """Raises LoginFailed the second time. The database decides, so that it counts for all processes.

    What is forgotten is too old to pass: twice as old, since a clock goes on between the check and this.
    """
    session.execute(delete(SeenNonce).where(SeenNonce.at < now() - 2 * LIVES))
    session.add(SeenNonce(digest=digest, at=at))
    try:
        session.flush()
    except IntegrityError:
        raise LoginFailed from None
