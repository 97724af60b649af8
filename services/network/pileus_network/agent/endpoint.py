"""What the control plane may call on this host's agent."""

from pileus_network.agent.reconciler import Reconciler
from pileus_network.rpc import HostAgent, Report


class AgentEndpoint(HostAgent):
    """Answers `HostAgent` with what the reconciler knows."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler

    def notify(self, generation: int) -> None:
        if generation != self._reconciler.generation:
            self._reconciler.wake()

    def report(self) -> Report:
        return self._reconciler.report
