"""What the API's handlers and the worker's flows work with."""

from collections.abc import Callable
from dataclasses import dataclass, field

from stevedore import DriverManager

from pileus_image.config import Config
from pileus_image.core.quotas import Limits
from pileus_image.core.tickets import Tickets
from pileus_image.core.web_download import WebDownloader
from pileus_image.drivers.base import Store
from pileus_kit.db import Sessions


@dataclass
class Tools:
    """`ring` tells a worker that the job of this id waits; it never blocks."""

    config: Config
    sessions: Sessions
    stores: dict[str, Store]
    tickets: Tickets
    downloader: WebDownloader
    ring: Callable[[str], None]
    limits: Limits = field(default_factory=Limits)

    @property
    def store(self) -> Store:
        """The store that takes new images."""
        return self.stores[self.config.store]


def make_tools(config: Config, ring: Callable[[str], None]) -> Tools:
    """Return the tools of an API or a worker: database, stores and keys as configured."""
    store: Store = DriverManager("pileus.image.stores", config.store).driver(config.path("image", "store"))
    return Tools(
        config=config,
        sessions=Sessions(config.database_url("image")),
        stores={config.store: store},
        tickets=Tickets.at(config.path("image", "ticket.key")),
        downloader=WebDownloader(config.download_networks),
        ring=ring,
        limits=Limits(config.quota_images, config.quota_mib),
    )
