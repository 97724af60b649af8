"""What a cloud's machine consists of: names, ports, secrets and configuration files under one state directory."""

import json
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import IO
from urllib.parse import quote

from pileus_kit import service
from pileus_kit.accounts import Account

SERVICES = service.installed()
PORTS = {name: one.port for name, one in SERVICES.items()}
BROKER_PORT = 5682  # other than 5672, where a broker of the system may listen
BUS_TLS_PORT = 5671
HOST_PORT = 8775
"""Where machines of the cloud ask for metadata and image data, join, and renew their certificates."""
CONTROL_PORT = 8777
"""Where control machines reach each other's APIs."""
COMMON_PORT = 443
STORAGE_PORT = 6200
NBD_PORT = 10809
NBD_TLS_PORTS = range(13000, 15000)
"""Where volumes are served to machines of a cloud with TLS. Each cloud begins somewhere in the first half."""
REGION = "RegionOne"
ROLES = {
    "compute": ("compute", "network"),
    "network": ("network",),
    "volume": ("volume",),
    "object": ("objectstore",),
    "control": (),
}
"""What a machine may join as, and the services whose agents it then runs."""
NOT_YET: dict[str, str] = {}
"""What no machine can join as, and why."""
ON_THE_BUS = tuple(name for name, one in SERVICES.items() if one.uses_bus)

OFFSETS = range(36 * 36)  # each offset has a prefix and an external network of its own
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Plan:
    """One cloud's plan.

    `offset` moves every port and renames everything on the host, so that clouds can run side by side. `database` is an
    administrator's URL of PostgreSQL servers, on which each service gets a database and a role of its own, or with
    {service} in it the URL of databases that exist; empty: SQLite. With `tls` the public
    APIs and everything between machines is encrypted; `certificate` and `key` name files for the public APIs, and
    `authorities` one that verifies them; empty: the cloud's own authority. `controller` is the address of the machine
    that runs APIs and broker; empty: this one. A machine that joined has `roles`. With a `virtual_address` the cloud is
    reached there, at whichever of its control machines has that address at the moment.
    """

    state: Path
    address: str = "127.0.0.1"
    offset: int = 0
    hypervisor: str = "libvirt"
    database: str = field(default="", repr=False)
    former_database: str | None = field(default=None, repr=False)
    """Where the databases were before they were moved, until the operator confirms that they may be deleted."""
    tls: bool = False
    certificate: str = ""
    key: str = ""
    authorities: str = ""
    network_driver: str = ""
    volume_driver: str = ""
    volume_backends: str = ""
    """Further backends of this machine, as the option `further_backends` of the volume agent."""
    image_stores: str = ""
    """The stores of the cloud, as the option `enabled_backends` of the image service; empty: one."""
    image_output_format: str = ""
    """The format to which imports are converted, as the option `output_format` of the image service."""
    controller: str = ""
    brokers: tuple[str, ...] = ()
    """The addresses of all RabbitMQ nodes where there are several."""
    name: str = ""
    roles: tuple[str, ...] = ()
    virtual_address: str = ""
    control_machines: tuple[str, ...] = ()
    """All control machines as NAME@ADDRESS; only one that joined keeps them here, as the first has their records."""

    def settings(self) -> dict[str, object]:
        """Return what was chosen, to be kept in a file."""
        return {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if one.name != "state" and getattr(self, one.name) != one.default
        }

    @property
    def is_control(self) -> bool:
        """Whether this machine runs APIs, workers and a node of the bus."""
        return not self.controller or "control" in self.roles

    @property
    def entrance(self) -> str:
        """The address at which the cloud is reached."""
        return self.virtual_address or self.controller or self.address

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """The addresses at which this machine serves, now or when another one has died."""
        return (self.address, *([self.virtual_address] if self.virtual_address and self.is_control else []))

    @property
    def bus_nodes(self) -> tuple[str, ...]:
        """The addresses of the bus's nodes where there may be several; () if there is just one, for itself."""
        return self.brokers or ((self.address,) if self.virtual_address and self.is_control else ())

    @property
    def makes_databases(self) -> bool:
        """Whether the services' databases are made on the servers of `database`."""
        return bool(self.database) and "{service}" not in self.database

    def database_name(self, service: str) -> str:
        """The name of a service's database and of the role that owns it, on the servers of `database`."""
        from pileus_kit.database_urls import engine_url

        return f"{engine_url(self.database).database or 'pileus'}_{service}"

    def database_url(self, service: str) -> str:
        if not self.database:
            return f"sqlite:///{self.database_file(service)}"
        if not self.makes_databases:
            return self.database.format(service=service)
        from pileus_kit.database_urls import engine_url, text_of

        name = self.database_name(service)
        password = self.secrets[f"database {service}"]
        return text_of(engine_url(self.database).set(username=name, password=password, database=name))

    def port(self, service: str) -> int:
        return PORTS[service] + self.offset

    def url(self, service: str) -> str:
        return f"{'https' if self.tls else 'http'}://{self.entrance}:{self.port(service)}"

    def bind(self, service: str) -> str:
        """Return where a service's API listens: on its port, or on a socket behind HAProxy."""
        return f"unix:{self.socket(service)}" if self.tls else f"{self.address}:{self.port(service)}"

    def socket(self, service: str) -> Path:
        return self.state / "sockets" / service / "api.sock"

    @property
    def common_port(self) -> int:
        """The port behind which all APIs are reached by paths."""
        return COMMON_PORT + self.offset

    @property
    def host_port(self) -> int:
        return HOST_PORT + self.offset

    @property
    def control_port(self) -> int:
        return CONTROL_PORT + self.offset

    @property
    def host_url(self) -> str:
        """Where this cloud's machines reach what is for them only."""
        return f"https://{self.entrance}:{self.host_port}"

    def tls_file(self, name: str) -> Path:
        return self.state / "tls" / name

    @property
    def public_certificate(self) -> Path:
        """Certificate and key of the public APIs, in one file."""
        return self.tls_file("public.pem" if self.certificate else "both.pem")

    @property
    def driver_of_network(self) -> str:
        return self.network_driver or ("fake" if self.hypervisor == "fake" else "linux")

    @property
    def driver_of_volume(self) -> str:
        return self.volume_driver or ("fake" if self.hypervisor == "fake" else "file")

    @property
    def nbd_address(self) -> str:
        """Where this machine serves volumes: with TLS to each machine at a port of its own, from this one on."""
        if not self.tls:
            return f"127.0.0.1:{NBD_PORT + self.offset}"
        return f"{self.address}:{NBD_TLS_PORTS[self.offset * 10 % 1000]}"

    def runs_agent(self, service: str) -> bool:
        """Whether this machine runs the agent of a service."""
        return not self.controller or any(service in ROLES[role] for role in self.roles)

    @property
    def prefix(self) -> str:
        """The beginning of every name that this cloud uses on the host; short, as interface names have at most 15
        letters."""
        return "pl" if self.offset == 0 else f"p{DIGITS[self.offset // 36 % 36]}{DIGITS[self.offset % 36]}"

    @property
    def public_bridge(self) -> str:
        return f"{self.prefix}x-ext"

    @property
    def public_net(self) -> str:
        """The first three bytes of the external network, a /24."""
        return f"172.{24 + self.offset // 200 % 7}.{4 + self.offset % 200}"

    @property
    def host(self) -> str:
        """The name of this machine as hypervisor, storage host and network node."""
        return self.name or socket.gethostname()

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The accounts on the bus: one for each service, and one of this host for each that has an agent."""
        if self.controller:
            services = [Account(service) for service in ON_THE_BUS if self.is_control]
            return (*services, *(Account(service, self.host) for service in ON_THE_BUS if self.runs_agent(service)))
        hosts = {name: ("", self.host) if SERVICES[name].has_agent else ("",) for name in ON_THE_BUS}
        return tuple(Account(service, host) for service in ON_THE_BUS for host in hosts[service])

    def bus_url(self, account: Account) -> str:
        user = quote(account.name, safe="")
        login = f"rabbit://{user}:{self.secrets[f'bus {account.name}']}"
        quorum = "rabbit_quorum_queue=true" if self.virtual_address else ""
        if self.is_control:
            return f"{login}@127.0.0.1:{BROKER_PORT + self.offset}//{quorum and f'?{quorum}'}"
        files = {"ca": "authority.pem", "cert": "machine.pem", "key": "machine.key"}
        query = "&".join(f"ssl_{kind}_file={quote(str(self.tls_file(name)))}" for kind, name in files.items())
        return f"{login}@{self.entrance}:{BUS_TLS_PORT + self.offset}//?ssl=true&{query}{quorum and f'&{quorum}'}"

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Passwords and keys, drawn at the first start and kept in a file that only root can read."""
        file = self.state / "secrets.json"
        known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        if self.controller:
            return known  # the controller gave them
        wanted = (
            "admin",
            "demo",
            "metadata",
            *(f"{name} seal" for name, one in SERVICES.items() if one.seals),
            "hash_path",
            *PORTS,
            *(f"bus {a.name}" for a in self.accounts),
            *(f"database {name}" for name, one in SERVICES.items() if self.makes_databases and one.has_database),
        )
        missing = [name for name in wanted if name not in known]
        if missing:
            known |= {name: secrets.token_urlsafe(18) for name in missing}
            write_private(file, json.dumps(known, indent=1))
        return known

    def renew_secrets(self, chosen: Callable[[str], bool], given: dict[str, str]) -> None:
        """Replace the chosen secrets: by those `given`, else by new ones."""
        known = {name: secret for name, secret in self.secrets.items() if not chosen(name)} | given
        write_private(self.state / "secrets.json", json.dumps(known, indent=1))
        self.__dict__.pop("secrets")  # the next access draws what is missing
        assert self.secrets.keys() >= known.keys()

    def database_file(self, service: str) -> Path:
        return self.state / "databases" / service / f"{service}.sqlite"

    def config_file(self, service: str) -> Path:
        return self.state / "etc" / f"{service}.conf"

    def agent_config_file(self, service: str) -> Path:
        return self.config_file(f"{service}-agent")


def write_private(path: Path, text: str) -> None:
    with open_private(path) as file:
        file.write(text)


def open_private(path: Path) -> IO[str]:
    """Open a file for writing, with mode 0600 from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w")
