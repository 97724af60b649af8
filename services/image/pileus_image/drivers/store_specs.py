"""The image stores of a cloud: one, or those that `enabled_backends` names, each with a driver and a place."""

import re
from dataclasses import dataclass
from pathlib import Path

from pileus_image.config import Config
from pileus_image.drivers.object_containers import OpenContainer

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
"""Rows of blobs hold up to 32 characters of it, and clients list names with commas between them."""
FIRST = "file"
"""The store that clouds with one store have; its directory stays where it was when others come beside it."""


@dataclass(frozen=True)
class StoreSpec:
    """One store. `place` is a directory, or a container; it is empty where the driver chooses what it uses."""

    name: str
    driver: str
    place: str
    config: Config
    open_container: OpenContainer | None = None
    """Opens containers of the object store, where the process can."""

    def path(self) -> Path:
        """Return the directory of this store; its parents are there."""
        if self.place:
            return Path(self.place)
        if self.name == FIRST or not self.config.enabled_backends:
            return self.config.path("image", "store")
        return self.config.path("image", "stores", self.name)


def all_stores(config: Config, open_container: OpenContainer | None = None) -> list[StoreSpec]:
    """The stores in the order of the configuration. Raises ValueError for an entry that can't be used."""
    if not config.enabled_backends:
        return [StoreSpec(config.store, config.store, "", config, open_container)]
    specs = list[StoreSpec]()
    for entry in config.enabled_backends:
        name, _, rest = entry.strip().partition(":")
        driver, _, place = rest.partition(":")
        if not NAME.fullmatch(name) or not driver:
            raise ValueError(f"enabled_backends: {entry!r} isn't NAME:DRIVER or NAME:DRIVER:PLACE")
        if any(name == spec.name for spec in specs):
            raise ValueError(f"enabled_backends: there are two stores called {name}")
        if place and not place.startswith("/"):
            raise ValueError(f"enabled_backends: the place of {name} must begin with /")
        specs.append(StoreSpec(name, driver, place, config, open_container))
    return specs


def default_store(config: Config) -> str:
    """The name of the store that takes data for which a request names no store. Raises ValueError if there is none."""
    names = [spec.name for spec in all_stores(config)]
    if config.enabled_backends and config.default_store and config.default_store not in names:
        raise ValueError(f"default_store: enabled_backends has no store {config.default_store}")
    return (config.default_store if config.enabled_backends else "") or names[0]
