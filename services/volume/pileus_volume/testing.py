"""This service in one process, for its own tests and for those of other services."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import requests

from pileus_kit.flow import Runner
from pileus_kit.peers import Peers
from pileus_kit.testing import Client, TokenBook, WsgiAdapter, fresh_sessions, routed_peers
from pileus_volume.agent.backup_objects import new_session
from pileus_volume.agent.endpoint import AgentEndpoint
from pileus_volume.agent.heartbeat import send_report
from pileus_volume.agent.image_transfer import send
from pileus_volume.app import create
from pileus_volume.config import Config
from pileus_volume.core import types
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Event, Job, Model
from pileus_volume.drivers.backend_specs import all_backends
from pileus_volume.drivers.base import Backend
from pileus_volume.drivers.fake import FakeBackend
from pileus_volume.flows import FLOWS
from pileus_volume.rpc import StorageAgent, Ticket
from pileus_volume.worker import ControlPlaneEndpoint


class VolumeFixture(AbstractContextManager["VolumeFixture"]):
    """The API, a worker and storage hosts. Attributes: app, client, book, tools, runner, backends (by host), sessions.

    `apps`: {"image": app, "compute": app}. Jobs run when the test calls `drain()`. Without a directory the fixture
    creates one, which `close()` (or the end of a with block) removes. `real_transfers`: volumes that become images are
    sent over HTTP, else their content is in `sent`, by URL. `rung`: ids of the jobs that the API rang for.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        apps: Mapping[str, Any] | Peers | None = None,
        book: TokenBook | None = None,
        hosts: tuple[str, ...] = ("host1",),
        backend: Callable[[Config], Backend] = FakeBackend,
        real_transfers: bool = False,
    ) -> None:
        self._send = send if real_transfers else self._keep_upload
        self._stack = ExitStack()
        self.directory = directory or Path(self._stack.enter_context(TemporaryDirectory(prefix="pileus-volume-")))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.sessions = fresh_sessions(Model, self.directory)
        self._stack.callback(self.sessions.dispose)
        self.book = book or TokenBook()
        self._apps = {} if isinstance(apps, Peers) or apps is None else apps
        self.peers = apps if isinstance(apps, Peers) else routed_peers(self._apps)
        self.agents: dict[str, AgentEndpoint] = {}
        self.backends: dict[str, Backend] = {}
        self.rung: list[str] = []
        self.sent: dict[str, bytes] = {}
        self.tools = Tools(self.config(), self.sessions, self.peers, self.rung.append, self._agent)
        self.runner = Runner(self.sessions, Job, Event, FLOWS, self.tools, "worker")
        with self.sessions.begin() as session:
            types.ensure_default(session)
        for host in hosts:
            self.add_host(host, backend)
        self.app = create(self.tools, self.book)
        self.client = Client(self.app, "volume", self.book.member)

    def config(self, host: str = "host1") -> Config:
        """The configuration of a host."""
        (self.directory / host).mkdir(mode=0o700, exist_ok=True)
        return Config(state=str(self.directory / host), host=host, backend="fake", sealing_keys="for tests")

    def add_host(
        self,
        host: str,
        backend: Callable[[Config], Backend] = FakeBackend,
        nbd: str = "127.0.0.1:10809",
        nbd_tls: str = "",
        further: tuple[str, ...] = (),
    ) -> None:
        """Add a storage host, which reports at once. `further`: the names of further backends, each with the fake
        driver; they are in `backends` as HOST@NAME."""
        config = replace(
            self.config(host), nbd=nbd, nbd_tls=nbd_tls, further_backends=tuple(f"{name}:fake" for name in further)
        )
        self.backends[host] = backend(config)
        more: dict[str, Backend] = {spec.name: FakeBackend(config, spec) for spec in all_backends(config) if spec.name}
        self.backends |= {f"{host}@{name}": made for name, made in more.items()}
        self.agents[host] = AgentEndpoint(config, self.backends[host], self._send, self._open_session, more)
        send_report(self.agents[host], ControlPlaneEndpoint(self.sessions))

    def _open_session(self) -> requests.Session:
        """HTTP to the object store, which may be an app of this process."""
        http = new_session()
        if "objectstore" in self._apps:
            http.mount("http://objectstore.test", WsgiAdapter(self._apps["objectstore"]))
        return http

    def _keep_upload(self, path: Path, ticket: Ticket) -> None:
        self.sent[ticket.url] = path.read_bytes()

    def _agent(self, host: str) -> StorageAgent:
        return self.agents[host]

    @property
    def fake(self) -> FakeBackend:
        """The backend of the only host."""
        (backend,) = self.backends.values()
        assert isinstance(backend, FakeBackend)
        return backend

    def drain(self) -> None:
        """Run all jobs until none can go on."""
        self.runner.drain()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what the fixture has created."""
        self._stack.close()
