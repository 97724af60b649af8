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

TOPIC = "compute.jobs"  # on which workers are notified of jobs

AVOID_S = 120.0
"""For how long a host that reported no space left is chosen only if there is no other."""


@dataclass
class Tools:
    """Configuration, database, other services and agents, for all threads of one process."""

    config: Config
    sessions: Sessions
    peers: Peers
    ring: Callable[[str], None]
    """Notifies a worker of a job, by its id. It never blocks."""
    connect: Callable[[], Bus]
    _bus: Bus | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _full: dict[str, float] = field(default_factory=dict)  # host -> until when it is avoided, monotonic
    _agents: dict[str, HostAgent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sealing.use_keys(self.config.sealing_keys.split(","))

    @property
    def bus(self) -> Bus:
        """The bus, connected when it is first used: a forked process must not inherit a connection."""
        with self._lock:
            if self._bus is None:
                self._bus = self.connect()
            return self._bus

    def avoid(self, host: str) -> None:
        """Choose this host only if there is no other for a while: it has just failed for lack of space."""
        self._full[host] = time.monotonic() + AVOID_S

    @property
    def avoided(self) -> frozenset[str]:
        """The hosts that are avoided now."""
        return frozenset(host for host, until in self._full.copy().items() if until > time.monotonic())

    def agent(self, host: str) -> HostAgent:
        """The agent of a host, for calls over the bus."""
        if host not in self._agents:
            self._agents[host] = self.bus.client(HostAgent, host)
        return self._agents[host]
