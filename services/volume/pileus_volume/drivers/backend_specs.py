"""The backends of one storage host: the first one, which `backend` configures, and further ones with names.

A further backend is served by the same agent, and the control plane knows it as `host@NAME`. Its disks and sockets are
in directories of its own, and it serves other hosts at a port of its own, which its place in the list decides.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pileus_volume.config import Config

NAME = re.compile(r"(?!volume-)[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""Names of files in the first backend's directory, where directories of further ones are, begin with `volume-`."""


@dataclass(frozen=True)
class BackendSpec:
    """One backend. `name` is empty for the first one; `directory` is empty where the driver chooses it."""

    name: str
    driver: str
    directory: str
    nbd_host: str
    nbd_port: int

    def path(self, config: Config, *parts: str) -> Path:
        """Return a directory of this backend below the state directory, after making its parent."""
        return config.path(*parts, self.name) if self.name else config.path(*parts)


def first_backend(config: Config) -> BackendSpec:
    """The backend that every storage host has."""
    host, _, port = config.nbd.rpartition(":")
    return BackendSpec("", config.backend, "", host, int(port))


def all_backends(config: Config) -> Iterator[BackendSpec]:
    """The first backend and the further ones. Raises ValueError for an entry that can't be used."""
    first = first_backend(config)
    yield first
    names = {config.backend_name or config.backend}
    for position, entry in enumerate(config.further_backends, start=1):
        name, _, rest = entry.strip().partition(":")
        driver, _, directory = rest.partition(":")
        if not NAME.fullmatch(name) or not driver:
            raise ValueError(f"further_backends: {entry!r} isn't NAME:DRIVER or NAME:DRIVER:DIRECTORY")
        if name in names:
            raise ValueError(f"further_backends: there are two backends called {name}")
        if directory and not directory.startswith("/"):
            raise ValueError(f"further_backends: the directory of {name} must begin with /")
        names.add(name)
        # With TLS each client machine has a port of its own, which the control plane chooses for all backends.
        port = first.nbd_port if config.nbd_tls else first.nbd_port + position
        yield BackendSpec(name, driver, directory, first.nbd_host, port)
