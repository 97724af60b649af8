"""The loop of an agent that reports to its service: at once, then at intervals, sooner after a failure or when woken.

Whatever a crash, a power cut or a dead bus has lost is repaired by the next report, so the loop outlives every error.

    heartbeat = Heartbeat(agent.report, every_s=30, retry_s=2)
    run_until_signal(heartbeat.start, heartbeat.stop)

An agent with something to do between two reports (changes of single guests, a new generation to apply) passes it as
`between` and calls `nudge` when there is such work; `wake` asks for a whole report now.
"""

import logging
import threading
import time
from collections.abc import Callable

from pileus_kit.errors import CloudError, Transient

log = logging.getLogger(__name__)


class Heartbeat:
    """One thread calls `beat`, and `between` when nudged, one after the other."""

    def __init__(
        self,
        beat: Callable[[], object],
        *,
        every_s: float,
        retry_s: float,
        between: Callable[[], object] | None = None,
        backoff: bool = False,
        name: str = "heartbeat",
    ) -> None:
        """`every_s`: seconds between reports; `retry_s`: seconds until the next try after one that failed, which with
        `backoff` double until they are `every_s`."""
        self._beat, self._between, self._name = beat, between, name
        self._every_s, self._first_retry_s, self._backoff = every_s, retry_s, backoff
        self._retry_s = retry_s
        self._stopping, self._woken, self._changed = threading.Event(), threading.Event(), threading.Event()
        self._due = time.monotonic()  # when the next report is due
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with a first report."""
        self._thread.start()

    def stop(self, timeout_s: float | None = None) -> None:
        """End the loop and wait for what is running, at most `timeout_s` seconds."""
        self._stopping.set()
        self._changed.set()
        self._thread.join(timeout_s)

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called: long work inside `beat` should end."""
        return self._stopping.is_set()

    def wake(self) -> None:
        """Report now. Waking twice is waking once."""
        self._woken.set()
        self._changed.set()

    def nudge(self) -> None:
        """Do what is to be done between reports now."""
        self._changed.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._changed.clear()
            self.turn()
            self._changed.wait(max(0.0, self._due - time.monotonic()))

    def turn(self) -> None:
        """Do what is due, once: the report, or else the work between two reports."""
        is_due = self._woken.is_set() or time.monotonic() >= self._due
        self._woken.clear()
        work = self._beat if is_due else self._between
        if work is not None and not self._attempt(work):
            self._due = time.monotonic() + self._retry_s
            if self._backoff:
                self._retry_s = min(self._retry_s * 2, self._every_s)
        elif is_due:
            self._due, self._retry_s = time.monotonic() + self._every_s, self._first_retry_s

    def _attempt(self, work: Callable[[], object]) -> bool:
        """Whether the work succeeded. Even a bug must not end the only thread that repairs this host."""
        try:
            work()
        except Transient as err:
            log.info("%s: again in %.0f s: %s", self._name, self._retry_s, err)
        except (CloudError, OSError) as err:
            log.warning("%s: again in %.0f s: %s", self._name, self._retry_s, err)
        except Exception:
            log.exception("%s: again in %.0f s", self._name, self._retry_s)
        else:
            return True
        return False
