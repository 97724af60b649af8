"""What a backend must do on a host. Every call is idempotent: calling it again changes nothing."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from pileus_kit.errors import CloudError
from pileus_network.rpc import HostState, Report


class HostUnfit(CloudError):
    """This host can't be what it was told to be; says what is missing on it."""

    status = 500


@dataclass(frozen=True)
class Settings:
    """What a backend knows of its host. `bridges` maps physical networks to bridges; `tunnel_address` "" means no
    tunnels.
    """

    prefix: str = "pl"
    bridges: dict[str, str] = field(default_factory=dict)
    tunnel_address: str = ""


class Backend(ABC):
    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abstractmethod
    def prepare(self) -> None:
        """Make what every network on the host stands on. Raises HostUnfit when the host lacks something."""

    @abstractmethod
    def apply(self, state: HostState, thorough: bool) -> Report:
        """Make the host what `state` says and remove everything of ours that it doesn't name.

        One thing's failure is reported and stops no other. `thorough` takes nothing for granted that an earlier call
        made.
        """

    @abstractmethod
    def watch(self, lost: Callable[[str], None]) -> None:
        """Call `lost(what)`, from any thread, when something that was made is seen to disappear."""

    @abstractmethod
    def close(self) -> None:
        """Stop watching. What was made goes on without us."""


class MetadataListener(ABC):
    """A backend that can listen where guests look for 169.254.169.254: beside their DHCP server and in their router."""

    @abstractmethod
    def metadata_namespaces(self) -> dict[str, int]:
        """The ids of the networks and routers that have such a place on this host, each with a number that changes when
        the place is made anew.
        """

    @abstractmethod
    def metadata_socket(self, place: str) -> socket.socket:
        """A fresh listening socket at that network or router. The peer's address in it is what the guest really has."""
