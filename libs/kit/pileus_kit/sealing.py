"""Texts that lie sealed in the database: a copy of it tells nobody what users gave to us, or what is a right by itself.

The keys come from the service's configuration, never from beside the database. The first one seals, all of them open,
so a new key is put before the old one, and `manage reseal` makes the old one needless.
"""

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, MultiFernet

MARK = "sealed:"  # what lay there before there were seals has none
_ring: list[MultiFernet] = []


class NoKeys(RuntimeError):
    pass


def use_keys(phrases: Sequence[str]) -> None:
    """The keys of this process, newest first; a phrase of any length is one."""
    keys = [Fernet(base64.urlsafe_b64encode(hashlib.sha256(phrase.encode()).digest())) for phrase in phrases if phrase]
    _ring[:] = [MultiFernet(keys)] if keys else []


def seal(text: str | None) -> str | None:
    if text is None:
        return None
    return MARK + _keys().encrypt(text.encode()).decode()


def unseal(stored: str | None) -> str | None:
    """Raises cryptography's InvalidToken for what none of the keys sealed."""
    if stored is None or not stored.startswith(MARK):
        return stored
    return _keys().decrypt(stored.removeprefix(MARK).encode()).decode()


def reseal(stored: str | None) -> str | None:
    """The same text, sealed with the newest key."""
    return seal(unseal(stored))


def _keys() -> MultiFernet:
    if not _ring:
        raise NoKeys("sealing_keys is not configured")
    return _ring[0]
