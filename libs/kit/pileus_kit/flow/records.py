"""Where a job stands, saved under lease and fence: only the worker that still holds a job can change it."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_kit import spans
from pileus_kit.context import Work
from pileus_kit.db import Sessions, now
from pileus_kit.flow import jobs
from pileus_kit.flow.jobs import EventColumns, JobColumns
from pileus_kit.flow.steps import Flow, Step


class LeaseLost(Exception):
    """Another worker took the job over; this one must not touch it any more."""


class ProgressChanged(Exception):
    """The job's row is not as this worker left it: the job was cancelled while a step ran, or a commit took effect
    though its answer was lost. It has to be read again."""


@dataclass(frozen=True)
class Progress:
    """Where a job stands, as this worker saved or read it last."""

    work: Work
    state: str
    step: str
    tries: int = 0
    waiting_since: float | None = None


class Records:
    """The jobs and events of one worker."""

    def __init__(
        self,
        sessions: Sessions,
        job: type[JobColumns],
        event: type[EventColumns],
        worker: str,
        lease_s: float,
        flows: Mapping[str, Flow],
    ) -> None:
        self.sessions, self.job, self.event, self.worker, self.lease_s = sessions, job, event, worker, lease_s
        self._flows = flows
        self._spans = threading.local()  # of the step that the thread works on

    def claim(self, job_id: str) -> Progress | None:
        """Take the job. Returns None if another worker holds it or it has ended.

        Time in which no worker tried its step, because they were dead, asleep or without a database, isn't counted
        against the step's patience.
        """
        at = time.time()
        with self.sessions.begin() as session:
            row = jobs.claim(session, self.job, job_id, self.worker, at, self.lease_s)
            if row is None:
                return None
            late = max(0.0, at - row.run_at) if row.run_at else 0.0
            return self._progress_of(row, late)

    def reread(self, progress: Progress) -> Progress:
        """Return the job's present progress. Raises LeaseLost if another worker took it over."""
        with self.sessions.read() as session:
            row = session.get(self.job, progress.work.id)
            if row is None or row.owner != self.worker or row.attempt != progress.work.attempt:
                raise LeaseLost(progress.work.id)
            return self._progress_of(row)

    def save_alone(self, progress: Progress, **values: Any) -> None:
        """Save in a transaction of its own."""
        with self.sessions.begin() as session:
            self.save(session, progress, **values)

    def save(self, session: Session, progress: Progress, **values: Any) -> None:
        """Write these columns of the job, if this worker still holds it and it stands where it did.

        Otherwise raises LeaseLost or ProgressChanged, so that the whole transaction is rolled back.
        """
        table = self.job
        mine = (table.id == progress.work.id, table.owner == self.worker, table.attempt == progress.work.attempt)
        there = (*mine, table.state == progress.state, table.step == progress.step)
        kept = session.execute(
            update(table).where(*there).values(updated_at=now(), **values).execution_options(synchronize_session=False)
        )
        if kept.rowcount:  # type: ignore[attr-defined]
            return
        moved = session.scalar(select(table.id).where(*mine, table.state.in_(jobs.LIVE)))
        raise ProgressChanged if moved else LeaseLost(progress.work.id)

    def note(
        self, session: Session, progress: Progress, step: Step, outcome: str, cause: str | None, began: datetime
    ) -> None:
        """Add an event: how a step ended, with its cause and spans."""
        session.add(
            self.event(
                job_id=progress.work.id,
                subject=progress.work.subject,
                flow=progress.work.flow,
                step=step.name,
                outcome=outcome,
                cause=cause,
                request_id=progress.work.request_id,
                worker=self.worker,
                spans=list(self._spans.found) or None,
                started_at=began,
                finished_at=datetime.now(UTC),
            )
        )

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Collect the spans of the step that runs in the block; `note` writes them into its event."""
        with spans.collected() as self._spans.found:
            yield

    def _progress_of(self, row: JobColumns, late: float = 0.0) -> Progress:
        flow = self._flows.get(row.flow)
        work = Work(
            row.id,
            row.flow,
            row.subject,
            dict(row.data),
            row.attempt,
            row.request_id,
            row.user_id,
            row.project_id,
            row.cancelled,
            row.error,
            ends=bool(flow and flow.ends),
        )
        since = row.waiting_since and min(row.waiting_since + late, time.time())
        return Progress(work, row.state, row.step, row.tries, since)
