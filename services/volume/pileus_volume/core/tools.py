"""What the API and the flows are built with."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from pileus_kit import sealing
from pileus_kit.db import Sessions
from pileus_kit.peers import Peers
from pileus_volume.config import Config
from pileus_volume.core.pools import find_host, machine_of
from pileus_volume.rpc import StorageAgent


@dataclass(frozen=True)
class Tools:
    """Sessions, configuration, other services, the workers' doorbell, and the agents of machines by name."""

    config: Config
    sessions: Sessions
    peers: Peers
    ring: Callable[[str], None]
    agent: Callable[[str], StorageAgent]

    def __post_init__(self) -> None:
        sealing.use_keys(self.config.sealing_keys.split(","))

    def agent_of(self, pool: str | None) -> StorageAgent:
        """The agent of the storage host that has the pool `machine@backend#pool`, for that backend."""
        with self.sessions.read() as session:
            host = find_host(session, pool or "")
        return self.agent_named(host.name if host else machine_of(pool or ""))

    def agent_named(self, name: str) -> StorageAgent:
        """The agent of the storage host with that name; a further backend's is `machine@backend`."""
        machine, _, backend = name.partition("@")
        agent = self.agent(machine)
        return cast(StorageAgent, _OfBackend(agent, backend)) if backend else agent


class _OfBackend:
    """A machine's agent, each of whose calls is for one further backend."""

    def __init__(self, agent: StorageAgent, backend: str) -> None:
        self._agent, self._backend = agent, backend

    def __getattr__(self, name: str) -> Callable[..., object]:
        return partial(getattr(self._agent, name), backend=self._backend)
