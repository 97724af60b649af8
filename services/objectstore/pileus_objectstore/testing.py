"""The object store in this process, for tests: real proxy, real storage servers, files in a temporary directory."""

import dataclasses
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pileus_kit.policy import Enforcer
from pileus_kit.testing import Client, TokenBook
from pileus_objectstore import app
from pileus_objectstore.agent.storage_server import StorageServer
from pileus_objectstore.api.proxy import Proxy
from pileus_objectstore.clients.access_keys import SignedText, UnknownAccessKey, VerifiedKey, Verifier
from pileus_objectstore.config import Config
from pileus_objectstore.policy import RULES
from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.ring.rings import KINDS, POLICIES_FILE, read_policies, ring_name, write_policies
from pileus_objectstore.ring.storage_policies import StoragePolicy
from pileus_objectstore.storage.disks import Disk

MAX_WAIT_S = 60.0


class ObjectStoreFixture:
    """A proxy and `hosts` storage servers with `devices` devices each. Call `close` at the end.

    With several hosts, each has its own zone and its own home below the state directory, as on real machines.
    """

    pack_kib = 64

    def __init__(
        self,
        state: Path,
        hosts: int = 1,
        devices: int = 4,
        power: int = 4,
        book: TokenBook | None = None,
        verify: Verifier | None = None,
        policies: Sequence[tuple[StoragePolicy, int]] = (),
        **options: Any,
    ) -> None:
        """`verify` checks the signatures of S3 clients; without it no access key is known.

        `policies` are storage policies beside Policy-0, each with its number of replicas. `options` are the proxy's.
        """
        self.tokens = book or TokenBook()
        self.config = Config(state=str(state), **options)
        self._ports = [Port() for _ in range(hosts)]
        tls = [self._tls_of_host(state, n) for n in range(hosts)]
        self.configs = [
            Config(
                state=str(state / f"host{n}" if hosts > 1 else state),
                storage_bind=f"127.0.0.1:{self._ports[n].number}",
                cluster_key=self.config.key(),
                threads=8,
                reserve_mib=0,
                pack_kib=self.pack_kib,
                storage_tls=tls[n][0],
                storage_local=tls[n][1],
            )
            for n in range(hosts)
        ]
        self._create_rings(devices, power)
        for policy, replicas in policies:
            self._add_policy(policy, replicas, devices, power)
        self.servers = [StorageServer(config) for config in self.configs]
        for server in self.servers:
            server.start()
        self.app: Proxy = app.create(self._proxy_config(), self.tokens, Enforcer(RULES), verify or no_access_keys)
        self.client = Client(self.app, as_=self.tokens.member)  # type: ignore[arg-type]
        self.account = "/v1/AUTH_p1"

    def _tls_of_host(self, state: Path, number: int) -> tuple[str, str]:
        """A storage host's options `storage_tls` and `storage_local`, for fixtures that have certificates."""
        return "", ""

    def _proxy_config(self) -> Config:
        """The proxy is on the only host, or on a machine of its own."""
        bind = self.configs[0].storage_bind if len(self.configs) == 1 else self.config.storage_bind
        return dataclasses.replace(self.config, storage_bind=bind)

    def _create_rings(self, devices: int, power: int) -> None:
        for config in self.configs:
            for number in range(devices):
                Disk.format(config.home / f"d{number + 1}", f"d{number + 1}")
        for kind in KINDS:
            self._create_ring(kind, Builder(power), devices)

    def _create_ring(self, name: str, builder: Builder, devices: int) -> None:
        for zone, config in enumerate(self.configs):
            for number in range(devices):
                builder.add(f"d{number + 1}", config.storage_bind, zone=zone if len(self.configs) > 1 else number)
        builder.rebalance()
        for directory in self._ring_directories():
            builder.save(directory / f"{name}.ring")

    def _add_policy(self, policy: StoragePolicy, replicas: int, devices: int, power: int) -> None:
        self._create_ring(ring_name("object", policy.index), Builder(power, replicas), devices)
        for directory in self._ring_directories():
            path = directory / POLICIES_FILE
            write_policies(path, read_policies(path).with_policy(policy))

    def _ring_directories(self) -> set[Path]:
        return {config.ring_directory for config in (self.config, *self.configs)}

    def stop_host(self, number: int) -> None:
        """Stop a storage server."""
        self.servers[number].stop()

    def start_host(self, number: int) -> None:
        """Start a host again, as after a restart of its process."""
        self.servers[number] = StorageServer(self.configs[number])
        self.servers[number].start()

    def await_recovery(self, devices: int = 4) -> None:
        """Wait until the first storage server has looked at all of its devices, as it does when it starts.

        While it looks at a listing, that can't be removed.
        """
        updater, until = self.servers[0].updater, time.monotonic() + MAX_WAIT_S
        while len(updater._recovered) < devices:
            assert time.monotonic() < until, "the storage server is still looking at its devices"
            time.sleep(0.02)

    def drain(self) -> None:
        """Make all delayed updates of listings now."""
        for server in self.servers:
            server.updater.report()
            server.updater.retry()

    def close(self) -> None:
        """Stop all servers."""
        self.app.tools.cluster.close()
        for server in self.servers:
            server.stop()
        for port in self._ports:
            port.release()


class UnpackedObjectStoreFixture(ObjectStoreFixture):
    """The same with small objects in files, too, as those of 0.1.0 are."""

    pack_kib = -1


def no_access_keys(signed: SignedText) -> VerifiedKey:
    """A verifier that knows no key."""
    raise UnknownAccessKey


class Port:
    """A port that stays reserved, whether a server listens on it or not.

    The rings name ports before a server listens on them, and a stopped host comes back to its own; a port that was only
    looked up could be given to another test meanwhile. Of two sockets on one port, both have to allow it (SO_REUSEADDR)
    and one at most may listen; this one allows it only after it has got a port of its own.
    """

    def __init__(self) -> None:
        self._held = socket.socket()
        self._held.bind(("127.0.0.1", 0))
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.number: int = self._held.getsockname()[1]

    def release(self) -> None:
        """Free the port."""
        self._held.close()


def free_port() -> int:
    """A port that no socket uses at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
