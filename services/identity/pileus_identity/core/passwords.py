"""Secrets of people: argon2id. Secrets that this server made itself have 256 bits of chance and need no slow hash."""

import ctypes
import functools
import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")

LONGEST = 4096  # characters; longer ones can't be set and never match
TRIM_SECONDS = 10


@functools.cache
def hasher() -> "PasswordHasher":
    """OWASP's minimum for argon2id (Password Storage Cheat Sheet): 19 MiB, 2 iterations, 1 lane; about 20 ms CPU."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Stove:
    """Hashes in as many threads as there are processors.

    Each thread that ever hashed keeps 19 MiB for the next time (which saves a third of the work); with the API's own
    threads that would be 300 MiB. When nobody has logged in for a while, it is given back.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(os.cpu_count() or 2, "hash")
        self._lock = threading.Lock()
        self._trimming = False

    def run(self, work: Callable[[], T]) -> T:
        with self._lock:
            if not self._trimming:
                self._trimming = True
                timer = threading.Timer(TRIM_SECONDS, self._trim)
                timer.daemon = True
                timer.start()
        return self._pool.submit(work).result()

    def _trim(self) -> None:
        with self._lock:
            self._trimming = False
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl doesn't
        if trim is not None:
            trim(0)


def stove() -> Stove:
    """This process's own: threads don't survive a fork, and whoever bootstraps may fork the API afterwards."""
    return _stove(os.getpid())


@functools.cache
def _stove(_process: int) -> Stove:
    return Stove()


@functools.cache
def nobody() -> str:
    """The hash that a password is compared with where there is no user."""
    return digest(secrets.token_hex(16))


def digest(password: str) -> str:
    return stove().run(lambda: hasher().hash(password))


def matches(hash: str | None, password: str) -> bool:
    """Whether the password has that hash. Takes as long without a hash, so that a user's existence doesn't show."""
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password) > LONGEST:
        password = password[:LONGEST] + "\0"
    compared = hash or nobody()
    try:
        return stove().run(lambda: hasher().verify(compared, password)) and hash is not None
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
