"""How long a client may take, and how much of the server they may hold."""

from dataclasses import dataclass

from pileus_kit.config import ServiceConfig

LARGEST_HEAD = 64 << 10  # bytes of request line and headers
LARGEST_WHOLE = (1 << 20) + (64 << 10)  # bytes of a body that is read before a thread looks at the request
LARGEST_HELD = 64 << 20  # bytes of bodies that haven't arrived completely, of all connections
LARGEST_UNSENT = 256 << 10  # bytes of an answer that a thread leaves behind for a client who is slow to take them


@dataclass(frozen=True)
class Limits:
    """Seconds and counts; a service's configuration sets them."""

    processes: int = 1
    spare: float = 300.0
    threads: int = 16
    streams: int = 64
    connections: int = 1000
    idle: float = 75.0
    head: float = 10.0
    patience: float = 30.0
    pace: int = 8192
    linger: float = 2.0
    hanging: float = 120.0

    @property
    def share(self) -> int:
        """The threads that requests of one project may hold at the same time."""
        return max(1, self.threads // 2)

    @property
    def waiting(self) -> int:
        """The requests of one project that may wait for a thread: they hold connections, which others need, too."""
        return max(1, self.connections // 4)

    @classmethod
    def of(cls, config: ServiceConfig) -> "Limits":
        return cls(
            processes=config.processes,
            spare=config.spare_seconds,
            threads=config.threads,
            streams=config.streams,
            connections=config.connections,
            head=config.head_timeout,
            patience=config.body_timeout,
            pace=config.slowest,
        )
