"""Runs jobs: claims them, does or undoes their steps, saves each under lease and fence."""

import logging
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_kit import context, spans
from pileus_kit.context import Work
from pileus_kit.db import Changes, Sessions, now
from pileus_kit.errors import CloudError, Transient
from pileus_kit.flow import jobs
from pileus_kit.flow.jobs import EventColumns, JobColumns
from pileus_kit.flow.steps import Again, Flow, Local, Step

log = logging.getLogger(__name__)

LEASE = 15.0  # seconds; renewed at a third of it
POLL = 5.0  # seconds between looks for jobs whose ring was lost
UNSEEN = 60.0  # seconds between looks though nothing lives and nobody wrote
LONGEST_PAUSE = 15.0  # seconds between two tries of one step


class LeaseLost(Exception):
    """Another worker took the job over; stop touching it."""


class Turned(Exception):
    """The job was cancelled while a step ran: it is ours still, and to be undone."""


@dataclass(frozen=True)
class Place:
    """Where a job stands: what `_save` changes under guard."""

    work: Work
    state: str
    step: str
    tries: int
    waiting_since: float | None


class Runner:
    """`me` names this worker; `threads` jobs run at once. Nothing is remembered here that the database doesn't know."""

    def __init__(self, sessions: Sessions, job: type[JobColumns], event: type[EventColumns], flows: list[Flow],
                 tools: Any, me: str, threads: int = 8, lease: float = LEASE) -> None:
        self.sessions, self.job, self.event = sessions, job, event
        self.flows = {flow.name: flow for flow in flows}
        self.tools, self.me, self.threads, self.lease = tools, me, threads, lease
        self._held: set[str] = set()  # jobs that this process works on
        self._lock = threading.Lock()
        self._rings: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._crew: list[threading.Thread] = []
        self._changes = Changes(sessions)
        self._spans = threading.local()  # what the step that this thread works on did
        self._quiet_until = 0.0  # monotonic; unless somebody writes

    # -- a worker process ------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._crew = [threading.Thread(target=self._watch, name="flow-watch", daemon=True),
                      threading.Thread(target=self._renew, name="flow-renew", daemon=True)]
        for thread in self._crew:
            thread.start()

    def stop(self) -> None:
        """Let running steps end, give leases back, then return."""
        self._stopping.set()
        self._rings.put(None)
        for thread in self._crew:
            thread.join()

    def ring(self, job_id: str) -> None:
        self._rings.put(job_id)

    def _watch(self) -> None:
        """Rings as they come, and every POLL seconds a look at the database, however many rings there are."""
        looked = time.monotonic() - POLL  # what an earlier worker left is taken up at once
        with ThreadPoolExecutor(self.threads, thread_name_prefix="flow") as pool:
            while not self._stopping.is_set():
                try:
                    rung = self._rings.get(timeout=max(0.0, looked + POLL - time.monotonic()))
                except queue.Empty:
                    rung = None
                if rung:
                    self._submit(pool, rung)
                if time.monotonic() >= looked + POLL:
                    looked = time.monotonic()
                    for job_id in self._due():
                        self._submit(pool, job_id)

    def _due(self) -> list[str]:
        try:
            if not self._changes.any() and time.monotonic() < self._quiet_until:
                return []
            with self.sessions.read() as session:
                due = jobs.due(session, self.job, time.time(), limit=10 * self.threads)
                quiet = not due and not jobs.any_alive(session, self.job)
            self._quiet_until = time.monotonic() + UNSEEN if quiet else 0.0
            return due
        except Exception:  # the database is away: say so and look again at the next poll
            log.exception("cannot look for jobs")
            return []

    def _submit(self, pool: ThreadPoolExecutor, job_id: str) -> None:
        with self._lock:
            if job_id in self._held:
                return
            self._held.add(job_id)
        pool.submit(self._run_held, job_id)

    def _run_held(self, job_id: str) -> None:
        pause: float | None = None
        try:
            pause = self.run(job_id)
        except Exception:  # e.g. the database is away: the lease runs out and the next poll takes it up again
            log.exception("job %s interrupted", job_id)
        finally:
            with self._lock:
                self._held.discard(job_id)
        if pause is not None and pause < POLL:  # a short Again shouldn't wait for the poll
            timer = threading.Timer(max(pause, 0.01), self.ring, (job_id,))
            timer.daemon = True
            timer.start()

    def _renew(self) -> None:
        while not self._stopping.wait(self.lease / 3):
            with self._lock:
                held = list(self._held)
            if not held:
                continue
            try:
                with self.sessions.begin() as session:
                    session.execute(update(self.job).where(self.job.id.in_(held), self.job.owner == self.me).values(
                        lease_until=time.time() + self.lease))
            except Exception:  # a lost renewal costs the lease at worst, which is what leases are for
                log.exception("cannot renew leases")

    # -- one job ---------------------------------------------------------------------------------------------------

    def run(self, job_id: str) -> float | None:
        """Work on the job until it rests, waits or is lost. Returns the seconds that it wants to wait, or None."""
        with self.sessions.begin() as session:
            row = jobs.claim(session, self.job, job_id, self.me, time.time(), self.lease)
            place = _place(row) if row else None
        if place is None:
            return None
        if place.work.flow not in self.flows:
            log.error("job %s: unknown flow %s; a newer worker must take it", job_id, place.work.flow)
            self._save_alone(place, owner=None, lease_until=0.0, run_at=time.time() + 60)
            return None
        tokens = context.work.set(place.work), context.request_id.set(place.work.request_id)
        try:
            return self._walk(place)
        except LeaseLost:
            log.warning("job %s was taken over by another worker", job_id)
            return None
        finally:
            context.work.reset(tokens[0])
            context.request_id.reset(tokens[1])

    def _walk(self, place: Place) -> float | None:
        while place.state in jobs.LIVE:
            if self._stopping.is_set():
                self._save_alone(place, owner=None, lease_until=0.0)
                return None
            with spans.collected() as self._spans.found:
                try:
                    next_place = self._forward(place) if place.state == "running" else self._backward(place)
                except Turned:
                    next_place = self._reread(place)
            if isinstance(next_place, float):
                return next_place
            place = next_place
        return None

    def _forward(self, place: Place) -> Place | float:
        flow = self.flows[place.work.flow]
        step = flow.steps[flow.index.get(place.step, 0)]
        began = now()
        try:
            return self._do(flow, step, place, began)
        except (LeaseLost, Turned):
            raise
        except (Again, Transient) as err:
            if place.waiting_since is None or time.time() - place.waiting_since < step.patience:
                return self._wait(place, step, err, began)
            return self._turn(place, step, f"{err} (gave up after {step.patience:.0f} seconds)", began)
        except CloudError as err:
            log.info("%s: step %s refused: %s", flow.name, step.name, err)
            return self._turn(place, step, str(err), began)
        except Exception as err:
            log.exception("%s: step %s failed", flow.name, step.name)
            return self._turn(place, step, f"{type(err).__name__}: {err}", began)

    def _do(self, flow: Flow, step: Step, place: Place, began: datetime) -> Place:
        following = flow.index[step.name] + 1
        last = following == len(flow.steps)
        if isinstance(step, Local):
            with self.sessions.begin() as session:
                result = step.do(session, self.tools, place.work)
                return self._advance(session, place, step, following, last, result, began)
        result = step.do(self.tools, place.work)
        try:
            with self.sessions.begin() as session:
                return self._advance(session, place, step, following, last, result, began)
        except Turned:  # keep what it made known, undo may need it
            self._save_alone(replace(place, state="undoing"), data=place.work.data | (result or {}), step=step.name)
            raise

    def _advance(self, session: Session, place: Place, step: Step, following: int, last: bool,
                 result: dict[str, Any] | None, began: datetime) -> Place:
        work = replace(place.work, data=place.work.data | (result or {})) if result else place.work
        state = "done" if last else "running"
        name = step.name if last else self.flows[work.flow].steps[following].name
        after = Place(work, state, name, 0, None)
        context.work.set(work)
        rest = {"owner": None, "lease_until": 0.0} if last else {"lease_until": time.time() + self.lease}
        clear = {"waiting_since": None, "tries": 0, "error": None} if place.waiting_since is not None else {}
        self._save(session, place, state=state, step=name, **({"data": work.data} if result else {}), **rest, **clear)
        self._note(session, place, step, "done", None, began)
        return after

    def _backward(self, place: Place) -> Place | float:
        flow = self.flows[place.work.flow]
        at = flow.index.get(place.step, 0)
        step = flow.steps[at]
        began = now()
        context.work.set(replace(place.work, undoing=True))
        try:
            if isinstance(step, Local) or step.undo is None:
                with self.sessions.begin() as session:
                    if isinstance(step, Local) and step.undo:
                        step.undo(session, self.tools, place.work)
                    return self._retreat(session, flow, place, step, at, began)
            step.undo(self.tools, place.work)
            with self.sessions.begin() as session:
                return self._retreat(session, flow, place, step, at, began)
        except LeaseLost:
            raise
        except (Again, Transient) as err:
            return self._wait(place, step, err, began)
        except Exception as err:  # undo itself failed: never silent, and tried again
            log.exception("%s: undo of %s failed", flow.name, step.name)
            return self._stick(place, step, err, began)

    def _retreat(self, session: Session, flow: Flow, place: Place, step: Step, at: int, began: datetime) -> Place:
        state = "undoing" if at else "undone"
        name = flow.steps[at - 1].name if at else step.name
        if not at and flow.failed:
            flow.failed(session, self.tools, place.work)
        rest = {"lease_until": time.time() + self.lease} if at else {"owner": None, "lease_until": 0.0}
        self._save(session, place, state=state, step=name, waiting_since=None, tries=0, **rest)
        self._note(session, place, step, "undone", None, began)
        return Place(place.work, state, name, 0, None)

    # -- saving under guard ----------------------------------------------------------------------------------------

    def _wait(self, place: Place, step: Step, err: Exception, began: datetime) -> float:
        pause = getattr(err, "after", None)
        if pause is None:
            pause = min(0.25 * 2**min(place.tries, 10), LONGEST_PAUSE)
        log.info("%s: step %s waits %.2f s: %s", place.work.flow, step.name, pause, err)
        with self.sessions.begin() as session:
            cause = {} if place.state != "running" else {"error": str(err)}  # while undoing, `error` says why we undo
            self._save(session, place, owner=None, lease_until=0.0, run_at=time.time() + pause, tries=place.tries + 1,
                       step=step.name, waiting_since=place.waiting_since or time.time(), **cause)
            if place.tries == 0:
                self._note(session, place, step, "waiting", str(err), began)
        return float(pause)

    def _turn(self, place: Place, step: Step, why: str, began: datetime) -> Place:
        with self.sessions.begin() as session:
            self._save(session, place, state="undoing", error=why, step=step.name, tries=0, waiting_since=None)
            self._note(session, place, step, "failed", why, began)
        return Place(replace(place.work, error=why), "undoing", step.name, 0, None)

    def _stick(self, place: Place, step: Step, err: Exception, began: datetime) -> float:
        pause = min(1.0 * 2**min(place.tries, 10), 60.0)
        with self.sessions.begin() as session:
            self._save(session, place, state="stuck", owner=None, lease_until=0.0, run_at=time.time() + pause,
                       tries=place.tries + 1, step=step.name)
            if place.tries == 0:
                self._note(session, place, step, "stuck", f"{type(err).__name__}: {err}", began)
        return pause

    def _save_alone(self, place: Place, **values: Any) -> None:
        with self.sessions.begin() as session:
            self._save(session, place, **values)

    def _save(self, session: Session, place: Place, **values: Any) -> None:
        """Write only if the job is still ours and nobody turned it; else the whole transaction is rolled back."""
        table = self.job
        mine = (table.id == place.work.id, table.owner == self.me, table.attempt == place.work.attempt)
        kept = session.execute(update(table).where(*mine, table.state == place.state).values(updated_at=now(), **values)
                               .execution_options(synchronize_session=False))
        if kept.rowcount:  # type: ignore[attr-defined]
            return
        turned = session.scalar(select(table.id).where(*mine, table.state == "undoing"))
        raise Turned if turned and place.state == "running" else LeaseLost(place.work.id)

    def _reread(self, place: Place) -> Place:
        with self.sessions.read() as session:
            row = session.get(self.job, place.work.id)
            if row is None or row.owner != self.me or row.attempt != place.work.attempt:
                raise LeaseLost(place.work.id)
            return _place(row)

    def _note(self, session: Session, place: Place, step: Step, outcome: str, cause: str | None,
              began: datetime) -> None:
        session.add(self.event(job_id=place.work.id, subject=place.work.subject, flow=place.work.flow, step=step.name,
                               outcome=outcome, cause=cause, request_id=place.work.request_id, worker=self.me,
                               spans=list(self._spans.found) or None, started_at=began, finished_at=datetime.now(UTC)))

    # -- tests -----------------------------------------------------------------------------------------------------

    def drain(self, rounds: int = 100) -> None:
        """Run everything live in this thread, without the pauses; gives up after `rounds` looks."""
        for _ in range(rounds):
            with self.sessions.begin() as session:
                session.execute(update(self.job).where(jobs.alive(self.job)).values(run_at=0.0))
                waiting = jobs.due(session, self.job, time.time(), limit=1000)
            if not waiting:
                return
            for job_id in waiting:
                self.run(job_id)
        raise TimeoutError(f"jobs still live after {rounds} rounds")


def _place(row: JobColumns) -> Place:
    work = Work(row.id, row.flow, row.subject, dict(row.data), row.attempt, row.request_id, row.user_id,
                row.project_id, row.cancelled, row.error)
    return Place(work, row.state, row.step, row.tries, row.waiting_since)
