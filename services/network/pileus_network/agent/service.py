"""The agent of a host: built from its configuration, started and stopped as one."""

from importlib.metadata import version
from typing import cast

from stevedore.driver import DriverManager

from pileus_kit.rpc import Bus, Server
from pileus_network.agent.metadata_proxy import ComputeMetadataClient, MetadataProxy
from pileus_network.agent.reconciler import Reconciler
from pileus_network.config import Config
from pileus_network.drivers.base import Backend, MetadataListener, Settings
from pileus_network.rpc import ControlPlane, HostAgent, HostFacts, Report

BACKENDS = "pileus.network.backends"


class AgentEndpoint(HostAgent):
    """What the control plane may ask of us."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._keeper = reconciler

    def notify(self, generation: int) -> None:
        if generation != self._keeper.generation:
            self._keeper.wake()

    def report(self) -> Report:
        return self._keeper.report


class Agent:
    def __init__(self, config: Config, bus: Bus, backend: Backend) -> None:
        self._config, self._bus, self._backend = config, bus, backend
        self._metadata: MetadataProxy | None = None
        observers = []
        if isinstance(backend, MetadataListener):
            self._metadata = MetadataProxy(
                backend, ComputeMetadataClient(config.metadata_url, config.metadata_secret, config.host)
            )
            observers.append(self._metadata.follow)
        self.reconciler = Reconciler(config.host, backend, bus.client(ControlPlane), self._facts, observers)
        self._server: Server | None = None

    def start(self) -> None:
        """Raises HostUnfit when this host can't do what its configuration says."""
        self._backend.prepare()
        self._server = self._bus.serve(AgentEndpoint(self.reconciler), self._config.host, threads=1)
        if self._metadata:
            self._metadata.start()
        self._backend.watch(lambda what: self.reconciler.wake(thorough=True))
        self.reconciler.start()

    def stop(self) -> None:
        """Stop looking after the host. Its networks go on as they are."""
        self.reconciler.stop()
        self._backend.close()
        if self._metadata:
            self._metadata.stop()
        if self._server:
            self._server.stop()

    def _facts(self, generation: int) -> HostFacts:
        return HostFacts(
            version("pileus-network"),
            self._config.driver,
            self._config.tunnel_address,
            tuple(sorted(self._backend.settings.bridges)),
            generation,
        )


def load_backend(config: Config) -> Backend:
    """The configured driver, ready to be prepared."""
    bridges = dict(mapping.split(":", 1) for mapping in config.bridge_mappings)
    settings = Settings(config.prefix, bridges, config.tunnel_address)
    return cast(Backend, DriverManager(BACKENDS, config.driver, invoke_on_load=True, invoke_args=(settings,)).driver)
