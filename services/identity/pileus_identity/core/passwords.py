"""Secrets of people: argon2id. Secrets that this server made itself have 256 bits of chance and need no slow hash."""

import ctypes
import functools
import hashlib
import hmac
import os
import re
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")

LONGEST = 4096  # characters; longer ones can't be set and never match
GENERATED = re.compile(r"[A-Za-z0-9_-]{86}")  # what `new_secret` makes
FAST = "sha256$"  # begins the hashes of generated secrets
COOL_SECONDS = 10
LOGIN_NICENESS = 5
M_TRIM_THRESHOLD = -1  # malloc.h


@functools.cache
def hasher() -> "PasswordHasher":
    """OWASP's minimum for argon2id (Password Storage Cheat Sheet): 19 MiB, 2 iterations, 1 lane; about 20 ms CPU."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Stove:
    """Hashes in as many threads as there are processors.

    Each of them keeps its 19 MiB for the next password, which saves a third of the work; in the API's own threads that
    would be 300 MiB. When some time has passed, the memory is given back.
    """

    def __init__(self) -> None:
        self._size = os.cpu_count() or 2
        self._pool = ThreadPoolExecutor(self._size, "hash", initializer=_give_way)
        self._lock = threading.Lock()
        self._hot = False

    def run(self, work: Callable[[], T]) -> T:
        with self._lock:
            if not self._hot:
                self._hot = True
                timer = threading.Timer(COOL_SECONDS, self.cool)
                timer.daemon = True
                timer.start()
        return self._pool.submit(work).result()

    def cool(self) -> None:
        """Give the memory back, where the C library is glibc.

        A thread's arena shrinks when something is freed in it while its free end is larger than the trim threshold
        (mallopt(3)); free pages inside an arena go by malloc_trim(3).
        """
        with self._lock:
            self._hot = False
        library = ctypes.CDLL(None)
        if not hasattr(library, "mallopt"):
            return
        library.mallopt(M_TRIM_THRESHOLD, 64 << 10)
        together = threading.Barrier(self._size)  # so that no thread takes the turn of another
        with suppress(RuntimeError):  # the process ends: its threads take no more turns
            for turn in [self._pool.submit(_shrink, together) for _ in range(self._size)]:
                turn.result()
        library.malloc_trim(0)
        library.mallopt(M_TRIM_THRESHOLD, 64 << 20)


def _give_way() -> None:
    """Whoever logs in waits before those whose tokens are validated do: the whole cloud stands on these."""
    with suppress(OSError):  # some containers don't let a thread have a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOGIN_NICENESS)


def _shrink(together: threading.Barrier) -> None:
    with suppress(threading.BrokenBarrierError):
        together.wait(5)
    bytearray(100_000)


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


def digest_secret(secret: str) -> str:
    """The hash of a secret that was generated here or chosen; one that looks generated is hashed as such."""
    return digest_generated(secret) if GENERATED.fullmatch(secret) else digest(secret)


def digest_generated(secret: str) -> str:
    return FAST + hashlib.sha256(secret.encode()).hexdigest()


def secret_matches(hash: str | None, secret: str) -> bool:
    """Like `matches`, for secrets that were generated here or chosen by a user.

    How long it takes depends on what the given secret looks like, and not on whether there is a hash and of which kind.
    """
    fast = hash is not None and hash.startswith(FAST)
    if GENERATED.fullmatch(secret):
        return hmac.compare_digest(hash if hash and fast else FAST, digest_generated(secret))
    return matches(None if fast else hash, secret)
