"""Makes a host what it is desired to be: fetches the desired state and its changes, has them applied, and reports."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from pileus_kit import spans
from pileus_kit.errors import CloudError, Transient
from pileus_kit.heartbeat import Heartbeat
from pileus_network import state_changes
from pileus_network.drivers.base import Backend
from pileus_network.rpc import ControlPlane, Failure, HostChange, HostFacts, HostState, Report, ReportChange, SyncTiming

log = logging.getLogger(__name__)
THOROUGH_S = 60.0
"""Seconds between checks of everything on the host."""
AUDIT_S = 300.0
"""Seconds between comparisons of the state that changes led to with the state that the worker computes."""
RETRY_S = 2.0
"""Seconds until the first repetition after a failure; they double up to a heartbeat."""


class Reconciler:
    """Reconciles the host in one thread, one state after the other. Any thread may wake it.

    `observers` are called with each state after it was applied, and must be quick.
    """

    def __init__(
        self,
        host: str,
        backend: Backend,
        control: ControlPlane,
        facts: Callable[[int], HostFacts],
        observers: Sequence[Callable[[HostState], None]] = (),
        heartbeat_s: float = 15.0,
    ) -> None:
        """`facts` makes the facts of a heartbeat from the generation that was applied last."""
        self._host, self._backend, self._control = host, backend, control
        self._facts, self._observers = facts, observers
        self._state: HostState | None = None
        self._report = Report()
        self._unreported = False
        self._reported: Report | None = None  # what the worker knows; None: it must get a whole report
        self._changed: set[str] = set()  # ports that changes contained since then
        self._audited = time.monotonic()
        self._took: SyncTiming | None = None
        self._lock = threading.Lock()
        self._due = self._thorough = True
        self._next_check = time.monotonic() + THOROUGH_S
        self._heartbeat = Heartbeat(
            self._beat, every_s=heartbeat_s, retry_s=RETRY_S, between=self.reconcile, backoff=True, name="reconciler"
        )

    @property
    def report(self) -> Report:
        """What is true on the host, as of the state that was applied last."""
        return self._report

    @property
    def generation(self) -> int:
        """The generation of the state that was applied last; -1 before the first."""
        return self._state.generation if self._state else -1

    def start(self) -> None:
        """Begin in the background."""
        self._heartbeat.start()

    def stop(self) -> None:
        """End after what is being applied."""
        self._heartbeat.stop()

    def wake(self, thorough: bool = False) -> None:
        """Fetch what changed soon; with `thorough` also check everything on the host."""
        with self._lock:
            self._due, self._thorough = True, self._thorough or thorough
        self._heartbeat.nudge()

    # -- the thread ----------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        """Send a heartbeat and reconcile what is due; once in THOROUGH_S check everything."""
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + THOROUGH_S
            self._due = self._thorough = True
        desired = self._control.heartbeat(self._host, self._facts(self.generation))
        if desired != self.generation or self._report.failures:
            self._due = True
        self.reconcile()

    def reconcile(self) -> None:
        """Fetch, apply and report once, as far as it is due."""
        with self._lock:
            due, thorough = self._due, self._thorough
            self._due = self._thorough = False
        if due:
            started = time.monotonic()
            try:
                with spans.collected() as found:
                    self._fetch_and_apply(thorough)
            except Exception as err:
                with self._lock:  # after a bug nothing that was applied before can be relied upon
                    self._due, self._thorough = True, self._thorough or thorough or not isinstance(err, Transient)
                raise
            self._took = SyncTiming(time.monotonic() - started, tuple(found))
        if self._unreported and self._state:
            self._send_report(self._state.generation)
            self._unreported = False

    def _fetch_and_apply(self, thorough: bool) -> None:
        """Repair what is known first, since that needs no worker; then ask for changes."""
        if self._state is not None and (thorough or self._report.failures):
            self._apply(self._state, thorough=True)
        change = self._control.get_changes(self._host, self.generation)
        if change is not None:
            self._apply(self._changed_state(change), thorough=self._state is None)
        elif time.monotonic() - self._audited >= AUDIT_S:
            self._audit()

    def _changed_state(self, change: HostChange) -> HostState:
        """Return the state after the change; get the whole state if the change begins at another generation."""
        if change.whole is None and self._state is not None:
            try:
                merged = state_changes.apply_change(self._state, change)
            except state_changes.BaseMismatch as err:
                log.warning("asking for everything: %s", err)
            else:
                self._changed.update(port.id for port in change.ports)
                return merged
        self._reported, self._audited = None, time.monotonic()
        whole = change.whole or self._control.get_host_state(self._host, -1)
        assert whole is not None, "a host that is known has a state"
        return whole

    def _audit(self) -> None:
        """Compare the state with what the worker computes: a change may have been missed though each one was right."""
        state = self._state
        if state is None:
            return
        self._audited = time.monotonic()
        correct = self._control.audit_state(self._host, state.generation, state_changes.digest(state))
        if correct is not None:
            log.error("the state of generation %d had drifted; it is replaced", state.generation)
            self._reported = None
            self._apply(correct, thorough=True)

    def _send_report(self, generation: int) -> None:
        """Send a whole report once, and then what changed since the last one."""
        report, before = self._report, self._reported
        if before is None:
            self._control.report_state(self._host, generation, report, self._took)
        else:
            now, old = set(report.ports), set(before.ports)
            wired = tuple(sorted((now - old) | (now & self._changed)))
            unwired = tuple(sorted((old - now) | (self._changed - now)))
            self._control.report_changes(
                self._host, generation, ReportChange(wired, unwired, report.failures), self._took
            )
        self._reported = report
        self._changed.clear()

    def _apply(self, state: HostState, thorough: bool) -> None:
        started = time.monotonic()
        report = self._apply_or_report(state, thorough)
        is_news = state is not self._state or report != self._report
        self._unreported |= is_news
        self._state, self._report = state, report
        took_ms = (time.monotonic() - started) * 1000
        level, counts = logging.INFO if is_news else logging.DEBUG, (len(report.ports), len(report.failures))
        log.log(level, "generation %d: %d ports wired, %d failures, %.0f ms", state.generation, *counts, took_ms)
        for follow in self._observers:
            follow(state)

    def _apply_or_report(self, state: HostState, thorough: bool) -> Report:
        try:
            return self._backend.apply(state, thorough)
        except CloudError as err:
            return Report((), (Failure("host", self._host, str(err)),))
