"""The compute service in this process, with SQLite, one fake host and no bus: for its own tests and those of others."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from werkzeug.test import TestResponse

from pileus_compute import app, flows
from pileus_compute.agent.endpoint import HostEndpoint
from pileus_compute.agent.inspection import inspect
from pileus_compute.config import Config
from pileus_compute.core import flavors, host_reports
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Event, Job, Model
from pileus_compute.drivers.fake import Fake
from pileus_compute.policy import RULES
from pileus_compute.rpc import HostAgent, Power, Upload, Uploaded
from pileus_kit import decoding, fault_messages
from pileus_kit.auth import Caller
from pileus_kit.errors import HostDown, Transient
from pileus_kit.flow import Runner
from pileus_kit.json_types import JsonObject
from pileus_kit.policy import Enforcer
from pileus_kit.rpc import Refused, RefusedForNow, RemoteFailure, refusal_of
from pileus_kit.testing import Client, TokenBook, fresh_sessions, routed_peers

UPLOADS = ("snapshot", "upload_disk")


class InProcessAgent:
    """A host's agent without a bus. It calls its fake driver at once, and refuses as an agent behind the bus would."""

    def __init__(self, driver: Fake, config: Config) -> None:
        inspection = partial(inspect, replace(config, host=driver.host, hypervisor="fake"))
        self.driver, self.down = driver, False
        self._agent = HostEndpoint(driver, Path(config.state, "scratch"), inspection=inspection)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        target = getattr(self, f"_{name}") if name in UPLOADS else getattr(self._agent, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.down:
                raise HostDown(host=self.driver.host, why="the test says so")
            try:
                return target(*args, **kwargs)
            except Exception as err:
                refusal = refusal_of(err)
                if refusal is None:
                    raise RemoteFailure(f"{self.driver.host}: {name}: {type(err).__name__}: {err}") from err
                kind = RefusedForNow if isinstance(refusal, Transient) else Refused
                raise kind(refusal.type, fault_messages.without_internals(str(refusal)), refusal.status) from None

        return call

    def _snapshot(self, guest_id: str, upload: Upload) -> Uploaded:
        """Pretend to upload: there may be no image service in the test."""
        self.driver.calls.append(("snapshot", guest_id))
        return Uploaded(1, "0" * 64)

    def _upload_disk(self, guest_id: str, number: int, upload: Upload) -> Uploaded:
        self.driver.calls.append(("upload_disk", guest_id))
        return Uploaded(1, "0" * 64)


class DirectTools(Tools):
    """Tools whose agents are hosts in this process."""

    def agent(self, host: str) -> HostAgent:
        return self._agents[host]


class ComputeFixture:
    """The service's `app` with a `client`, its `tools` and `sessions`, a `runner` of its jobs, `host` with the fake
    driver as its `driver`, the `book` of the callers' tokens, and the ids of the jobs that were `rung`.

    `apps` are the services that compute calls: {"image": app, "network": app, "volume": app}.
    """

    def __init__(
        self, directory: Path, apps: Mapping[str, Any] | None = None, book: TokenBook | None = None, **options: Any
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        config = Config(
            state=str(directory), host="host1", metadata_secret="for tests", **{"sealing_keys": "for tests"} | options
        )
        self.book = book or TokenBook()
        self.sessions = fresh_sessions(Model, directory)
        self.rung: list[str] = []
        self.tools = DirectTools(
            config,
            self.sessions,
            routed_peers(apps or {}),
            ring=self.rung.append,
            connect=lambda: None,  # type: ignore[arg-type,return-value]
        )
        self.host = self.add_host("host1")
        self.runner = self._runner()
        self.app = app.create(self.tools, self.book, Enforcer(RULES))
        self.client = Client(self.app, "compute", as_=self.book.member)

    def _runner(self) -> Runner:
        return Runner(self.sessions, Job, Event, flows.FLOWS, self.tools, worker="compute-test", threads=1)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Run a worker beside the test, for calls that wait for their job."""
        runner = self._runner()
        runner.start()
        self.tools.ring = runner.ring
        try:
            yield
        finally:
            self.tools.ring = self.rung.append
            runner.stop()

    def add_host(self, name: str) -> InProcessAgent:
        host = InProcessAgent(Fake(name), self.tools.config)
        self.tools._agents[name] = cast(HostAgent, host)
        self.hello(name)
        return host

    def hello(self, name: str) -> list[str]:
        """Let a host report as a real one does every 15 seconds. Returns the ids of its orphaned guests."""
        driver = cast(InProcessAgent, self.tools._agents[name]).driver
        with self.sessions.begin() as session:
            return host_reports.record_hello(session, name, driver.inventory(), driver.guests())

    def drain(self) -> None:
        """Run all jobs, in this thread."""
        self.runner.drain()

    def flavor(self, flavor_id: str = "1", **facts: object) -> str:
        new = {"id": flavor_id, "name": f"m{flavor_id}", "vcpus": 1, "memory_mib": 64, "disk_gib": 1} | facts
        with self.sessions.begin() as session:
            return flavors.create(session, decoding.convert(new, flavors.NewFlavor)).id

    def server(
        self, as_: Caller | None = None, version: str = "2.79", drain: bool = True, **fields: object
    ) -> JsonObject:
        """Create a server as users do, and run its job; returns its view."""
        body = {"name": "server", "flavorRef": "1", "networks": "none"} | fields
        made = self.client.post("/v2.1/servers", json={"server": body}, as_=as_, version=version)
        assert made.status_code == 202 and made.json, made.text
        if drain:
            self.drain()
        return self.show(made.json["server"]["id"], as_=as_)

    def show(self, server_id: str, as_: Caller | None = None, version: str = "2.79") -> JsonObject:
        answer = self.client.get(f"/v2.1/servers/{server_id}", as_=as_, version=version)
        assert answer.status_code == 200 and answer.json, answer.text
        return dict(answer.json["server"])

    def act(
        self,
        server_id: str,
        action: str,
        value: object = None,
        as_: Caller | None = None,
        version: str = "2.79",
        status: int = 202,
    ) -> TestResponse:
        """Ask for an action and run its job; returns the answer."""
        answer = self.client.post(f"/v2.1/servers/{server_id}/action", json={action: value}, as_=as_, version=version)
        assert answer.status_code == status, answer.text
        self.drain()
        return answer

    def power(self, server_id: str) -> Power | None:
        guest = self.host.driver.guests_by_id.get(server_id)
        return guest.power if guest else None

    def close(self) -> None:
        self.sessions.dispose()


@contextmanager
def compute_service(directory: Path, **kwargs: Any) -> Iterator[ComputeFixture]:
    fixture = ComputeFixture(directory, **kwargs)
    try:
        yield fixture
    finally:
        fixture.close()
