"""What an all-in-one cloud consists of: names, ports, secrets and configuration files under one state directory."""

import json
import os
import secrets
import socket
from configparser import RawConfigParser
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from pileus_deploy import libvirtd

PORTS = {"identity": 5000, "compute": 8774, "image": 9292, "volume": 8776, "network": 9696, "objectstore": 8080}
BROKER_PORT = 5682  # beside a system's own broker on 5672
STORAGE_PORT = 6200
NBD_PORT = 10809
REGION = "RegionOne"


OFFSETS = range(36 * 36)  # each has a prefix and an external network of its own
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Plan:
    """`offset` moves every port and renames everything on the host, so that clouds live side by side."""

    state: Path
    address: str = "127.0.0.1"
    offset: int = 0
    hypervisor: str = "libvirt"

    def port(self, service: str) -> int:
        return PORTS[service] + self.offset

    def url(self, service: str) -> str:
        return f"http://{self.address}:{self.port(service)}"

    @property
    def prefix(self) -> str:
        """Begins the name of everything this cloud makes on the host; short, as interfaces have 15 letters."""
        return "pl" if self.offset == 0 else f"p{DIGITS[self.offset // 36 % 36]}{DIGITS[self.offset % 36]}"

    @property
    def public_bridge(self) -> str:
        return f"{self.prefix}x-ext"

    @property
    def public_net(self) -> str:
        """The first three bytes of the external network, a /24."""
        return f"172.{24 + self.offset // 200 % 7}.{4 + self.offset % 200}"

    @property
    def bus_url(self) -> str:
        return f"rabbit://pileus:{self.secrets['broker']}@127.0.0.1:{BROKER_PORT + self.offset}//"

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Passwords and keys, made at the first start and kept, readable by root only."""
        file = self.state / "secrets.json"
        known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        wanted = ("admin", "demo", "broker", "metadata", "hash_path", *PORTS)
        missing = [name for name in wanted if name not in known]
        if missing:
            known |= {name: secrets.token_urlsafe(18) for name in missing}
            write_private(file, json.dumps(known, indent=1))
        return known

    def config_file(self, service: str) -> Path:
        return self.state / "etc" / f"{service}.conf"

    def write_configs(self, extra: dict[str, dict[str, object]]) -> None:
        """One INI file a service; `extra` adds what only that service knows."""
        for service in PORTS:
            values: dict[str, object] = {
                "state": self.state, "bus": self.bus_url, "identity_url": f"{self.url('identity')}/v3",
                "service_user": service, "service_password": self.secrets[service], "host": socket.gethostname(),
                "bind": f"{self.address}:{self.port(service)}", "region": REGION, **extra.get(service, {})}
            parser = RawConfigParser()
            for key, value in values.items():
                parser.set("DEFAULT", key, ",".join(value) if isinstance(value, tuple) else str(value))
            with open_private(self.config_file(service)) as file:
                parser.write(file)

    def service_settings(self) -> dict[str, dict[str, object]]:
        """What each service's configuration says beyond the common fields."""
        return {
            "identity": {"public_url": f"{self.url('identity')}", "lockout_failures": 5, "lockout_seconds": 10,
                         "unique_passwords": 2},
            "compute": {"prefix": self.prefix, "metadata_secret": self.secrets["metadata"],
                        "hypervisor": self.hypervisor, "libvirt_uri": libvirtd.uri(self.state)},
            "network": {"prefix": self.prefix, "metadata_secret": self.secrets["metadata"],
                        "metadata_url": f"{self.url('compute')}/metadata",
                        "bridge_mappings": (f"public:{self.public_bridge}",),
                        "driver": "fake" if self.hypervisor == "fake" else "linux"},
            "volume": {"nbd": f"127.0.0.1:{NBD_PORT + self.offset}",
                       "backend": "fake" if self.hypervisor == "fake" else "file"},
            "objectstore": {"storage_bind": f"127.0.0.1:{STORAGE_PORT + self.offset}"},
        }


def write_private(path: Path, text: str) -> None:
    with open_private(path) as file:
        file.write(text)


def open_private(path: Path) -> IO[str]:
    """Open for writing, 0600 from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w")
