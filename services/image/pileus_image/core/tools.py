"""What the API's handlers and the worker's flows work with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

from stevedore import DriverManager

from pileus_image.config import Config
from pileus_image.core.format_checks import OUTPUT_FORMATS
from pileus_image.core.quotas import Limits
from pileus_image.core.tickets import Tickets
from pileus_image.core.web_download import WebDownloader
from pileus_image.drivers.base import Store, StoreDriver
from pileus_image.drivers.copies import CopiedStore, Peers
from pileus_image.drivers.object_containers import OpenContainer
from pileus_image.drivers.store_specs import all_stores, default_store
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
        return self.stores[self.default_store]

    @property
    def default_store(self) -> str:
        """The name of the store that takes new images."""
        return default_store(self.config)

    @property
    def has_several_stores(self) -> bool:
        """Whether the configuration names stores, so that images may be in some of them."""
        return bool(self.config.enabled_backends)


def make_stores(config: Config, tickets: Tickets, open_container: OpenContainer | None = None) -> dict[str, Store]:
    """Return the stores by their names, each with copies on other control machines where it needs them."""
    stores = dict[str, Store]()
    for spec in all_stores(config, open_container):
        driver = cast(type[StoreDriver], DriverManager("pileus.image.stores", spec.driver).driver)
        store: Store = driver.configured(spec)
        if config.peers and store.on_this_machine:
            prove = partial(tickets.issue, action="copy", seconds=COPY_TICKET_S)
            store = CopiedStore(store, Peers(Path(config.peers), prove))
        stores[spec.name] = store
    return stores


def make_tools(config: Config, ring: Callable[[str], None], open_container: OpenContainer | None = None) -> Tools:
    """Return the tools of an API or a worker: database, stores and keys as configured."""
    if config.output_format not in ("", *OUTPUT_FORMATS):
        raise ValueError(f"output_format: {config.output_format!r} is none of {', '.join(OUTPUT_FORMATS)}")
    tickets = Tickets.at(config.path("image", "ticket.key"))
    return Tools(
        config=config,
        sessions=Sessions(config.database_url("image")),
        stores=make_stores(config, tickets, open_container),
        tickets=tickets,
        downloader=WebDownloader(config.download_networks),
        ring=ring,
        limits=Limits(config.quota_images, config.quota_mib),
    )
