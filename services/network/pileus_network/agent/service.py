"""The agent of a host: built from its configuration, started and stopped as one."""

from importlib.metadata import version
from typing import cast

from stevedore.driver import DriverManager

from pileus_kit.rpc import Bus, Server
from pileus_network.agent.compute_metadata import ComputeMetadataClient
from pileus_network.agent.endpoint import AgentEndpoint
from pileus_network.agent.metadata_proxy import MetadataProxy
from pileus_network.agent.reconciler import Reconciler
from pileus_network.config import Config
from pileus_network.drivers.base import Backend, MetadataListener, Settings
from pileus_network.rpc import ControlPlane, HostFacts

BACKENDS = "pileus.network.backends"


class Agent:
    """Reconciles the host, serves `HostAgent`, and answers for metadata if the driver can listen for it."""

    def __init__(self, config: Config, bus: Bus, backend: Backend) -> None:
        self._config, self._bus, self._backend = config, bus, backend
        self._metadata: MetadataProxy | None = None
        observers = []
        if isinstance(backend, MetadataListener):
            compute = ComputeMetadataClient(
                config.metadata_url, config.metadata_secret, config.host, config.certificates
            )
            self._metadata = MetadataProxy(backend, compute)
            observers.append(self._metadata.follow)
        self.reconciler = Reconciler(
            config.host, backend, bus.client(ControlPlane), self._facts, observers, config.heartbeat_s
        )
        self._server: Server | None = None

    def start(self) -> None:
        """Begin to look after the host. Raises HostUnfit if the host can't do what its configuration says."""
        self._backend.prepare()
        self._server = self._bus.serve(AgentEndpoint(self.reconciler, self._config), self._config.host, threads=2)
        if self._metadata:
            self._metadata.start()
        self._backend.watch(lambda what: self.reconciler.wake(thorough=True))
        self.reconciler.start()

    def stop(self) -> None:
        """Stop looking after the host. Its networks keep working as they are."""
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
    """Return the configured driver, which has yet to be prepared."""
    bridges = dict(mapping.split(":", 1) for mapping in config.bridge_mappings)
    settings = Settings(config.prefix, bridges, config.tunnel_address)
    return cast(Backend, DriverManager(BACKENDS, config.driver, invoke_on_load=True, invoke_args=(settings,)).driver)
