"""Forgets jobs that have rested for long, with their events: oldest first, a few at a time, in short transactions."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select

from pileus_kit.db import Sessions, now
from pileus_kit.errors import DatabaseBusy
from pileus_kit.flow.jobs import REST, EventColumns, JobColumns

log = logging.getLogger(__name__)

BATCH = 500
"""Events that are looked at in one turn."""
PASS_S = 3600.0
"""Seconds between the end of one pass over what is old and the next."""
Spared = Callable[[], ColumnElement[bool]]
"""The condition of jobs that are kept however old they are, e.g. those of servers that exist."""


class Pruner:
    """For one thread. Events are numbered in the order of time, so no index is needed to find the old ones."""

    def __init__(
        self,
        sessions: Sessions,
        job: type[JobColumns],
        event: type[EventColumns],
        days: float,
        spared: Spared | None = None,
    ) -> None:
        self._sessions, self._job, self._event, self._days, self._spared = sessions, job, event, days, spared
        self._after, self._due = 0, 0.0

    def turn(self) -> bool:
        """Look at some of what is old, if it is time. False if there was nothing (more) to look at."""
        if time.monotonic() < self._due:
            return False
        try:
            found = self._look()
        except DatabaseBusy as err:
            log.warning("old jobs are forgotten later: %s", err)
            found = []
        if not found:
            self._after, self._due = 0, time.monotonic() + PASS_S
        return bool(found)

    def _look(self) -> list[int]:
        event, horizon = self._event, now() - timedelta(days=self._days)
        with self._sessions.read() as session:
            rows = session.execute(
                select(event.id, event.job_id, event.finished_at)
                .where(event.id > self._after)
                .order_by(event.id)
                .limit(BATCH)
            ).all()
            old = [row for row in rows if row.finished_at < horizon]
            told = {row.job_id for row in old}
            kept = set(session.scalars(select(self._job.id).where(self._job.id.in_(told), self._alive_or_dear())))
        doomed = told - kept  # also those whose job has been forgotten already
        if doomed:
            with self._sessions.begin() as session:
                session.execute(delete(event).where(event.job_id.in_(doomed)))
                session.execute(delete(self._job).where(self._job.id.in_(doomed)))
        if len(old) < len(rows):  # what comes after is younger
            return []
        self._after = max((row.id for row in rows), default=0)
        return [row.id for row in rows]

    def _alive_or_dear(self) -> ColumnElement[bool]:
        """Of the jobs that have old events: those that are to be kept."""
        job = self._job
        alive = job.state.not_in(REST) | (job.updated_at >= now() - timedelta(days=self._days))
        return alive | self._spared() if self._spared else alive
