"""Lockouts: wrong passwords and one-time codes lock a user for a while, longer each time.

Strangers must not be able to lock users out by failing on purpose. Therefore the first lock is short, locks have a
maximum duration, attempts during a lock don't prolong it, and callers from an address where the user has logged in
before are judged by their own failures alone. These addresses are known to this process only; after a restart the lock
holds for all of them.
"""

import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from pileus_identity.config import Config
from pileus_identity.db.models import SeenNonce, User
from pileus_kit.db import Sessions, now

FIRST_LOCK_S = 10  # each further failure doubles it
FAILURE_MEMORY_S = 3600  # after as long without a failure the count starts again
MIN_CODE_LOCK_S = 300  # locks for one-time codes may become at least as long, because there are only a million codes
MAX_KNOWN_SOURCES = 10_000
MAX_DOUBLINGS = 20
UNKNOWN_USERS = "failures of unknown users"  # the digest of a row that is written in place of a user's


@dataclass
class SourceFailures:
    """The failures from one address since the user last logged in from there."""

    count: int = 0
    failed_at: float = 0.0  # monotonic


class Lockouts:
    """Counts failed logins of each user and decides who is locked."""

    def __init__(self, config: Config, sessions: Sessions) -> None:
        self._max_attempts, self._max_lock_s = config.lockout_failure_attempts, config.lockout_duration_s
        self._sessions = sessions
        self._lock = threading.Lock()
        self._known_sources: OrderedDict[tuple[str, str], SourceFailures] = OrderedDict()  # by user id and address

    def is_locked(self, user: User, source: str, min_max_lock_s: int = 0) -> bool:
        """Whether an attempt from `source` (an address) is refused whatever it proves.

        `min_max_lock_s` is how long the locks of this method may become at least, in seconds.
        """
        if not self._applies_to(user) or user.failed_auth_count == 0 or user.failed_auth_at is None:
            return False
        max_lock_s = max(min_max_lock_s, self._max_lock_s)
        with self._lock:
            known = self._known_sources.get((user.id, source))
            if known is not None:
                return time.monotonic() < known.failed_at + self._lock_s(known.count, max_lock_s)
        return now() < user.failed_auth_at + timedelta(seconds=self._lock_s(user.failed_auth_count, max_lock_s))

    def record_failure(self, user: User | None, source: str) -> None:
        """Count a failure in the database, which all processes share, and for a known source also here.

        `user` is None if there is none, or one that is locked. That costs as much, so that time doesn't tell who
        exists.
        """
        if not self._max_attempts:
            return
        if user is None or not self._applies_to(user):
            self._record_unknown()
            return
        starts_again = user.failed_auth_at is None or user.failed_auth_at + timedelta(seconds=FAILURE_MEMORY_S) < now()
        with self._lock:
            known = self._known_sources.get((user.id, source))
            if known is not None:  # an administrator may have unlocked the user, whose count is 0 then
                known.count, known.failed_at = known.count * bool(user.failed_auth_count) + 1, time.monotonic()
        count = 1 if starts_again else User.failed_auth_count + 1
        with self._sessions.begin() as session:
            session.execute(
                update(User).where(User.id == user.id).values(failed_auth_count=count, failed_auth_at=now())
            )

    def _record_unknown(self) -> None:
        with suppress(IntegrityError), self._sessions.begin() as session:  # another process may insert the row
            updated = session.execute(
                update(SeenNonce).where(SeenNonce.digest == UNKNOWN_USERS).values(at=now()).returning(SeenNonce.digest)
            )
            if updated.first() is None:
                session.add(SeenNonce(digest=UNKNOWN_USERS, at=now()))

    def record_success(self, user: User, source: str) -> None:
        """Reset the user's count and remember the address."""
        with self._lock:
            self._known_sources[user.id, source] = SourceFailures()
            self._known_sources.move_to_end((user.id, source))
            if len(self._known_sources) > MAX_KNOWN_SOURCES:
                self._known_sources.popitem(last=False)
        if user.failed_auth_count:
            with self._sessions.begin() as session:
                session.execute(update(User).where(User.id == user.id).values(failed_auth_count=0, failed_auth_at=None))

    def _applies_to(self, user: User) -> bool:
        return bool(self._max_attempts) and not user.options.get("ignore_lockout_failure_attempts")

    def _lock_s(self, failures: int, max_lock_s: int) -> int:
        if failures < self._max_attempts:
            return 0
        return int(min(FIRST_LOCK_S * 2 ** min(failures - self._max_attempts, MAX_DOUBLINGS), max_lock_s))
