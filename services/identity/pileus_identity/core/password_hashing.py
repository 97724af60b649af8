"""Hashes of passwords and secrets.

Passwords are hashed with argon2id. Secrets that this service generates have 512 bits of randomness and need no slow
hash.
"""

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

MAX_PASSWORD_CHARACTERS = 4096  # longer ones can't be set and never match
GENERATED = re.compile(r"[A-Za-z0-9_-]{86}")  # the form of `generate_secret`
FAST = "sha256$"  # the prefix of hashes of generated secrets
IDLE_RELEASE_S = 10
HASHING_NICENESS = 5
M_TRIM_THRESHOLD = -1  # malloc.h


@functools.cache
def hasher() -> "PasswordHasher":
    """OWASP's minimum for argon2id (Password Storage Cheat Sheet): 19 MiB, 2 iterations, 1 lane; about 20 ms of CPU."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class HashingPool:
    """Hashes in as many threads as there are processors.

    Each of them keeps its 19 MiB for the next password, which saves a third of the work; in all threads of the API that
    would be 300 MiB. Some seconds later the memory is given back.
    """

    def __init__(self) -> None:
        self._size = os.cpu_count() or 2
        self._pool = ThreadPoolExecutor(self._size, "hash", initializer=_lower_priority)
        self._lock = threading.Lock()
        self._holds_memory = False

    def run(self, work: Callable[[], T]) -> T:
        """Run a hash in the pool and wait for its result."""
        with self._lock:
            if not self._holds_memory:
                self._holds_memory = True
                timer = threading.Timer(IDLE_RELEASE_S, self.release_memory)
                timer.daemon = True
                timer.start()
        return self._pool.submit(work).result()

    def release_memory(self) -> None:
        """Give the memory back to the system, if the C library is glibc.

        A thread's arena shrinks when something is freed in it while its free end is larger than the trim threshold
        (mallopt(3)); malloc_trim(3) releases free pages inside an arena.
        """
        with self._lock:
            self._holds_memory = False
        library = ctypes.CDLL(None)
        if not hasattr(library, "mallopt"):
            return
        library.mallopt(M_TRIM_THRESHOLD, 64 << 10)
        all_threads = threading.Barrier(self._size)  # so that each thread takes exactly one of the tasks
        with suppress(RuntimeError):  # the process is ending and the pool takes no more tasks
            for task in [self._pool.submit(_shrink_arena, all_threads) for _ in range(self._size)]:
                task.result()
        library.malloc_trim(0)
        library.mallopt(M_TRIM_THRESHOLD, 64 << 20)


def _lower_priority() -> None:
    """Logins wait in favour of token validations, on which the whole cloud depends."""
    with suppress(OSError):  # some containers don't let a thread have its own priority
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)


def _shrink_arena(all_threads: threading.Barrier) -> None:
    with suppress(threading.BrokenBarrierError):
        all_threads.wait(5)
    bytearray(100_000)


def hashing_pool() -> HashingPool:
    """This process's own pool: threads don't survive a fork, and `up` forks the API after a bootstrap has hashed."""
    return _hashing_pool(os.getpid())


@functools.cache
def _hashing_pool(_process: int) -> HashingPool:
    return HashingPool()


@functools.cache
def unmatchable_hash() -> str:
    """The hash of an unknown password, with which passwords are compared where no user exists."""
    return hash_password(secrets.token_hex(16))


def hash_password(password: str) -> str:
    """The argon2id hash of a password, with a new salt."""
    return hashing_pool().run(lambda: hasher().hash(password))


def matches(hash: str | None, password: str) -> bool:
    """Whether a password has a hash. It takes as long without a hash, so that time doesn't tell which users exist."""
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password) > MAX_PASSWORD_CHARACTERS:
        password = password[:MAX_PASSWORD_CHARACTERS] + "\0"
    compared = hash or unmatchable_hash()
    try:
        return hashing_pool().run(lambda: hasher().verify(compared, password)) and hash is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(hash: str) -> bool:
    """Whether a hash was made with weaker settings than today's."""
    return hasher().check_needs_rehash(hash)


def generate_secret() -> str:
    """A random secret for a program."""
    return secrets.token_urlsafe(64)


def hash_secret(secret: str) -> str:
    """The hash of a secret that was generated here or chosen by a user; one that looks generated gets the fast hash."""
    return hash_generated_secret(secret) if GENERATED.fullmatch(secret) else hash_password(secret)


def hash_generated_secret(secret: str) -> str:
    """The fast hash, for secrets that can't be guessed."""
    return FAST + hashlib.sha256(secret.encode()).hexdigest()


def secret_matches(hash: str | None, secret: str) -> bool:
    """Like `matches`, for secrets that were generated here or chosen by a user.

    The time that it takes depends on the form of the given secret, and not on the hash.
    """
    fast = hash is not None and hash.startswith(FAST)
    if GENERATED.fullmatch(secret):
        return hmac.compare_digest(hash if hash and fast else FAST, hash_generated_secret(secret))
    return matches(None if fast else hash, secret)
