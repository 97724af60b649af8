"""Re-encrypts all secrets of the database with the newest of the keys in credential-keys."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography.fernet import InvalidToken
from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.db.models import AccessToken, Consumer, Credential, RequestToken
from pileus_kit.db import Sessions

Owner = type[Credential] | type[Consumer] | type[RequestToken] | type[AccessToken]

ENCRYPTED_COLUMNS: tuple[tuple[Owner, InstrumentedAttribute[str]], ...] = (
    (Credential, Credential.blob),
    (Consumer, Consumer.secret),
    (RequestToken, RequestToken.secret),
    (AccessToken, AccessToken.secret),
)
BATCH_ROWS = 200  # in one transaction, so that requests don't wait long
MAX_NAMED = 20


class UndecryptableSecret(Exception):
    """Some rows were encrypted with a key that no longer exists, or never encrypted."""


@dataclass
class _Progress:
    reencrypted: int
    failed: list[str]  # table and id


def reencrypt_all(sessions: Sessions, key_ring: KeyRing) -> int:
    """Re-encrypt all secrets while the API keeps running; returns their number.

    Raises UndecryptableSecret, which names rows, after all others are done.
    """
    progress = _Progress(0, [])
    for model, column in ENCRYPTED_COLUMNS:
        for ids in _batches(sessions, model):
            _reencrypt(sessions, key_ring, (model, column), ids, progress)
    failed = progress.failed
    if failed:
        more = " and more" if len(failed) > MAX_NAMED else ""
        raise UndecryptableSecret(f"no key opens {', '.join(failed[:MAX_NAMED])}{more}")
    return progress.reencrypted


def _batches(sessions: Sessions, model: Owner) -> Iterator[Sequence[str]]:
    last = ""
    while True:
        with sessions.read() as session:
            ids = session.scalars(select(model.id).where(model.id > last).order_by(model.id).limit(BATCH_ROWS)).all()
        if not ids:
            return
        yield ids
        last = ids[-1]


def _reencrypt(
    sessions: Sessions,
    key_ring: KeyRing,
    where: tuple[Owner, InstrumentedAttribute[str]],
    ids: Sequence[str],
    progress: _Progress,
) -> None:
    model, column = where
    with sessions.begin() as session:
        for id, encrypted in session.execute(select(model.id, column).where(model.id.in_(ids))).all():
            try:
                values = {column.key: key_ring.reencrypt(encrypted)}
            except InvalidToken:
                progress.failed.append(f"{model.__tablename__} {id}")
                continue
            session.execute(update(model).where(model.id == id).values(values))
            progress.reencrypted += 1
