"""Runs daemons, each in its own thread, pass after pass, with pauses that leave the machine to clients."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pileus_kit.errors import CloudError
from pileus_objectstore.storage.daemon_reports import write_reports
from pileus_objectstore.wire.recon_calls import DaemonReport

log = logging.getLogger(__name__)
REST_FACTOR = 4  # a daemon pauses this many times as long as its pass took
REPORTED_S = 30.0  # passes of daemons with shorter intervals cause no write of their own
MAX_REST_S = 600.0  # the longest pause that follows from REST_FACTOR


@dataclass(frozen=True)
class Daemon:
    """One daemon.

    `run` makes one pass and returns in a few words what it did, '' for nothing. A pass begins every `interval_s`
    seconds, or later if passes take long. `left` tells whether the last pass left something to do, so that the next one
    should begin soon. `is_waited_for`: the ring keeper wants to know of each pass at once.
    """

    name: str
    run: Callable[[], str]
    interval_s: float
    left: Callable[[], bool] = bool
    is_waited_for: bool = False

    def rest(self, worked_s: float) -> float:
        """Seconds until the next pass, after one that took `worked_s` seconds."""
        remaining_s = max(0.0, self.interval_s - worked_s)
        factor = 1 if self.left() else REST_FACTOR
        return max(remaining_s, min(factor * worked_s, MAX_REST_S))


class DaemonRunner:
    """Keeps daemons running until it is stopped. What they did last is written to a file in `home`."""

    def __init__(self, daemons: list[Daemon], home: Path) -> None:
        self.daemons = daemons
        self._home = home
        self._reports: dict[str, DaemonReport] = {}
        self._reporting = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start a thread for each daemon."""
        self._threads = [threading.Thread(target=self._keep, args=(one,), name=one.name) for one in self.daemons]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all threads after the pass that they are making."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _keep(self, daemon: Daemon) -> None:
        rest = min(daemon.interval_s, 10.0)
        while not self._stopping.wait(rest):
            rest = daemon.rest(self.make_pass(daemon))

    def make_pass(self, daemon: Daemon) -> float:
        """Let a daemon make one pass, and report it; how many seconds it took."""
        began = time.monotonic()
        try:
            did = daemon.run()
            if did:
                log.info("%s: %s", daemon.name, did)
            self._report(daemon, time.monotonic() - began, did)
        except (CloudError, OSError) as e:
            log.warning("%s: %s", daemon.name, e)
        except Exception:  # a bug, or a ring that isn't balanced yet, must end one pass, not the daemon
            log.exception("%s: the pass failed", daemon.name)
        return time.monotonic() - began

    def _report(self, daemon: Daemon, took_s: float, did: str) -> None:
        with self._reporting:
            self._reports[daemon.name] = DaemonReport(time.time(), took_s, did)
            if daemon.is_waited_for or daemon.interval_s >= REPORTED_S:  # others are written with the next of these
                write_reports(self._home, self._reports)
