"""What flow steps and request handlers work with; built once in each process."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pileus_compute.config import Config
from pileus_compute.rpc import HostAgent
from pileus_kit import sealing
from pileus_kit.db import Sessions
from pileus_kit.peers import Peers
from pileus_kit.rpc import Bus

TOPIC = "compute.jobs"  # of the workers' doorbell

AVOID_S = 120.0
"""How long a host that said it is full is chosen only where there is no other."""


@dataclass
class Tools:
    """`ring` tells a worker that a job waits; it never blocks."""

    config: Config
    sessions: Sessions
    peers: Peers
    ring: Callable[[str], None]
    connect: Callable[[], Bus]
    _bus: Bus | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _full: dict[str, float] = field(default_factory=dict)  # host -> until when it is avoided, monotonic
    _agents: dict[str, HostAgent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sealing.use_keys(self.config.sealing_keys.split(","))

    @property
    def bus(self) -> Bus:
        """Connected when first used: a connection must not be inherited by a forked process."""
        with self._lock:
            if self._bus is None:
                self._bus = self.connect()
            return self._bus

    def avoid(self, host: str) -> None:
        """The host has just said that it has no space left, whatever it reports."""
        self._full[host] = time.monotonic() + AVOID_S

    @property
    def avoided(self) -> frozenset[str]:
        return frozenset(host for host, until in self._full.copy().items() if until > time.monotonic())

    def agent(self, host: str) -> HostAgent:
        if host not in self._agents:
            self._agents[host] = self.bus.client(HostAgent, host)
        return self._agents[host]
