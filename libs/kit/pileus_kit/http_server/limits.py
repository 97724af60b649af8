"""How long a client may take, and how much of the server it may hold."""

from dataclasses import dataclass

from pileus_kit.config import ServiceConfig

MAX_HEAD_BYTES = 64 << 10
"""Request line and headers."""
MAX_BUFFERED_BODY_BYTES = (1 << 20) + (64 << 10)
"""A body up to this size is received before a thread looks at the request."""
MAX_BUFFERED_TOTAL_BYTES = 64 << 20
"""Bodies that have not arrived completely, of all connections together."""
MAX_UNSENT_BYTES = 256 << 10
"""Rest of an answer that a thread leaves to the event loop when its client takes it slowly."""


@dataclass(frozen=True)
class Limits:
    """Seconds and counts of one process; the service's configuration sets them."""

    processes: int = 1
    """Processes that an API may grow to under load."""
    spare_s: float = 300.0
    """Seconds for which a further process stays after it was last needed."""
    threads: int = 16
    slow_transfers: int = 64
    """Transfers of slow clients at the same time; each has a thread beyond `threads`."""
    connections: int = 1000
    idle_s: float = 75.0
    """Seconds for which a connection is kept without a request."""
    head_s: float = 10.0
    """Seconds within which a request's head has to arrive."""
    pause_s: float = 30.0
    """Seconds for which a transfer may pause; up to twice as many once it has moved enough bytes."""
    bytes_per_s: int = 8192
    """The rate that a transfer has to reach in the long run."""
    linger_s: float = 2.0
    """Seconds for which a connection that was answered for good still takes what its client sends."""
    drain_s: float = 0.0
    """Seconds for which a process that is told to end still accepts connections, while its health check fails."""
    hang_s: float = 120.0
    """Seconds after which a thread that is still at the same request counts as hanging."""

    @property
    def max_threads_per_owner(self) -> int:
        """The threads that requests of one project may hold at the same time."""
        return max(1, self.threads // 2)

    @property
    def max_waiting_per_owner(self) -> int:
        """The requests of one project that may wait for a thread: each holds a connection that others need, too."""
        return max(1, self.connections // 4)

    @classmethod
    def of(cls, config: ServiceConfig) -> "Limits":
        """Return the limits that a service's configuration sets."""
        return cls(
            processes=config.processes,
            spare_s=config.spare_s,
            threads=config.threads,
            slow_transfers=config.slow_transfers,
            connections=config.connections,
            head_s=config.head_timeout_s,
            pause_s=config.body_pause_s,
            bytes_per_s=config.min_bytes_per_s,
            drain_s=config.drain_s,
        )
