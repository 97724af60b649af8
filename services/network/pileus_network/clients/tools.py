"""The tools of network's API and worker."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pileus_kit.db import Sessions
from pileus_kit.peers import Peers
from pileus_network.clients.agent_notifier import HostGeneration
from pileus_network.config import Config
from pileus_network.rpc import HostAgent


class NotifiesAgents(Protocol):
    """An `AgentNotifier`, or what stands for it in tests."""

    def notify(self, message: HostGeneration, /) -> None:
        """Notify a host's agent of a newer generation; neither waits nor raises."""
        ...


class NotifiesWorkers(Protocol):
    """A `JobNotifier`, or what stands for it in tests."""

    def notify(self, job_id: str, /) -> None:
        """Notify the workers of a job; neither waits nor raises."""
        ...


@dataclass(frozen=True)
class Tools:
    """`peers` calls other services as this service's user; only `clients` uses it. `agent` is a host's agent."""

    config: Config
    sessions: Sessions
    peers: Peers
    agent_notifier: NotifiesAgents
    job_notifier: NotifiesWorkers
    agent: Callable[[str], HostAgent]

    def notify_agents(self, generations: dict[str, int]) -> None:
        """Notify the hosts of {host: generation}. Called after the commit."""
        for host, generation in generations.items():
            self.agent_notifier.notify(HostGeneration(host, generation))
