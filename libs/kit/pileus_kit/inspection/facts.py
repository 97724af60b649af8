"""What an inspection of a machine finds: facts only, which `pileus doctor` compares with what services have on record.

Nothing in it is a secret: it crosses the bus and the API, and an administrator reads it.
"""

from dataclasses import dataclass, field

TIMEOUT_S = 3
"""How long an agent may take to answer. One that works on long calls with all its threads doesn't answer either."""
MAX_EXPOSED = 100
"""Paths that other users can read, of one machine; more of them say nothing new."""


@dataclass(frozen=True)
class ProcessFacts:
    """A process that the machine's supervisor keeps running. `failures` are its ends in a row."""

    name: str
    pid: int
    is_running: bool
    failures: int
    age_s: float
    memory_mib: float
    """Resident memory of the process alone, shared pages included."""
    port: int | None = None
    port_error: str = ""
    """Why its port can't be reached; empty if it can."""


@dataclass(frozen=True)
class ExposedPath:
    """A file or directory that other users of the machine can read or change; `how` is its mode."""

    path: str
    how: str


@dataclass(frozen=True)
class MachineFacts:
    """The machine itself and its processes. `clock` is its time when it was inspected, in seconds since 1970."""

    version: str
    state: str
    clock: float
    supervisor_pid: int
    is_supervised: bool
    processes: tuple[ProcessFacts, ...]
    disk_bytes: int
    disk_free_bytes: int
    empty_key_directories: tuple[str, ...] = ()
    exposed: tuple[ExposedPath, ...] = ()
    certificate_end: float | None = None
    """When this machine's certificate ends; None if it has none."""


@dataclass(frozen=True)
class GuestFacts:
    """Domains by their ids, and the directories of their disks. `unlimited` guests lack a limit of `unlimited_by`."""

    uri: str
    unreachable: str = ""
    """Why libvirt doesn't answer; `domains` aren't known then."""
    domains: dict[str, str] = field(default_factory=dict)
    disks: tuple[str, ...] = ()
    unlimited: int = 0
    unlimited_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeadDhcp:
    """A namespace whose DHCP server should run, and its last process id."""

    namespace: str
    pid: int


@dataclass(frozen=True)
class NetworkFacts:
    """Interfaces, namespaces and nft tables ("bridge pileus_pl") of this cloud's prefix."""

    prefix: str
    unreadable: str = ""
    """Why the machine doesn't tell; the rest isn't known then."""
    interfaces: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    dead_dhcp: tuple[DeadDhcp, ...] = ()


@dataclass(frozen=True)
class VolumeFacts:
    """The ids of the volumes that have a file in `directory`."""

    directory: str
    volumes: tuple[str, ...]


@dataclass(frozen=True)
class DeviceDamage:
    """A ring or a device of the object store that can't be used. `mend` is a command, or empty."""

    check: str
    thing: str
    cause: str
    evidence: str
    mend: str = ""


@dataclass(frozen=True)
class Inspection:
    """What one agent finds on its machine: the machine, and its own part of it. The other parts are None."""

    host: str
    machine: MachineFacts
    guests: GuestFacts | None = None
    network: NetworkFacts | None = None
    volumes: VolumeFacts | None = None
    devices: tuple[DeviceDamage, ...] = ()
