"""What flows and the API are given to work with; built by the mains."""

from collections.abc import Callable
from dataclasses import dataclass

from pileus_kit import sealing
from pileus_kit.db import Sessions
from pileus_kit.peers import Peers
from pileus_volume.config import Config
from pileus_volume.rpc import StorageAgent


@dataclass(frozen=True)
class Tools:
    config: Config
    sessions: Sessions
    peers: Peers
    ring: Callable[[str], None]
    agent: Callable[[str], StorageAgent]  # by name of the storage host

    def __post_init__(self) -> None:
        sealing.use_keys(self.config.sealing_keys.split(","))
