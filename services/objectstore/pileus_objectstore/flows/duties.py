"""Duties run again and again, each in its own thread, and never take more than their share of the machine."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pileus_kit.errors import CloudError

log = logging.getLogger(__name__)
SHARE = 50  # a duty rests so many times as long as it and those it asks worked


@dataclass(frozen=True)
class Duty:
    """`run` makes one pass and says in a few words what it did ('' for nothing). `rest_s` at least between two
    passes."""

    name: str
    run: Callable[[], str]
    rest_s: float


class Roster:
    """Keeps duties running until it is stopped."""

    def __init__(self, duties: list[Duty]) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._keep, args=(duty,), name=duty.name) for duty in duties]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _keep(self, duty: Duty) -> None:
        rest = min(duty.rest_s, 10.0)
        while not self._over.wait(rest):
            began = time.monotonic()
            try:
                did = duty.run()
                if did:
                    log.info("%s: %s", duty.name, did)
            except (CloudError, OSError) as e:
                log.warning("%s: %s", duty.name, e)
            rest = max(duty.rest_s, SHARE * (time.monotonic() - began))
