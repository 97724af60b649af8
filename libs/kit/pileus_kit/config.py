"""A service's options are the fields of one frozen dataclass; oslo.config only reads the file.

An environment variable `PILEUS_<FIELD>` takes precedence over the file.
"""

import os
import socket
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_type_hints

from oslo_config import cfg
from oslo_utils import strutils

from pileus_kit.tls import Certificates

T = TypeVar("T")
TYPES: dict[Any, type] = {
    str: cfg.StrOpt,
    int: cfg.IntOpt,
    float: cfg.FloatOpt,
    bool: cfg.BoolOpt,
    tuple[str, ...]: cfg.ListOpt,
}


def option(help: str, default: Any = MISSING, secret: bool = False) -> Any:
    """Declare an option. Without a default, the file or the environment has to set it."""
    return field(default=default, metadata={"help": help, "secret": secret}, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class ServiceConfig:
    """The options of every service; each service's Config adds its own."""

    any_method: ClassVar[bool] = False
    """Whether the API itself answers methods in lower case (which are others, RFC 9110, 9.1) and longer ones."""

    state: str = option(
        "Directory of everything that the cloud keeps: databases, keys, images, logs", "/var/lib/pileus"
    )
    database: str = option(
        "URL of the database, for PostgreSQL with all servers of which one takes writes; empty: SQLite under the state "
        "directory",
        "",
        secret=True,
    )
    bus: str = option("URL of the message bus (oslo.messaging)", "rabbit://", secret=True)
    identity_url: str = option("URL of the identity API, where tokens are checked", "http://127.0.0.1:5000/v3")
    service_user: str = option("This service's user in project `service`", "")
    service_password: str = option("That user's password", "", secret=True)
    host: str = option("The name of this host as hypervisor, storage host and network node", socket.gethostname())
    bind: str = option("Address and port of the API, or unix:PATH of a socket behind a proxy", "127.0.0.1:0")
    region: str = option("Region of the catalogue in which the other services are looked up", "RegionOne")
    ca_file: str = option(
        "PEM file of the authorities by which the cloud's other processes are verified; empty: the system's", ""
    )
    certificate_file: str = option("PEM file of this machine's certificate, which agents show; empty: none", "")
    key_file: str = option("PEM file of that certificate's key", "")
    log_level: str = option("DEBUG, INFO, WARNING or ERROR", "INFO")
    audit_log: str = option("File for the lines of the audit; empty: among the process's other logs", "")
    history_days: int = option("Days after which jobs that have ended are deleted", 30)
    threads: int = option("Requests (API) or jobs (worker) at the same time", 16)
    processes: int = option("Processes that an API may grow to under load; it starts with one", 2)
    spare_s: float = option("Seconds for which a further process stays after it was last needed", 300.0)
    slow_transfers: int = option("Transfers of slow clients at the same time, each with a thread of its own", 64)
    connections: int = option(
        "Connections to the API at the same time; further ones close those that wait longest", 1000
    )
    head_timeout_s: float = option("Seconds within which a request's head has to arrive", 10.0)
    body_pause_s: float = option(
        "Seconds for which a transfer may pause; up to twice as many once it has moved enough bytes", 30.0
    )
    min_bytes_per_s: int = option("Bytes a second that a transfer has to reach in the long run", 8192)
    drain_s: float = option(
        "Seconds for which an API that is told to end still answers, except GET /healthcheck with 503, so that a "
        "balancer sends no more",
        0.0,
    )
    requests_per_minute: int = option(
        "Requests a minute of a project, or of an address without a token; 0: no bound", 12_000
    )
    request_burst: int = option("Requests that may come at once within that bound", 30_000)
    refusals_per_minute: int = option(
        "Requests a minute of an address that may be refused for their token, where a refused login counts as ten; "
        "0: no bound",
        3000,
    )
    refusal_burst: int = option("Refusals that may come at once within that bound", 6000)

    def path(self, *parts: str) -> Path:
        """Return a path below the state directory, after making its parent."""
        path = Path(self.state, *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def certificates(self) -> Certificates:
        """The files by which this process verifies others and proves which machine it runs on."""
        return Certificates(self.ca_file, self.certificate_file, self.key_file)

    def database_url(self, service: str) -> str:
        """Return the SQLAlchemy URL of this service's database."""
        return self.database or f"sqlite:///{self.path('databases', service + '.sqlite')}"


def load(config: type[T], argv: Sequence[str] = ()) -> T:
    """Read `--config-file FILE` (or `--config FILE`, or $PILEUS_CONFIG) and the environment into `config`."""
    conf = cfg.ConfigOpts()
    hints = get_type_hints(config)
    options = fields(config)  # type: ignore[arg-type]
    for f in options:
        default = None if f.default is MISSING else f.default
        conf.register_opt(
            TYPES[hints[f.name]](
                f.name,
                default=list(default) if isinstance(default, tuple) else default,
                required=f.default is MISSING and f.name not in _environment(options),
                secret=f.metadata["secret"],
                help=f.metadata["help"],
            )
        )
    given = ["--config-file" if a == "--config" else a for a in argv]
    fallback = [os.environ["PILEUS_CONFIG"]] if "PILEUS_CONFIG" in os.environ else []
    conf(given, project="pileus", default_config_files=fallback)
    values = {f.name: getattr(conf, f.name) for f in options}
    for name, text in _environment(options).items():
        values[name] = _convert(hints[name], text)
    return config(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def _environment(options: Sequence[Any]) -> dict[str, str]:
    return {f.name: os.environ[f"PILEUS_{f.name.upper()}"] for f in options if f"PILEUS_{f.name.upper()}" in os.environ}


def _convert(kind: Any, text: str) -> Any:
    if kind is bool:
        return strutils.bool_from_string(text)
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return kind(text)
