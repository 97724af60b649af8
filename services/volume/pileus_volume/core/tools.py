"""What the API and the flows are built with."""

from collections.abc import Callable
from dataclasses import dataclass

from pileus_kit import sealing
from pileus_kit.db import Sessions
from pileus_kit.peers import Peers
from pileus_volume.config import Config
from pileus_volume.core.pools import host_name
from pileus_volume.rpc import StorageAgent


@dataclass(frozen=True)
class Tools:
    """Sessions, configuration, other services, the workers' doorbell, and the agents of storage hosts by name."""

    config: Config
    sessions: Sessions
    peers: Peers
    ring: Callable[[str], None]
    agent: Callable[[str], StorageAgent]

    def __post_init__(self) -> None:
        sealing.use_keys(self.config.sealing_keys.split(","))

    def agent_of(self, pool: str | None) -> StorageAgent:
        """The agent of the storage host that has the pool `name@backend#pool`."""
        return self.agent(host_name(pool or ""))
