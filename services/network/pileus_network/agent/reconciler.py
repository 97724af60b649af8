"""Keeps a host as it is wanted: fetches the wanted state and what changes in it, has it applied, and reports what is
true.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from pileus_kit import spans
from pileus_kit.errors import CloudError, Transient
from pileus_network import state_changes
from pileus_network.drivers.base import Backend
from pileus_network.rpc import ControlPlane, Failure, HostChange, HostFacts, HostState, Report, ReportChange, SyncTiming

log = logging.getLogger(__name__)
HEARTBEAT_S = 15.0
THOROUGH_S = 60.0  # between looks at everything on the host
AUDIT_S = 300.0  # between comparisons of the state, which changes led to, with what the worker would send whole
RETRY_S = 2.0  # after a failure; doubles up to a heartbeat


class Reconciler:
    """One thread does all the work, one after the other. Anybody may wake it; waking it twice is waking it once.

    `observers` are told each state after it was applied. They have to be quick.
    """

    def __init__(
        self,
        host: str,
        backend: Backend,
        control: ControlPlane,
        facts: Callable[[int], HostFacts],
        observers: Sequence[Callable[[HostState], None]] = (),
    ) -> None:
        self._host, self._backend, self._control, self._facts, self._observers = (
            host,
            backend,
            control,
            facts,
            observers,
        )
        self._state: HostState | None = None
        self._report = Report()
        self._unreported = False
        self._reported: Report | None = None  # what the worker has; None: it must hear everything
        self._changed: set[str] = set()  # ports that were told anew since then
        self._audited = time.monotonic()
        self._took: SyncTiming | None = None
        self._lock = threading.Condition()
        self._due = self._thorough = True
        self._over = self._woken = False
        self._retry = RETRY_S
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    @property
    def report(self) -> Report:
        return self._report

    @property
    def generation(self) -> int:
        """Of the state that was applied last; -1 before the first."""
        return self._state.generation if self._state else -1

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._lock:
            self._over = True
            self._lock.notify()
        self._thread.join()

    def wake(self, thorough: bool = False) -> None:
        """Look at the wanted state soon; `thorough` also at everything that is there."""
        with self._lock:
            self._woken = self._due = True
            self._thorough = self._thorough or thorough
            self._lock.notify()

    # -- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        heartbeat, check, wait = 0.0, time.monotonic() + THOROUGH_S, 0.0
        while self._sleep(wait):
            now = time.monotonic()
            if now >= check:
                check = now + THOROUGH_S
                self._due = self._thorough = True
            try:
                if now >= heartbeat:
                    heartbeat = now + HEARTBEAT_S
                    self._say_hello()
                self.reconcile()
            except Exception as err:  # even a bug must not end the only thread that repairs this host
                self._complain(err)
                heartbeat, wait = 0.0, self._retry
                self._retry = min(self._retry * 2, HEARTBEAT_S)
            else:
                wait, self._retry = max(0.0, min(heartbeat, check) - time.monotonic()), RETRY_S

    def _complain(self, err: Exception) -> None:
        if isinstance(err, Transient):
            log.info("again in %.0f s: %s", self._retry, err)
        else:
            log.error("again in %.0f s", self._retry, exc_info=err)

    def reconcile(self) -> None:
        """Do what is due, once: fetch, apply, report."""
        with self._lock:
            due, thorough = self._due, self._thorough
            self._due = self._thorough = False
        if due:
            started = time.monotonic()
            try:
                with spans.collected() as found:
                    self._follow(thorough)
            except Exception as err:
                with self._lock:  # after a bug nothing that was made can be relied upon
                    self._due, self._thorough = True, self._thorough or thorough or not isinstance(err, Transient)
                raise
            self._took = SyncTiming(time.monotonic() - started, tuple(found))
        if self._unreported and self._state:
            self._tell(self._state.generation)
            self._unreported = False

    def _follow(self, thorough: bool) -> None:
        """Repair what is known first, since that needs nobody; then ask for what is new."""
        if self._state is not None and (thorough or self._report.failures):
            self._make(self._state, thorough=True)
        change = self._control.get_changes(self._host, self.generation)
        if change is not None:
            self._make(self._after(change), thorough=self._state is None)
        elif time.monotonic() - self._audited >= AUDIT_S:
            self._audit()

    def _after(self, change: HostChange) -> HostState:
        """The state that the change leads to; the whole one where it leads from elsewhere."""
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
        """Every change may have been right and one forgotten: so compare, now and then, with what there should be."""
        state = self._state
        if state is None:
            return
        self._audited = time.monotonic()
        right = self._control.audit_state(self._host, state.generation, state_changes.digest(state))
        if right is not None:
            log.error("the state of generation %d had drifted; it is replaced", state.generation)
            self._reported = None
            self._make(right, thorough=True)

    def _tell(self, generation: int) -> None:
        """Report everything once, and then what is different."""
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

    def _make(self, state: HostState, thorough: bool) -> None:
        started = time.monotonic()
        report = self._apply(state, thorough)
        is_news = state is not self._state or report != self._report
        self._unreported |= is_news
        self._state, self._report = state, report
        took_ms = (time.monotonic() - started) * 1000
        level, counts = logging.INFO if is_news else logging.DEBUG, (len(report.ports), len(report.failures))
        log.log(level, "generation %d: %d ports wired, %d failures, %.0f ms", state.generation, *counts, took_ms)
        for follow in self._observers:
            follow(state)

    def _apply(self, state: HostState, thorough: bool) -> Report:
        try:
            return self._backend.apply(state, thorough)
        except CloudError as err:
            return Report((), (Failure("host", self._host, str(err)),))

    def _say_hello(self) -> None:
        wanted = self._control.heartbeat(self._host, self._facts(self.generation))
        if wanted != self.generation or self._report.failures:
            self._due = True

    def _sleep(self, seconds: float) -> bool:
        """Wait that long, or until somebody wakes us. False when it is over."""
        with self._lock:
            self._lock.wait_for(lambda: self._over or self._woken, seconds)
            self._woken = False
            return not self._over
