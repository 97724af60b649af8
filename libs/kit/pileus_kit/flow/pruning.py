"""Deletes jobs that ended long ago, with their events: oldest first, a few at a time, in short transactions."""

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
"""Events that one call of `prune` looks at."""
PASS_S = 3600.0
"""Seconds between the end of one pass over the old events and the next."""
Kept = Callable[[], ColumnElement[bool]]
"""Returns the condition of jobs that are kept however old they are, such as those of servers that exist."""


class Pruner:
    """Deletes in passes. One thread calls it; events are numbered in the order of time, so it needs no index."""

    def __init__(
        self,
        sessions: Sessions,
        job: type[JobColumns],
        event: type[EventColumns],
        days: float,
        kept: Kept | None = None,
    ) -> None:
        """Jobs that ended more than `days` ago are deleted, but for `kept` ones."""
        self._sessions, self._job, self._event, self._days, self._kept = sessions, job, event, days, kept
        self._after, self._due = 0, 0.0  # the last event looked at; when the next pass begins (monotonic)

    def prune(self) -> bool:
        """Look at the next batch of old events, if it is time for a pass. Returns False at the end of a pass."""
        if time.monotonic() < self._due:
            return False
        try:
            has_more = self._prune_batch()
        except DatabaseBusy as err:
            log.warning("old jobs are deleted later: %s", err)
            has_more = False
        if not has_more:
            self._after, self._due = 0, time.monotonic() + PASS_S
        return has_more

    def _prune_batch(self) -> bool:
        event, horizon = self._event, now() - timedelta(days=self._days)
        with self._sessions.read() as session:
            rows = session.execute(
                select(event.id, event.job_id, event.finished_at)
                .where(event.id > self._after)
                .order_by(event.id)
                .limit(BATCH)
            ).all()
            old = [row for row in rows if row.finished_at < horizon]
            jobs = {row.job_id for row in old}
            kept = set(session.scalars(select(self._job.id).where(self._job.id.in_(jobs), self._is_kept())))
        expired = jobs - kept  # including jobs that were deleted before their events
        if expired:
            with self._sessions.begin() as session:
                session.execute(delete(event).where(event.job_id.in_(expired)))
                session.execute(delete(self._job).where(self._job.id.in_(expired)))
        if not rows or len(old) < len(rows):  # the events behind these are younger
            return False
        self._after = max(row.id for row in rows)
        return True

    def _is_kept(self) -> ColumnElement[bool]:
        """Return the condition that a job with old events is kept."""
        job = self._job
        recent = job.state.not_in(REST) | (job.updated_at >= now() - timedelta(days=self._days))
        return recent | self._kept() if self._kept else recent
