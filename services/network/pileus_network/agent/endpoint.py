"""What the control plane may call on this host's agent."""

from pathlib import Path

from pileus_kit.inspection import Inspection, inspect_machine, inspect_network
from pileus_network.agent.reconciler import Reconciler
from pileus_network.config import Config
from pileus_network.rpc import HostAgent, Report


class AgentEndpoint(HostAgent):
    """Answers `HostAgent` with what the reconciler knows, and with what is on the machine."""

    def __init__(self, reconciler: Reconciler, config: Config) -> None:
        self._reconciler, self._config = reconciler, config

    def notify(self, generation: int) -> None:
        if generation != self._reconciler.generation:
            self._reconciler.wake()

    def report(self) -> Report:
        return self._reconciler.report

    def inspect(self) -> Inspection:
        config = self._config
        wires = inspect_network(config.prefix) if config.driver == "linux" else None
        return Inspection(host=config.host, machine=inspect_machine(Path(config.state)), network=wires)
