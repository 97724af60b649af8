"""Leases and times of jobs that lie further ahead than any worker writes them: a clock that was ahead wrote them.

A machine whose clock went back by an hour would otherwise leave its jobs alone for an hour. Whether a lease is alive
shows without any clock: its owner renews it, so one that stays as it is for as long as a lease lasts has no owner.
"""

import time

from sqlalchemy import or_, select, update

from pileus_kit.db import Sessions
from pileus_kit.flow import jobs
from pileus_kit.flow.jobs import JobColumns

LONGEST_WAIT = 120.0
"""Seconds; no step asks to be tried again later than that."""
Seen = tuple[str, int, float, float]


class Foreseen:
    """For one thread, which looks now and then."""

    def __init__(self, sessions: Sessions, job: type[JobColumns], lease: float) -> None:
        self._sessions, self._job, self._lease = sessions, job, lease
        self._seen: dict[Seen, float] = {}  # since when it has been as it is

    def cut(self) -> None:
        """Give back what nobody holds."""
        at, tick, table = time.time(), time.monotonic(), self._job
        with self._sessions.read() as session:
            rows = session.execute(
                select(table.id, table.attempt, table.lease_until, table.run_at)
                .where(jobs.alive(table), or_(table.lease_until > at + self._lease, table.run_at > at + LONGEST_WAIT))
                .limit(1000)
            ).all()
        found = [(row[0], row[1], row[2], row[3]) for row in rows]
        self._seen = {key: self._seen.get(key, tick) for key in found}
        dead = [key for key, since in self._seen.items() if tick - since > self._lease]
        if dead:
            self._free(dead)

    def _free(self, dead: list[Seen]) -> None:
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
