"""The agents of hosts, for a process that seldom calls them: it connects to the bus with its first call."""

import threading
from typing import Generic

from pileus_kit.rpc.bus import Bus, Contract


class Agents(Generic[Contract]):
    """`agents(host)` is the client of that host's agent. A forked process must not inherit a connection, so none is
    opened before that."""

    def __init__(self, url: str, contract: type[Contract]) -> None:
        self._url, self._contract = url, contract
        self._bus: Bus | None = None
        self._lock = threading.Lock()

    def __call__(self, host: str) -> Contract:
        """Return the client of the agent on this host."""
        with self._lock:
            if self._bus is None:
                self._bus = Bus(self._url)
            return self._bus.client(self._contract, host)
