"""What requests and flows work with."""

from dataclasses import dataclass, field

from pileus_image.config import Config
from pileus_image.core.quotas import Limits
from pileus_image.core.tickets import Tickets
from pileus_image.drivers.base import Store
from pileus_image.drivers.web import Fetcher
from pileus_kit.db import Sessions
from pileus_kit.flow import Runner


@dataclass
class Tools:
    config: Config
    sessions: Sessions
    stores: dict[str, Store]
    tickets: Tickets
    fetcher: Fetcher
    limits: Limits = field(default_factory=Limits)
    runner: Runner | None = None

    @property
    def store(self) -> Store:
        """The one that takes new images."""
        return self.stores[self.config.store]
