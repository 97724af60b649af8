"""OAuth1 consumers: programs to which users may delegate roles without giving them a password."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.core import password_hashing, revocations
from pileus_identity.core.attributes import apply_attributes, check_unchanged, flush, insert
from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.core.listing import ListPage, ListQuery, fetch_page
from pileus_identity.db.models import Consumer
from pileus_identity.errors import ResourceNotFound, ValidationFailed
from pileus_kit.json_types import JsonObject

KNOWN = ("description",)


def find(session: Session, consumer_id: str) -> Consumer:
    """A consumer by id. Raises ResourceNotFound."""
    consumer = session.get(Consumer, consumer_id)
    if consumer is None:
        raise ResourceNotFound(kind="consumer", id=consumer_id)
    return consumer


def create(session: Session, key_ring: KeyRing, body: JsonObject) -> tuple[Consumer, str]:
    """Create a consumer; returns it with its secret, which is generated here and shown only once."""
    secret = password_hashing.generate_secret()
    consumer = Consumer(secret=key_ring.encrypt_text(secret), extra={})
    apply_attributes(consumer, {key: value for key, value in body.items() if key != "secret"}, KNOWN)
    insert(session, consumer, "consumer", consumer.id)
    return consumer, secret


def update(session: Session, consumer: Consumer, body: JsonObject) -> None:
    """Change a consumer's description or extra attributes. Raises ValidationFailed for its secret or id."""
    if "secret" in body:
        raise ValidationFailed(why="A consumer's secret can't be changed.")
    check_unchanged(consumer, body, "id")
    apply_attributes(consumer, body, KNOWN)
    flush(session, "consumer", consumer.id)


def delete(session: Session, consumer: Consumer) -> None:
    """Delete a consumer with its tokens.

    The affected users are unknown, so all cached authorizations are dropped.
    """
    session.delete(consumer)
    revocations.invalidate_authorizations(session)


def list_page(session: Session, query: ListQuery) -> ListPage[Consumer]:
    """All consumers."""
    return fetch_page(session, select(Consumer), Consumer.id, query.page)
