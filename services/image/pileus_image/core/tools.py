"""What the API's handlers and the worker's flows work with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stevedore import DriverManager

from pileus_image.config import Config
from pileus_image.core.quotas import Limits
from pileus_image.core.tickets import Tickets
from pileus_image.core.web_download import WebDownloader
from pileus_image.drivers.base import Store
from pileus_image.drivers.copies import CopiedStore, Peers
from pileus_kit.db import Sessions

COPY_TICKET_S = 60.0
"""How long a control machine may take to begin with a copy."""


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
    tickets = Tickets.at(config.path("image", "ticket.key"))
    if config.peers:
        store = CopiedStore(store, Peers(Path(config.peers), lambda blob: tickets.issue(blob, "copy", COPY_TICKET_S)))
    return Tools(
        config=config,
        sessions=Sessions(config.database_url("image")),
        stores={config.store: store},
        tickets=tickets,
        downloader=WebDownloader(config.download_networks),
        ring=ring,
        limits=Limits(config.quota_images, config.quota_mib),
    )
