"""The worker process: finds jobs that wait, has them walked by its threads, and keeps their leases."""

import logging
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import update

from pileus_kit.db import Changes, Sessions
from pileus_kit.errors import DatabaseBusy
from pileus_kit.flow import jobs
from pileus_kit.flow.foreseen import Foreseen
from pileus_kit.flow.jobs import EventColumns, JobColumns
from pileus_kit.flow.pruning import Pruner, Spared
from pileus_kit.flow.records import Records
from pileus_kit.flow.steps import Flow
from pileus_kit.flow.walker import Walker

log = logging.getLogger(__name__)

LEASE = 15.0  # seconds; renewed at a third of it
POLL = 5.0  # seconds between looks for jobs whose ring was lost
UNSEEN = 60.0  # seconds between looks though nothing lives and nobody wrote


class Runner:
    """`me` names this worker; `threads` jobs run at once. Nothing is remembered here that the database doesn't know."""

    def __init__(
        self,
        sessions: Sessions,
        job: type[JobColumns],
        event: type[EventColumns],
        flows: list[Flow],
        tools: Any,
        me: str,
        threads: int = 8,
        lease: float = LEASE,
        history_days: float | None = None,
        spared: Spared | None = None,
    ) -> None:
        """`history_days`: jobs that have rested for longer are forgotten, but for `spared` ones; None: nothing is."""
        self.sessions, self.job, self.event = sessions, job, event
        self.flows = {flow.name: flow for flow in flows}
        self.tools, self.me, self.threads, self.lease = tools, me, threads, lease
        self._held: set[str] = set()  # jobs that this process works on
        self._lock = threading.Lock()
        self._rings: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._crew: list[threading.Thread] = []
        self._changes = Changes(sessions)
        self._walker = Walker(Records(sessions, job, event, me, lease, self.flows), self.flows, tools, self._stopping)
        self._pruner = Pruner(sessions, job, event, history_days, spared) if history_days is not None else None
        self._foreseen = Foreseen(sessions, job, lease)
        self._quiet_until = 0.0  # monotonic; unless somebody writes

    # -- a worker process ------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._crew = [
            threading.Thread(target=self._watch, name="flow-watch", daemon=True),
            threading.Thread(target=self._renew, name="flow-renew", daemon=True),
        ]
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
            if not quiet:
                self._foreseen.cut()
            return due
        except DatabaseBusy as err:
            log.warning("cannot look for jobs now: %s", err)
        except Exception:  # a bug must not end the thread that finds the jobs
            log.exception("cannot look for jobs")
        self._quiet_until = 0.0  # a change may have been seen and not been looked at
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
        except DatabaseBusy as err:  # where it was, it is: the next poll takes it up again
            log.warning("job %s waits: %s", job_id, err)
        except Exception:  # a bug: the lease runs out and the next poll takes it up again
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
            self._keep_leases()
            self._prune()

    def _prune(self) -> None:
        try:
            if self._pruner:
                self._pruner.turn()
        except Exception:  # a bug must not end the thread that keeps the leases
            log.exception("cannot forget old jobs")

    def _keep_leases(self) -> None:
        with self._lock:
            held = list(self._held)
        if not held:
            return
        try:
            with self.sessions.begin() as session:
                session.execute(
                    update(self.job)
                    .where(self.job.id.in_(held), self.job.owner == self.me)
                    .values(lease_until=time.time() + self.lease)
                )
        except DatabaseBusy as err:  # a lost renewal costs the lease at worst, which is what leases are for
            log.warning("cannot renew leases now: %s", err)
        except Exception:  # a bug must not end the thread that keeps the leases
            log.exception("cannot renew leases")

    def run(self, job_id: str) -> float | None:
        """Work on the job until it rests, waits or is lost. Returns the seconds that it wants to wait, or None."""
        return self._walker.run(job_id)

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
