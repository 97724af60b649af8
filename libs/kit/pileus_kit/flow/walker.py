"""Walks one job through its steps: does them, undoes them, waits, and writes each down under lease and fence."""

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
from pileus_kit.flow.records import LeaseLost, Place, Records, Turned
from pileus_kit.flow.steps import Again, Flow, Local, Step

log = logging.getLogger(__name__)

LONGEST_PAUSE = 15.0  # seconds between two tries of one step
LONGEST_STUCK = 60.0  # seconds between two tries of an undo that failed
LONGEST_TRY = 60.0  # seconds of one try that count against its step's patience: the rest, the bus may have been away


class Walker:
    """The steps of this worker's jobs. Nothing is remembered here that the database doesn't know."""

    def __init__(self, records: Records, flows: dict[str, Flow], tools: Any, stopping: threading.Event) -> None:
        self.records, self.flows, self.tools, self._stopping = records, flows, tools, stopping
        self.sessions, self.lease = records.sessions, records.lease
        self._save, self._save_alone, self._note = records.save, records.save_alone, records.note

    def run(self, job_id: str) -> float | None:
        """Work on the job until it rests, waits or is lost. Returns the seconds that it wants to wait, or None."""
        place = self.records.claim(job_id)
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
        busy = 0  # how often in succession the database refused
        while place.state in jobs.LIVE:
            if self._stopping.is_set():
                self._save_alone(place, owner=None, lease_until=0.0)
                return None
            try:
                with self.records.collecting():
                    following = self._forward(place) if place.state == "running" else self._backward(place)
                busy = 0
            except Turned:
                following = self.records.reread(place)
            except DatabaseBusy:
                following, busy = self._sit_out(place, busy), busy + 1
            if isinstance(following, float):
                return following
            place = following
        return None

    def _sit_out(self, place: Place, busy: int) -> Place:
        """Our own database is locked, full or away. Nothing can be written down, so the job is kept here until it can
        be, and then read again: a commit may have arrived though its answer was lost. No patience ends this."""
        began = time.time()
        while True:
            pause = min(0.05 * 2 ** min(busy, 10), LONGEST_PAUSE)
            log.warning("%s, step %s: the database is busy; again in %.2f s", place.work.flow, place.step, pause)
            if self._stopping.wait(pause):
                return place
            try:
                fresh = self.records.reread(place)
            except DatabaseBusy:
                busy += 1
                continue
            waited = time.time() - began
            return replace(fresh, waiting_since=fresh.waiting_since and fresh.waiting_since + waited)

    def _forward(self, place: Place) -> Place | float:
        flow = self.flows[place.work.flow]
        step = flow.steps[flow.index.get(place.step, 0)]
        began = now()
        try:
            return self._do(flow, step, place, began)
        except (LeaseLost, Turned, DatabaseBusy):
            raise
        except (Again, Transient) as err:
            return self._wait_or_turn(place, step, err, began)
        except CloudError as err:
            log.info("%s: step %s refused: %s", flow.name, step.name, err)
            return self._turn(place, step, err, fault_messages.user_message(err), began)
        except Exception as err:
            log.exception("%s: step %s failed", flow.name, step.name)
            return self._turn(place, step, err, fault_messages.user_message(err), began)

    def _wait_or_turn(self, place: Place, step: Step, err: Again | Transient, began: datetime) -> Place | float:
        """Outage is waited for as long as it takes, and isn't counted against the step's patience."""
        since = place.waiting_since
        if isinstance(err, Outage):
            return self._wait(replace(place, waiting_since=time.time()), step, err, began)
        if since is not None:
            since += max(0.0, (now() - began).total_seconds() - LONGEST_TRY)
        if since is None or time.time() - since < step.patience:
            return self._wait(replace(place, waiting_since=since), step, err, began)
        return self._turn(
            place, step, err, f"{fault_messages.user_message(err)} (gave up after {step.patience:.0f} seconds)", began
        )

    def _do(self, flow: Flow, step: Step, place: Place, began: datetime) -> Place:
        following = flow.index[step.name] + 1
        last = following == len(flow.steps)
        if isinstance(step, Local):
            with self.sessions.begin() as session:
                result = step.do(session, self.tools, place.work)
                return self._advance(session, place, step, following, last, result, began)
        result = step.do(self.tools, place.work)
        for busy in count():
            try:
                with self.sessions.begin() as session:
                    return self._advance(session, place, step, following, last, result, began)
            except Turned:  # keep what it made known, undo may need it
                self._save_alone(replace(place, state="undoing"), data=place.work.data | (result or {}), step=step.name)
                raise
            except DatabaseBusy:  # what took long is done; only writing it down is tried again
                self._sit_out(place, busy)
                if self._stopping.is_set():
                    raise
        raise AssertionError("unreachable")

    def _advance(
        self,
        session: Session,
        place: Place,
        step: Step,
        following: int,
        last: bool,
        result: dict[str, Any] | None,
        began: datetime,
    ) -> Place:
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
        except (LeaseLost, Turned, DatabaseBusy):
            raise
        except (Again, Transient) as err:
            return self._wait(place, step, err, began)
        except Exception as err:  # undo itself failed: never silent, and tried again
            log.exception("%s: undo of %s failed", flow.name, step.name)
            return self._stick(place, step, err, began)

    def _retreat(self, session: Session, flow: Flow, place: Place, step: Step, at: int, began: datetime) -> Place:
        fresh = flow.again(session, self.tools, place.work) if flow.again and not at else None
        if fresh is not None:
            return self._restart(session, flow, place, step, fresh, began)
        state = "undoing" if at else "undone"
        name = flow.steps[at - 1].name if at else step.name
        if not at and flow.failed:
            flow.failed(session, self.tools, place.work)
        rest = {"lease_until": time.time() + self.lease} if at else {"owner": None, "lease_until": 0.0}
        self._save(session, place, state=state, step=name, waiting_since=None, tries=0, **rest)
        self._note(session, place, step, "undone", None, began)
        return Place(place.work, state, name, 0, None)

    def _restart(
        self, session: Session, flow: Flow, place: Place, step: Step, fresh: dict[str, Any], began: datetime
    ) -> Place:
        first = flow.steps[0].name
        self._save(
            session,
            place,
            state="running",
            step=first,
            data=fresh,
            error=None,
            waiting_since=None,
            tries=0,
            lease_until=time.time() + self.lease,
        )
        self._note(session, place, step, "undone", None, began)
        work = replace(place.work, data=fresh, error=None, undoing=False)
        context.work.set(work)
        return Place(work, "running", first, 0, None)

    # -- where it doesn't go on ----------------------------------------------------------------------------------------

    def _wait(self, place: Place, step: Step, err: Exception, began: datetime) -> float:
        pause = getattr(err, "after", None)
        if pause is None:
            pause = min(0.25 * 2 ** min(place.tries, 10), LONGEST_PAUSE)
        why = fault_messages.user_message(err)
        log.info("%s: step %s waits %.2f s: %s", place.work.flow, step.name, pause, err)
        with self.sessions.begin() as session:
            cause = {} if place.state != "running" else {"error": why}  # while undoing, `error` says why we undo
            self._save(
                session,
                place,
                owner=None,
                lease_until=0.0,
                run_at=time.time() + pause,
                tries=place.tries + 1,
                step=step.name,
                waiting_since=place.waiting_since or time.time(),
                **cause,
            )
            if place.tries == 0:
                self._note(session, place, step, "waiting", why, began)
        return float(pause)

    def _turn(self, place: Place, step: Step, err: Exception, why: str, began: datetime) -> Place:
        data = place.work.data | {"failed": getattr(err, "kind", type(err).__name__)}
        with self.sessions.begin() as session:
            self._save(
                session, place, state="undoing", error=why, step=step.name, tries=0, waiting_since=None, data=data
            )
            self._note(session, place, step, "failed", why, began)
        return Place(replace(place.work, error=why, data=data), "undoing", step.name, 0, None)

    def _stick(self, place: Place, step: Step, err: Exception, began: datetime) -> float:
        pause = min(1.0 * 2 ** min(place.tries, 10), LONGEST_STUCK)
        with self.sessions.begin() as session:
            self._save(
                session,
                place,
                state="stuck",
                owner=None,
                lease_until=0.0,
                run_at=time.time() + pause,
                tries=place.tries + 1,
                step=step.name,
            )
            if place.tries == 0:
                self._note(session, place, step, "stuck", fault_messages.user_message(err), began)
        return pause
