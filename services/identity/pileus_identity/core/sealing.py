"""Secrets at rest: all columns that are encrypted with the keys in credential-keys, and how they get the newest."""

from collections.abc import Iterator
from typing import Any

from cryptography.fernet import InvalidToken
from sqlalchemy import select, update

from pileus_identity.core.keys import KeyRing
from pileus_identity.db.models import AccessToken, Consumer, Credential, RequestToken
from pileus_kit.db import Sessions

SEALED: tuple[tuple[Any, str], ...] = (
    (Credential, "blob"),
    (Consumer, "secret"),
    (RequestToken, "secret"),
    (AccessToken, "secret"),
)
BATCH = 200  # rows in one transaction, so that the API isn't kept waiting


class Unreadable(Exception):
    """Some rows were sealed with a key that is not there any more, or never sealed."""


def reseal(sessions: Sessions, ring: KeyRing) -> int:
    """How many secrets were sealed anew. The running API may go on meanwhile.

    Raises Unreadable, naming the rows, when all others are done.
    """
    count = 0
    lost: list[str] = []
    for model, column in SEALED:
        for ids in _batches(sessions, model):
            done, failed = _reseal(sessions, ring, model, column, ids)
            count, lost = count + done, lost + failed
    if lost:
        raise Unreadable(f"no key opens {', '.join(lost[:20])}{' and more' if len(lost) > 20 else ''}")
    return count


def _batches(sessions: Sessions, model: Any) -> Iterator[list[str]]:
    last = ""
    while True:
        with sessions.read() as session:
            ids = list(session.scalars(select(model.id).where(model.id > last).order_by(model.id).limit(BATCH)))
        if not ids:
            return
        yield ids
        last = ids[-1]


def _reseal(sessions: Sessions, ring: KeyRing, model: Any, column: str, ids: list[str]) -> tuple[int, list[str]]:
    field, done, failed = getattr(model, column), 0, []
    with sessions.begin() as session:
        for id, sealed in session.execute(select(model.id, field).where(model.id.in_(ids))).all():
            try:
                session.execute(update(model).where(model.id == id).values({column: ring.reseal(sealed)}))
                done += 1
            except InvalidToken:
                failed.append(f"{model.__tablename__} {id}")
    return done, failed
