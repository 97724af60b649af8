"""Pokes travel after the commit, in the background: a request never waits for the bus, a dead one only costs time."""

import logging
import queue
import threading
from typing import Protocol

from pileus_kit.errors import HostDown
from pileus_kit.rpc import Bus
from pileus_network.rpc import HostAgent

log = logging.getLogger(__name__)


class AgentNotifier(Protocol):
    def notify(self, generations: dict[str, int]) -> None:
        """Tell hosts that there is a newer generation; neither waits nor raises."""
        ...


class BusAgentNotifier:
    """Tells hosts that there is a newer generation. Never waits, never raises; agents repair what it drops."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: queue.Queue[dict[str, int]] = queue.Queue(maxsize=1000)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def notify(self, generations: dict[str, int]) -> None:
        if not generations:
            return
        self._start()
        try:
            self._waiting.put_nowait(generations)
        except queue.Full:
            log.warning("the bus is slow: a poke of %s dropped", ", ".join(generations))

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._thread = threading.Thread(target=self._send, name="agent_notifier", daemon=True)
                self._thread.start()

    def _send(self) -> None:
        bus = Bus(self._url)
        while True:
            for host, generation in self._gather().items():
                try:
                    bus.client(HostAgent, host).notify(generation)
                except HostDown as err:
                    log.warning("poke of %s lost (%s); it asks by itself soon", host, err)

    def _gather(self) -> dict[str, int]:
        """What waits, the newest generation of each host only."""
        found = dict(self._waiting.get())
        while True:
            try:
                later = self._waiting.get_nowait()
            except queue.Empty:
                return found
            found.update({host: max(generation, found.get(host, 0)) for host, generation in later.items()})
