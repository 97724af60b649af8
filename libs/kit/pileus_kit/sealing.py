"""Secrets that are encrypted in the database: a copy of it reveals neither users' passwords nor names that grant
access.

The keys come from the service's configuration, never from the place of the database. The first key seals and all of
them unseal, so a new key is put before the old one; after `manage reseal` the old one isn't needed any more.
"""

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, MultiFernet

MARK = "sealed:"
"""Begins every sealed text; values from before there was sealing don't have it."""
_ring: list[MultiFernet] = []


class NoKeys(RuntimeError):
    """The option sealing_keys is not set."""


def use_keys(phrases: Sequence[str]) -> None:
    """Set the keys of this process, the newest first; a phrase of any length is a key."""
    keys = [Fernet(base64.urlsafe_b64encode(hashlib.sha256(phrase.encode()).digest())) for phrase in phrases if phrase]
    _ring[:] = [MultiFernet(keys)] if keys else []


def seal(text: str | None) -> str | None:
    """Return the text as it is stored. Raises NoKeys."""
    if text is None:
        return None
    return MARK + _keys().encrypt(text.encode()).decode()


def unseal(stored: str | None) -> str | None:
    """Return the text that was stored. Raises NoKeys, or cryptography's InvalidToken if none of the keys sealed it."""
    if stored is None or not stored.startswith(MARK):
        return stored
    return _keys().decrypt(stored.removeprefix(MARK).encode()).decode()


def reseal(stored: str | None) -> str | None:
    """Return a stored text sealed with the newest key."""
    return seal(unseal(stored))


def _keys() -> MultiFernet:
    if not _ring:
        raise NoKeys("sealing_keys is not configured")
    return _ring[0]
