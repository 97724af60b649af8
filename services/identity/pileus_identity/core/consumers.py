"""Consumers: programs that users may lend rights to, without telling them a password (OAuth 1.0)."""

from sqlalchemy.orm import Session

from pileus_identity.core import ledger, passwords
from pileus_identity.core.bodies import Body, apply, flush, store, unchanged
from pileus_identity.core.keys import KeyRing
from pileus_identity.db.models import Consumer
from pileus_identity.errors import Invalid, Missing

KNOWN = ("description",)


def get(session: Session, consumer_id: str) -> Consumer:
    consumer = session.get(Consumer, consumer_id)
    if consumer is None:
        raise Missing(kind="consumer", id=consumer_id)
    return consumer


def create(session: Session, ring: KeyRing, body: Body) -> tuple[Consumer, str]:
    """Also gives the secret, which is chosen here and shown by nothing else."""
    secret = passwords.new_secret()
    consumer = Consumer(secret=ring.seal_text(secret), extra={})
    apply(consumer, {key: value for key, value in body.items() if key != "secret"}, KNOWN)
    store(session, consumer, "consumer")
    return consumer, secret


def change(session: Session, consumer: Consumer, body: Body) -> None:
    if "secret" in body:
        raise Invalid(why="A consumer's secret can't be changed.")
    unchanged(consumer, body, "id")
    apply(consumer, body, KNOWN)
    flush(session, "consumer", consumer.id)


def remove(session: Session, consumer: Consumer) -> None:
    """With all that was lent to it; whose rights that were is an open number, so everybody's are looked up anew."""
    session.delete(consumer)
    ledger.record(session)
