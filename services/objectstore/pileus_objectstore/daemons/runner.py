"""Duties run again and again, each in its own thread, and never take more than their share of the machine."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pileus_kit.errors import CloudError

log = logging.getLogger(__name__)
SHARE = 4  # a duty rests so many times as long as it and those it asks worked, but
MAX_REST_S = 600.0  # never longer than this beyond its own rhythm


@dataclass(frozen=True)
class Daemon:
    """`run` makes one pass and says in a few words what it did ('' for nothing). A pass begins every `rest_s` seconds,
    later if passes take longer. `left`: whether the last one left something to do, which the next one should soon."""

    name: str
    run: Callable[[], str]
    rest_s: float
    left: Callable[[], bool] = bool

    def rest(self, worked_s: float) -> float:
        """Seconds until the next pass, after one of so many."""
        rhythm = max(0.0, self.rest_s - worked_s)
        share = 1 if self.left() else SHARE
        return max(rhythm, min(share * worked_s, MAX_REST_S))


class DaemonRunner:
    """Keeps duties running until it is stopped."""

    def __init__(self, daemons: list[Daemon]) -> None:
        self.daemons = daemons
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._keep, args=(daemon,), name=daemon.name) for daemon in daemons]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _keep(self, daemon: Daemon) -> None:
        rest = min(daemon.rest_s, 10.0)
        while not self._stopping.wait(rest):
            began = time.monotonic()
            try:
                did = daemon.run()
                if did:
                    log.info("%s: %s", daemon.name, did)
            except (CloudError, OSError) as e:
                log.warning("%s: %s", daemon.name, e)
            rest = daemon.rest(time.monotonic() - began)
