"""The worker process: finds jobs whose time has come, has its threads execute them, and renews their leases."""

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
from pileus_kit.flow.executor import JobExecutor
from pileus_kit.flow.future_leases import FutureLeases
from pileus_kit.flow.jobs import EventColumns, JobColumns
from pileus_kit.flow.pruning import Kept, Pruner
from pileus_kit.flow.records import Records
from pileus_kit.flow.steps import Flow

log = logging.getLogger(__name__)

LEASE_S = 15.0
"""How long a worker may work on a job without renewing its lease; it renews at a third of that."""
POLL_S = 5.0
"""Pause between looks for jobs whose ring was lost."""
MAX_IDLE_S = 60.0
"""Pause between looks though no job is live and nothing was written to the database."""


class Runner:
    """Runs `threads` jobs at once. It remembers nothing that the database doesn't know."""

    def __init__(  # noqa: PLR0913 -- keywords
        self,
        sessions: Sessions,
        job: type[JobColumns],
        event: type[EventColumns],
        flows: list[Flow],
        tools: Any,
        worker: str,
        threads: int = 8,
        *,
        lease_s: float = LEASE_S,
        history_days: float | None = None,
        kept: Kept | None = None,
    ) -> None:
        """`worker` is this worker's name, in leases and events; `tools` is what each step gets.

        Jobs that ended more than `history_days` ago are deleted, but for `kept` ones; None keeps all.
        """
        self.sessions, self.job, self.event = sessions, job, event
        self.flows = {flow.name: flow for flow in flows}
        self.tools, self.worker, self.threads, self.lease_s = tools, worker, threads, lease_s
        self._held: set[str] = set()  # jobs that this process works on
        self._lock = threading.Lock()
        self._rings: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._background: list[threading.Thread] = []
        self._changes = Changes(sessions)
        records = Records(sessions, job, event, worker, lease_s, self.flows)
        self._executor = JobExecutor(records, self.flows, tools, self._stopping)
        self._pruner = Pruner(sessions, job, event, history_days, kept) if history_days is not None else None
        self._future_leases = FutureLeases(sessions, job, lease_s)
        self._quiet_until = 0.0  # no look is needed until then (monotonic), unless the database is written to

    # -- a worker process ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the threads that find jobs and renew leases."""
        self._background = [
            threading.Thread(target=self._watch, name="flow-watch", daemon=True),
            threading.Thread(target=self._renew, name="flow-renew", daemon=True),
        ]
        for thread in self._background:
            thread.start()

    def stop(self) -> None:
        """Let running steps end, release the leases, then return."""
        self._stopping.set()
        self._rings.put(None)
        for thread in self._background:
            thread.join()

    def ring(self, job_id: str) -> None:
        """Look at this job soon; the worker's doorbell calls this."""
        self._rings.put(job_id)

    def _watch(self) -> None:
        """Submit jobs as rings come, and every POLL_S seconds, however many rings there are, those that are due."""
        looked = time.monotonic() - POLL_S  # the first look is now: an earlier worker may have left jobs
        with ThreadPoolExecutor(self.threads, thread_name_prefix="flow") as pool:
            while not self._stopping.is_set():
                try:
                    rung = self._rings.get(timeout=max(0.0, looked + POLL_S - time.monotonic()))
                except queue.Empty:
                    rung = None
                if rung:
                    self._submit(pool, rung)
                if time.monotonic() >= looked + POLL_S:
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
            self._quiet_until = time.monotonic() + MAX_IDLE_S if quiet else 0.0
            if not quiet:
                self._future_leases.release_dead()
            return due
        except DatabaseBusy as err:
            log.warning("cannot look for jobs now: %s", err)
        except Exception:  # a bug must not end the thread that finds the jobs
            log.exception("cannot look for jobs")
        self._quiet_until = 0.0  # `Changes` may have reported a write that no look has followed
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
        except DatabaseBusy as err:  # nothing was saved, so the next poll takes it up again
            log.warning("job %s waits: %s", job_id, err)
        except Exception:  # a bug: the lease runs out, and the next poll takes it up again
            log.exception("job %s interrupted", job_id)
        finally:
            with self._lock:
                self._held.discard(job_id)
        if pause is not None and pause < POLL_S:  # a short Again shouldn't wait for the poll
            timer = threading.Timer(max(pause, 0.01), self.ring, (job_id,))
            timer.daemon = True
            timer.start()

    def _renew(self) -> None:
        while not self._stopping.wait(self.lease_s / 3):
            self._keep_leases()
            self._prune()

    def _prune(self) -> None:
        try:
            if self._pruner:
                self._pruner.prune()
        except Exception:  # a bug must not end the thread that keeps the leases
            log.exception("cannot delete old jobs")

    def _keep_leases(self) -> None:
        with self._lock:
            held = list(self._held)
        if not held:
            return
        try:
            with self.sessions.begin() as session:
                session.execute(
                    update(self.job)
                    .where(self.job.id.in_(held), self.job.owner == self.worker)
                    .values(lease_until=time.time() + self.lease_s)
                )
        except DatabaseBusy as err:  # at worst the lease runs out and another worker takes over
            log.warning("cannot renew leases now: %s", err)
        except Exception:  # a bug must not end the thread that keeps the leases
            log.exception("cannot renew leases")

    def run(self, job_id: str) -> float | None:
        """Work on the job until it ends, waits or is lost. Returns the seconds that it wants to wait, or None."""
        return self._executor.run(job_id)

    # -- tests -----------------------------------------------------------------------------------------------------

    def drain(self, rounds: int = 100) -> None:
        """Run every live job in this thread, without the pauses. Raises TimeoutError after `rounds` looks."""
        for _ in range(rounds):
            with self.sessions.begin() as session:
                session.execute(update(self.job).where(jobs.alive(self.job)).values(run_at=0.0))
                waiting = jobs.due(session, self.job, time.time(), limit=1000)
            if not waiting:
                return
            for job_id in waiting:
                self.run(job_id)
        raise TimeoutError(f"jobs still live after {rounds} rounds")
