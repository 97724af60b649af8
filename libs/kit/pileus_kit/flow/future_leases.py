"""Leases and times of jobs that lie further in the future than any worker sets them: a clock that was ahead wrote them.

A machine whose clock was set back by an hour would otherwise leave its jobs alone for an hour. Whether a lease is in
use shows without any clock: its owner renews it, so one that doesn't change while a lease would run out has no owner.
"""

import time

from sqlalchemy import or_, select, update

from pileus_kit.db import Sessions
from pileus_kit.flow import jobs
from pileus_kit.flow.jobs import JobColumns

MAX_WAIT_S = 120.0
"""No step asks to be tried again later than that."""
MAX_ROWS = 1000
Claimed = tuple[str, int, float, float]
"""A job as it was seen: id, attempt, lease_until, run_at."""


class FutureLeases:
    """Releases such jobs. One thread calls it now and then."""

    def __init__(self, sessions: Sessions, job: type[JobColumns], lease_s: float) -> None:
        self._sessions, self._job, self._lease_s = sessions, job, lease_s
        self._unchanged_since: dict[Claimed, float] = {}  # monotonic

    def release_dead(self) -> None:
        """Release the jobs with a time in the future that have not changed for as long as a lease lasts."""
        at, tick, table = time.time(), time.monotonic(), self._job
        with self._sessions.read() as session:
            rows = session.execute(
                select(table.id, table.attempt, table.lease_until, table.run_at)
                .where(jobs.alive(table), or_(table.lease_until > at + self._lease_s, table.run_at > at + MAX_WAIT_S))
                .limit(MAX_ROWS)
            ).all()
        found = [(row[0], row[1], row[2], row[3]) for row in rows]
        self._unchanged_since = {key: self._unchanged_since.get(key, tick) for key in found}
        dead = [key for key, since in self._unchanged_since.items() if tick - since > self._lease_s]
        if dead:
            self._release(dead)

    def _release(self, dead: list[Claimed]) -> None:
        table = self._job
        with self._sessions.begin() as session:
            session.execute(
                update(table)
                .where(
                    table.id.in_([key[0] for key in dead]),
                    table.lease_until.in_([key[2] for key in dead]),
                    table.run_at.in_([key[3] for key in dead]),
                )
                .values(owner=None, lease_until=0.0, run_at=0.0)
            )
