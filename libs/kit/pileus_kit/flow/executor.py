"""Runs one job through its steps: does them, undoes them, waits, and saves each under lease and fence."""

import logging
import threading
import time
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from pileus_kit import context, fault_messages
from pileus_kit.db import now
from pileus_kit.errors import CloudError, DatabaseBusy, Outage, Transient
from pileus_kit.flow import jobs
from pileus_kit.flow.records import LeaseLost, Progress, ProgressChanged, Records
from pileus_kit.flow.steps import Again, Flow, Local, Step

log = logging.getLogger(__name__)

MAX_PAUSE_S = 15.0
"""Pause between two tries of one step."""
MAX_STUCK_PAUSE_S = 60.0
"""Pause between two tries of an undo that failed."""
MAX_COUNTED_TRY_S = 60.0
"""How much of one try counts against its step's patience: during the rest of it the bus may have been away."""
UNKNOWN_FLOW_PAUSE_S = 60.0
MAX_DOUBLINGS = 10
"""How often pauses double; keeps the power in bounds however many tries there were."""
AT_REST: dict[str, Any] = {"owner": None, "lease_until": 0.0}
"""What a job's lease is once no worker needs it."""


class JobExecutor:
    """Executes the jobs of this worker. It remembers nothing that the database doesn't know."""

    def __init__(self, records: Records, flows: dict[str, Flow], tools: Any, stopping: threading.Event) -> None:
        self.records, self.flows, self.tools, self._stopping = records, flows, tools, stopping
        self.sessions, self.lease_s = records.sessions, records.lease_s
        self._save, self._save_alone, self._note = records.save, records.save_alone, records.note

    def run(self, job_id: str) -> float | None:
        """Work on the job until it ends, waits or is lost. Returns the seconds that it wants to wait, or None."""
        progress = self.records.claim(job_id)
        if progress is None:
            return None
        if progress.work.flow not in self.flows:
            log.error("job %s: unknown flow %s; a newer worker must take it", job_id, progress.work.flow)
            self._save_alone(progress, **AT_REST, run_at=time.time() + UNKNOWN_FLOW_PAUSE_S)
            return None
        tokens = context.work.set(progress.work), context.request_id.set(progress.work.request_id)
        try:
            return self._run_steps(progress)
        except LeaseLost:
            log.warning("job %s was taken over by another worker", job_id)
            return None
        finally:
            context.work.reset(tokens[0])
            context.request_id.reset(tokens[1])

    def _run_steps(self, progress: Progress) -> float | None:
        refusals = 0  # of the database, in succession
        while progress.state in jobs.LIVE:
            if self._stopping.is_set():
                self._save_alone(progress, **AT_REST)
                return None
            try:
                with self.records.collecting():
                    following = self._do_step(progress) if progress.state == "running" else self._undo_step(progress)
                refusals = 0
            except ProgressChanged:
                following = self.records.reread(progress)
            except DatabaseBusy:
                following, refusals = self._wait_for_database(progress, refusals), refusals + 1
            if isinstance(following, float):
                return following
            progress = following
        return None

    def _wait_for_database(self, progress: Progress, refusals: int) -> Progress:
        """Keep the job until our own database, which is locked, full or away, can be read again, however long that
        takes. Returns the progress read then: a commit may have taken effect though its answer was lost."""
        began = time.time()
        while True:
            pause = min(0.05 * 2 ** min(refusals, MAX_DOUBLINGS), MAX_PAUSE_S)
            work = progress.work
            log.warning("%s, step %s: the database is busy; again in %.2f s", work.flow, progress.step, pause)
            if self._stopping.wait(pause):
                return progress
            try:
                fresh = self.records.reread(progress)
            except DatabaseBusy:
                refusals += 1
                continue
            waited = time.time() - began
            return replace(fresh, waiting_since=fresh.waiting_since and fresh.waiting_since + waited)

    # -- forward ---------------------------------------------------------------------------------------------------

    def _do_step(self, progress: Progress) -> Progress | float:
        flow = self.flows[progress.work.flow]
        step = flow.steps[flow.index.get(progress.step, 0)]
        began = now()
        try:
            return self._perform(flow, step, progress, began)
        except (LeaseLost, ProgressChanged, DatabaseBusy):
            raise
        except (Again, Transient) as err:
            return self._wait_or_undo(progress, step, err, began)
        except CloudError as err:
            log.info("%s: step %s refused: %s", flow.name, step.name, err)
            return self._begin_undoing(progress, step, err, fault_messages.user_message(err), began)
        except Exception as err:
            log.exception("%s: step %s failed", flow.name, step.name)
            return self._begin_undoing(progress, step, err, fault_messages.user_message(err), began)

    def _wait_or_undo(
        self, progress: Progress, step: Step, err: Again | Transient, began: datetime
    ) -> Progress | float:
        """Wait if the step's patience lasts. An outage is waited for however long it takes, and costs no patience."""
        since = progress.waiting_since
        if isinstance(err, Outage):
            return self._wait(replace(progress, waiting_since=time.time()), step, err, began)
        if since is not None:
            since += max(0.0, (now() - began).total_seconds() - MAX_COUNTED_TRY_S)
        if since is None or time.time() - since < step.patience_s:
            return self._wait(replace(progress, waiting_since=since), step, err, began)
        why = f"{fault_messages.user_message(err)} (gave up after {step.patience_s:.0f} seconds)"
        return self._begin_undoing(progress, step, err, why, began)

    def _perform(self, flow: Flow, step: Step, progress: Progress, began: datetime) -> Progress:
        if isinstance(step, Local):
            with self.sessions.begin() as session:
                result = step.do(session, self.tools, progress.work)
                return self._advance(session, progress, step, result, began)
        result = step.do(self.tools, progress.work)
        for refusals in count():
            try:
                with self.sessions.begin() as session:
                    return self._advance(session, progress, step, result, began)
            except ProgressChanged:  # the job was cancelled: save what the step returned, undo may need it
                data = progress.work.data | (result or {})
                self._save_alone(replace(progress, state="undoing"), data=data, step=step.name)
                raise
            except DatabaseBusy:  # the call was made; only saving its result is tried again
                self._wait_for_database(progress, refusals)
                if self._stopping.is_set():
                    raise
        raise AssertionError("unreachable")

    def _advance(
        self, session: Session, progress: Progress, step: Step, result: dict[str, Any] | None, began: datetime
    ) -> Progress:
        """Save that the step is done, and what it returned."""
        work = replace(progress.work, data=progress.work.data | result) if result else progress.work
        steps = self.flows[work.flow].steps
        following = self.flows[work.flow].index[step.name] + 1
        is_last = following == len(steps)
        after = Progress(work, "done" if is_last else "running", step.name if is_last else steps[following].name)
        context.work.set(work)
        changes: dict[str, Any] = AT_REST if is_last else {"lease_until": time.time() + self.lease_s}
        if result:
            changes = {**changes, "data": work.data}
        if progress.waiting_since is not None:
            changes = {**changes, "waiting_since": None, "tries": 0, "error": None}
        self._save(session, progress, state=after.state, step=after.step, **changes)
        self._note(session, progress, step, "done", None, began)
        return after

    # -- back ------------------------------------------------------------------------------------------------------

    def _undo_step(self, progress: Progress) -> Progress | float:
        flow = self.flows[progress.work.flow]
        step = flow.steps[flow.index.get(progress.step, 0)]
        began = now()
        context.work.set(replace(progress.work, undoing=True))
        try:
            if isinstance(step, Local) or step.undo is None:
                with self.sessions.begin() as session:
                    if isinstance(step, Local) and step.undo:
                        step.undo(session, self.tools, progress.work)
                    return self._step_back(session, flow, progress, step, began)
            step.undo(self.tools, progress.work)
            with self.sessions.begin() as session:
                return self._step_back(session, flow, progress, step, began)
        except (LeaseLost, ProgressChanged, DatabaseBusy):
            raise
        except (Again, Transient) as err:
            return self._wait(progress, step, err, began)
        except Exception as err:  # the undo itself failed: this is never silent, and tried again
            log.exception("%s: undo of %s failed", flow.name, step.name)
            return self._mark_stuck(progress, step, err, began)

    def _step_back(self, session: Session, flow: Flow, progress: Progress, step: Step, began: datetime) -> Progress:
        """Save that the step is undone; before the first one the job has failed, or begins once more."""
        at = flow.index[step.name]
        if at:
            changes: dict[str, Any] = {"lease_until": time.time() + self.lease_s}
            after = Progress(progress.work, "undoing", flow.steps[at - 1].name)
        else:
            fresh = flow.again(session, self.tools, progress.work) if flow.again else None
            if fresh is not None:
                return self._restart(session, flow, progress, fresh, began)
            if flow.failed:
                flow.failed(session, self.tools, progress.work)
            changes = AT_REST
            after = Progress(progress.work, "undone", step.name)
        self._save(session, progress, state=after.state, step=after.step, waiting_since=None, tries=0, **changes)
        self._note(session, progress, step, "undone", None, began)
        return after

    def _restart(
        self, session: Session, flow: Flow, progress: Progress, fresh: dict[str, Any], began: datetime
    ) -> Progress:
        """Save that the job, which is undone, begins once more with the data `fresh`."""
        first = flow.steps[0]
        self._save(
            session,
            progress,
            state="running",
            step=first.name,
            data=fresh,
            error=None,
            waiting_since=None,
            tries=0,
            lease_until=time.time() + self.lease_s,
        )
        self._note(session, progress, first, "undone", None, began)
        work = replace(progress.work, data=fresh, error=None, undoing=False)
        context.work.set(work)
        return Progress(work, "running", first.name)

    # -- where it doesn't go on ------------------------------------------------------------------------------------

    def _wait(self, progress: Progress, step: Step, err: Exception, began: datetime) -> float:
        pause = getattr(err, "after", None)
        if pause is None:
            pause = min(0.25 * 2 ** min(progress.tries, MAX_DOUBLINGS), MAX_PAUSE_S)
        why = fault_messages.user_message(err)
        log.info("%s: step %s waits %.2f s: %s", progress.work.flow, step.name, pause, err)
        with self.sessions.begin() as session:
            cause = {} if progress.state != "running" else {"error": why}  # while undoing, `error` says why we undo
            self._save(
                session,
                progress,
                **AT_REST,
                run_at=time.time() + pause,
                tries=progress.tries + 1,
                step=step.name,
                waiting_since=progress.waiting_since or time.time(),
                **cause,
            )
            if progress.tries == 0:
                self._note(session, progress, step, "waiting", why, began)
        return float(pause)

    def _begin_undoing(self, progress: Progress, step: Step, err: Exception, why: str, began: datetime) -> Progress:
        data = progress.work.data | {"failed": getattr(err, "kind", type(err).__name__)}
        changes: dict[str, Any] = {"error": why, "data": data, "tries": 0, "waiting_since": None}
        with self.sessions.begin() as session:
            self._save(session, progress, state="undoing", step=step.name, **changes)
            self._note(session, progress, step, "failed", why, began)
        return Progress(replace(progress.work, error=why, data=data), "undoing", step.name)

    def _mark_stuck(self, progress: Progress, step: Step, err: Exception, began: datetime) -> float:
        pause = min(1.0 * 2 ** min(progress.tries, MAX_DOUBLINGS), MAX_STUCK_PAUSE_S)
        changes: dict[str, Any] = {"run_at": time.time() + pause, "tries": progress.tries + 1}
        with self.sessions.begin() as session:
            self._save(session, progress, state="stuck", step=step.name, **AT_REST, **changes)
            if progress.tries == 0:
                self._note(session, progress, step, "stuck", fault_messages.user_message(err), began)
        return pause
