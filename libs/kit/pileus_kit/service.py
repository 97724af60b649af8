"""What a deployment must know of a service before it starts it.

Each service's package offers its description as an entry point of the group `pileus.services`; a deployment finds all
that are installed, so no list of services has to be kept.
"""

from dataclasses import dataclass
from importlib.metadata import entry_points

GROUP = "pileus.services"
DISK_CAPABILITIES = (
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "setfcap",
    "sys_admin",
    "sys_chroot",
)
"""An agent with these works on files of many owners, and puts what opens them into a sandbox."""


@dataclass(frozen=True)
class CatalogEntry:
    """An entry of identity's catalogue. `path` follows host and port in its URL; `$(project_id)s` stands in it for the
    project of a token."""

    type: str
    name: str
    path: str = ""


@dataclass(frozen=True)
class Service:
    """A service and its processes."""

    name: str
    """Names its package (`pileus_NAME`), database, system user and its user in identity."""
    port: int
    """Where its API listens in a cloud without offset."""
    catalog: tuple[CatalogEntry, ...]
    has_worker: bool = False
    has_agent: bool = False
    uses_bus: bool = False
    """Whether its workers and agents talk over RabbitMQ, and so have accounts there."""
    has_database: bool = True
    """Whether it keeps its state in a database (SQLite or PostgreSQL) with migrations in `pileus_NAME.db`."""
    seals: bool = False
    """Whether it keeps secrets in its database that are sealed with a key from its configuration."""
    agent_capabilities: tuple[str, ...] = ()
    """The capabilities that its agent keeps as root; without any the agent runs as the service's user."""


def installed() -> dict[str, Service]:
    """Every installed service by its name: identity first, as the others log in there, then by name."""
    found = [entry.load() for entry in entry_points(group=GROUP)]
    return {service.name: service for service in sorted(found, key=lambda one: (one.name != "identity", one.name))}
