"""This service in one process, for its own tests and those of other services."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import requests

from pileus_kit.flow import Runner
from pileus_kit.peers import Peers
from pileus_kit.testing import Client, TokenBook, WsgiAdapter, fresh_sessions, routed_peers
from pileus_volume.agent.greeting import Greeting
from pileus_volume.agent.images import send
from pileus_volume.agent.object_store import session
from pileus_volume.agent.service import Agent
from pileus_volume.app import create
from pileus_volume.config import Config
from pileus_volume.core import types
from pileus_volume.db.models import Event, Job, Model
from pileus_volume.drivers.base import Backend
from pileus_volume.drivers.fake import FakeBackend
from pileus_volume.flows.all import FLOWS
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import StorageAgent, Ticket
from pileus_volume.worker import Listener


class VolumeFixture(AbstractContextManager["VolumeFixture"]):
    """The API, a worker and storage hosts. Attributes: app, client, book, tools, runner, backends (by host), sessions.

    `apps`: {"image": app, "compute": app}. Jobs run when the test says `drain()`. Without a directory it makes one,
    which `close()` (or the end of a with block) removes. `real_transfers`: volumes that become images are sent by HTTP,
    else they are found in `sent`.
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
        self._send = send if real_transfers else self._take
        self._stack = ExitStack()
        self.directory = directory or Path(self._stack.enter_context(TemporaryDirectory(prefix="pileus-volume-")))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.sessions = fresh_sessions(Model, self.directory)
        self._stack.callback(self.sessions.dispose)
        self.book = book or TokenBook()
        self._apps = {} if isinstance(apps, Peers) or apps is None else apps
        self.peers = apps if isinstance(apps, Peers) else routed_peers(self._apps)
        self.agents: dict[str, Agent] = {}
        self.backends: dict[str, Backend] = {}
        self.rung: list[str] = []
        self.sent: dict[str, bytes] = {}  # what was uploaded, by URL
        self.tools = Tools(self.config(), self.sessions, self.peers, self.rung.append, self._agent)
        self.runner = Runner(self.sessions, Job, Event, FLOWS, self.tools, "worker")
        with self.sessions.begin() as session:
            types.ensure_default(session)
        for host in hosts:
            self.add_host(host, backend)
        self.app = create(self.tools, self.book)
        self.client = Client(self.app, "volume", self.book.member)

    def config(self, host: str = "host1") -> Config:
        return Config(state=str(self.directory / host), host=host, backend="fake", sealing_keys="for tests")

    def add_host(self, host: str, backend: Callable[[Config], Backend] = FakeBackend) -> None:
        """A storage host that reports at once."""
        config = self.config(host)
        self.backends[host] = backend(config)
        self.agents[host] = Agent(config, self.backends[host], self._send, self._store)
        assert Greeting(self.agents[host], Listener(self.sessions)).greet()

    def _store(self) -> requests.Session:
        """What agents reach the object store with: it may be an app of this process."""
        http = session()
        if "objectstore" in self._apps:
            http.mount("http://objectstore.test", WsgiAdapter(self._apps["objectstore"]))
        return http

    def _take(self, path: Path, ticket: Ticket) -> None:
        self.sent[ticket.url] = path.read_bytes()

    def _agent(self, host: str) -> StorageAgent:
        return self.agents[host]

    @property
    def fake(self) -> FakeBackend:
        """The only host's backend."""
        (backend,) = self.backends.values()
        assert isinstance(backend, FakeBackend)
        return backend

    def drain(self) -> None:
        """Do everything that waits to be done."""
        self.runner.drain()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()
