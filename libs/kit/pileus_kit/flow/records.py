"""Where a job stands, written down under lease and fence: only who still holds a job can change it."""

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
    """Another worker took the job over; stop touching it."""


class Turned(Exception):
    """The job was cancelled while a step ran, or a commit arrived though its answer was lost: read it again."""


@dataclass(frozen=True)
class Place:
    """Where a job stands: what `Records.save` changes under guard."""

    work: Work
    state: str
    step: str
    tries: int
    waiting_since: float | None


class Records:
    """The jobs and events of one worker."""

    def __init__(
        self,
        sessions: Sessions,
        job: type[JobColumns],
        event: type[EventColumns],
        me: str,
        lease: float,
        flows: Mapping[str, Flow],
    ) -> None:
        self.sessions, self.job, self.event, self.me, self.lease = sessions, job, event, me, lease
        self._flows = flows
        self._spans = threading.local()  # what the step that this thread works on did

    def claim(self, job_id: str) -> Place | None:
        """Take the job; None if another worker has it or it rests. Time for which nobody tried its step, because the
        workers were dead, asleep or without a database, isn't counted against the step's patience."""
        at = time.time()
        with self.sessions.begin() as session:
            row = jobs.claim(session, self.job, job_id, self.me, at, self.lease)
            if row is None:
                return None
            late = max(0.0, at - row.run_at) if row.run_at else 0.0
            return self._place_of(row, late)

    def reread(self, place: Place) -> Place:
        with self.sessions.read() as session:
            row = session.get(self.job, place.work.id)
            if row is None or row.owner != self.me or row.attempt != place.work.attempt:
                raise LeaseLost(place.work.id)
            return self._place_of(row)

    def save_alone(self, place: Place, **values: Any) -> None:
        with self.sessions.begin() as session:
            self.save(session, place, **values)

    def save(self, session: Session, place: Place, **values: Any) -> None:
        """Write only if the job is still ours and stands where it did; else the whole transaction is rolled back."""
        table = self.job
        mine = (table.id == place.work.id, table.owner == self.me, table.attempt == place.work.attempt)
        there = (*mine, table.state == place.state, table.step == place.step)
        kept = session.execute(
            update(table).where(*there).values(updated_at=now(), **values).execution_options(synchronize_session=False)
        )
        if kept.rowcount:  # type: ignore[attr-defined]
            return
        moved = session.scalar(select(table.id).where(*mine, table.state.in_(jobs.LIVE)))
        raise Turned if moved else LeaseLost(place.work.id)

    def note(
        self, session: Session, place: Place, step: Step, outcome: str, cause: str | None, began: datetime
    ) -> None:
        session.add(
            self.event(
                job_id=place.work.id,
                subject=place.work.subject,
                flow=place.work.flow,
                step=step.name,
                outcome=outcome,
                cause=cause,
                request_id=place.work.request_id,
                worker=self.me,
                spans=list(self._spans.found) or None,
                started_at=began,
                finished_at=datetime.now(UTC),
            )
        )

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Around a step: its spans go into the event that `note` writes."""
        with spans.collected() as self._spans.found:
            yield

    def _place_of(self, row: JobColumns, late: float = 0.0) -> Place:
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
        return Place(work, row.state, row.step, row.tries, since)
