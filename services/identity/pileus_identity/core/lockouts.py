"""Wrong passwords and one-time codes lock a user for a while, longer each time.

Strangers must not be able to lock an owner out by failing on purpose. So the lock is short at first and has a longest
duration, attempts during it don't prolong it, and callers from an address where the user has logged in before are
judged by their own failures. These addresses are remembered by this process only; after a restart the lock holds for
all of them.
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

FIRST_SECONDS = 10  # the first lock; each further failure doubles it
FORGOTTEN_SECONDS = 3600  # after as long without a failure the count begins anew
CODE_SECONDS = 300  # how long locks for one-time codes may become at least: there are only a million codes
KNOWN_SOURCES = 10_000
UNKNOWN = "failures of unknown users"  # a row that is written in place of a user's


@dataclass
class Tally:
    failures: int = 0
    failed_at: float = 0.0  # monotonic


class Lockouts:
    def __init__(self, config: Config, sessions: Sessions) -> None:
        self._attempts, self._longest = config.lockout_failure_attempts, config.lockout_duration
        self._sessions = sessions
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], Tally] = OrderedDict()  # (user, source)

    def locked(self, user: User, source: str, longest: int = 0) -> bool:
        """Whether an attempt from `source` (an address) is refused without a look at what it proves."""
        if not self._counts(user) or user.failures == 0 or user.failed_at is None:
            return False
        longest = max(longest, self._longest)
        with self._lock:
            tally = self._known.get((user.id, source))
            if tally is not None:
                return time.monotonic() < tally.failed_at + self._seconds(tally.failures, longest)
        return now() < user.failed_at + timedelta(seconds=self._seconds(user.failures, longest))

    def failed(self, user: User | None, source: str) -> None:
        """Counted by the database, so that processes share the count, and for a known source here as well.

        `user`: None if there is none, or one that is locked; that costs as much, or time would tell who exists.
        """
        if not self._attempts:
            return
        if user is None or not self._counts(user):
            self._count_unknown()
            return
        old = user.failed_at is None or user.failed_at + timedelta(seconds=FORGOTTEN_SECONDS) < now()
        with self._lock:
            tally = self._known.get((user.id, source))
            if tally is not None:  # an administrator may have unlocked the user, whose count is 0 then
                tally.failures, tally.failed_at = tally.failures * bool(user.failures) + 1, time.monotonic()
        with self._sessions.begin() as session:
            session.execute(
                update(User).where(User.id == user.id).values(failures=1 if old else User.failures + 1, failed_at=now())
            )

    def _count_unknown(self) -> None:
        with suppress(IntegrityError), self._sessions.begin() as session:  # another process may make the row
            counted = session.execute(update(SeenNonce).where(SeenNonce.digest == UNKNOWN).values(at=now()))
            if not counted.rowcount:  # type: ignore[attr-defined]
                session.add(SeenNonce(digest=UNKNOWN, at=now()))

    def succeeded(self, user: User, source: str) -> None:
        with self._lock:
            self._known[user.id, source] = Tally()
            self._known.move_to_end((user.id, source))
            if len(self._known) > KNOWN_SOURCES:
                self._known.popitem(last=False)
        if user.failures:
            with self._sessions.begin() as session:
                session.execute(update(User).where(User.id == user.id).values(failures=0, failed_at=None))

    def _counts(self, user: User) -> bool:
        return bool(self._attempts) and not user.options.get("ignore_lockout_failure_attempts")

    def _seconds(self, failures: int, longest: int) -> int:
        if failures < self._attempts:
            return 0
        return int(min(FIRST_SECONDS * 2 ** min(failures - self._attempts, 20), longest))
