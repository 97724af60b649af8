"""Secrets of people: argon2id. Secrets that this server made itself have 256 bits of chance and need no slow hash."""

import functools
import hashlib
import hmac
import os
import secrets
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LONGEST = 4096  # characters; longer ones can't be set and never match


@functools.cache
def hasher() -> "PasswordHasher":
    """OWASP's minimum for argon2id (Password Storage Cheat Sheet): 19 MiB, 2 iterations, 1 lane; about 20 ms CPU."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@functools.cache
def nobody() -> str:
    """The hash that a password is compared with where there is no user."""
    return digest(secrets.token_hex(16))


@functools.cache
def _turn() -> threading.Semaphore:
    """As many at once as there are processors: more would only take memory, 19 MiB each."""
    return threading.Semaphore(os.cpu_count() or 2)


def digest(password: str) -> str:
    with _turn():
        return hasher().hash(password)


def matches(hash: str | None, password: str) -> bool:
    """Whether the password has that hash. Takes as long without a hash, so that a user's existence doesn't show."""
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password) > LONGEST:
        password = password[:LONGEST] + "\0"
    compared = hash or nobody()
    try:
        with _turn():
            return hasher().verify(compared, password) and hash is not None
    except (VerificationError, InvalidHashError):
        return False


def weak(hash: str) -> bool:
    """Whether it was made with weaker settings than today's."""
    return hasher().check_needs_rehash(hash)


def new_secret() -> str:
    return secrets.token_urlsafe(64)


def digest_generated(secret: str) -> str:
    return "sha256$" + hashlib.sha256(secret.encode()).hexdigest()


def secret_matches(hash: str | None, secret: str) -> bool:
    """Like `matches`, for secrets that may be either generated here or chosen by somebody."""
    if hash is not None and hash.startswith("sha256$"):
        return hmac.compare_digest(hash, digest_generated(secret))
    return matches(hash, secret)
