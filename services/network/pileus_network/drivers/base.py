"""What a driver must do on a host. Every call is idempotent: a repetition changes nothing."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from pileus_kit.errors import CloudError
from pileus_network.rpc import HostState, Report


class HostUnfit(CloudError):
    """This host can't do what is required of it. The error says what is missing."""

    status = 500


@dataclass(frozen=True)
class Settings:
    """What a driver knows about its host.

    `prefix` begins the names of everything that the driver creates. `bridges` maps physical networks to bridges. With
    `tunnel_address` "" the host takes part in no VXLAN networks.
    """

    prefix: str = "pl"
    bridges: dict[str, str] = field(default_factory=dict)
    tunnel_address: str = ""


class Backend(ABC):
    """Makes one host what its desired state says."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abstractmethod
    def prepare(self) -> None:
        """Create what all networks of the host need. Raises HostUnfit if the host lacks something."""

    @abstractmethod
    def apply(self, state: HostState, thorough: bool) -> Report:
        """Make the host what `state` says, and remove everything with our prefix that `state` doesn't contain.

        What can't be done is reported and doesn't stop the rest. With `thorough` nothing is taken for granted that an
        earlier call did.
        """

    @abstractmethod
    def watch(self, on_loss: Callable[[str], None]) -> None:
        """Call `on_loss(what)`, in any thread, whenever something that the driver created disappears."""

    @abstractmethod
    def close(self) -> None:
        """Stop watching. What the driver created keeps working."""


class MetadataListener(ABC):
    """A driver that can listen where guests reach 169.254.169.254: beside their DHCP server and in their router."""

    @abstractmethod
    def metadata_namespaces(self) -> dict[str, int]:
        """Return the ids of the networks and routers that have a namespace on this host, with a number for each.

        The number changes when the namespace is created again.
        """

    @abstractmethod
    def metadata_socket(self, owner_id: str) -> socket.socket:
        """Return a new listening socket in the namespace of that network or router.

        The address of a peer is the guest's own: nothing translates it on the way.
        """
