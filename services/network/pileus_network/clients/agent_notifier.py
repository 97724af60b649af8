"""Notifies the agents of hosts that there is a newer desired state, in the background.

No request waits for the bus. A notification that is lost costs one heartbeat: the agent asks by itself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pileus_kit.notifier import Notifier
from pileus_kit.rpc import Bus
from pileus_network.rpc import HostAgent


@dataclass(frozen=True)
class HostGeneration:
    """The newest generation of a host's desired state."""

    host: str
    generation: int


class AgentNotifier(Notifier[HostGeneration]):
    """Sends `HostAgent.notify` to each affected host; of what waits, only the newest generation of a host."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "agent notifier", _open_sender, newest_of_each_host)


def _open_sender(bus: Bus) -> Callable[[HostGeneration], None]:
    def send(message: HostGeneration) -> None:
        bus.client(HostAgent, message.host).notify(message.generation)

    return send


def newest_of_each_host(waiting: list[HostGeneration]) -> Iterable[HostGeneration]:
    """Merge waiting notifications: of each host, only the newest generation is sent."""
    newest: dict[str, int] = {}
    for message in waiting:
        newest[message.host] = max(message.generation, newest.get(message.host, 0))
    return [HostGeneration(host, generation) for host, generation in newest.items()]
