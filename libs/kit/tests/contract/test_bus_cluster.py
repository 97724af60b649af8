"""Three RabbitMQ nodes as one bus: calls go on when any of them is killed."""

# mypy: disable-error-code="empty-body"

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import amqp
import pytest

from pileus_deploy import broker
from pileus_deploy.plan import Plan, write_private
from pileus_kit.accounts import Account
from pileus_kit.errors import CloudError
from pileus_kit.rpc import Bus, Interface, call

CTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
PATIENCE_S = 180.0


class Counter(Interface, topic="compute.agent", version="1.0"):
    @call(since="1.0", timeout_s=20)
    def count(self, number: int) -> int:
        """Return the next number."""


class Counting(Counter):
    def count(self, number: int) -> int:
        return number + 1


class OneHost(Plan):
    @property
    def accounts(self) -> tuple[Account, ...]:
        return (Account("compute"), Account("compute", "h1"))


class Node:
    """A node with the accounts of a cloud. The nodes share a port mapper, so that they find each other."""

    def __init__(self, plan: OneHost, mapper: int, nodes: list[str]) -> None:
        self.plan, self.port = plan, broker.port(plan)
        broker.prepare(plan)
        home = plan.state / "rabbitmq"
        definitions = json.loads((home / "definitions.json").read_text())
        for exchange in definitions["exchanges"]:
            exchange["durable"] = True
        (home / "definitions.json").write_text(json.dumps(definitions))
        listed = [f"cluster_formation.classic_config.nodes.{n} = {name}" for n, name in enumerate(nodes, 1)]
        with (home / "rabbitmq.conf").open("a") as file:
            file.write("\n".join(["cluster_formation.peer_discovery_backend = classic_config", *listed, ""]))
        self.environment = dict(broker.environment(plan)) | {"ERL_EPMD_PORT": str(mapper)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.plan.state / "log").open("ab") as log:
            self._process = subprocess.Popen(
                broker.command(self.plan),
                env=self.environment,
                stdout=log,
                stderr=log,
                cwd=self.plan.state,
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the node."""
        assert self._process
        os.killpg(self._process.pid, number)

    def stop(self) -> None:
        if self._process:
            self.signal(signal.SIGKILL)
            self._process.wait(60)
            self._process = None

    def ctl(self, *words: str) -> str:
        name = self.environment["RABBITMQ_NODENAME"]
        done = subprocess.run([CTL, "-n", name, *words], env=self.environment, capture_output=True, text=True)
        return done.stdout

    def answers(self) -> bool:
        try:
            found = amqp.Connection(
                f"127.0.0.1:{self.port}",
                userid="compute",
                password=self.plan.secrets["bus compute"],
                connect_timeout=5,
            )
            found.connect()
            found.close()
        except (OSError, amqp.exceptions.AMQPError):
            return False
        return True


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    """The cluster, running."""
    plans = [OneHost(tmp_path_factory.mktemp("node"), offset=offset) for offset in _free_offsets()]
    for other in plans[1:]:  # the same passwords, and the same cookie
        other.__dict__["secrets"] = plans[0].secrets
        (other.state / "rabbitmq").mkdir()
    mapper = broker.port(plans[0]) + 1
    names = [dict(broker.environment(plan))["RABBITMQ_NODENAME"] for plan in plans]
    found = [Node(plans[0], mapper, names)]
    for other in plans[1:]:
        cookie = other.state / "rabbitmq" / broker.COOKIE
        write_private(cookie, (plans[0].state / "rabbitmq" / broker.COOKIE).read_text())
        found.append(Node(other, mapper, names))
    with subprocess.Popen([broker.EPMD, "-port", str(mapper), "-address", "127.0.0.1"]) as epmd:
        try:
            for node in found:
                node.start()
            _until(lambda: all(node.answers() for node in found))
            _until(lambda: all(name in found[0].ctl("cluster_status") for name in names))
            yield found
        finally:
            for node in found:
                node.stop()
            epmd.terminate()


def _free_offsets() -> list[int]:
    """Three offsets at which the brokers' ports are free."""
    return [offset for offset in range(900, 1290, 13) if not _taken(broker.BROKER_PORT + offset)][:3]


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.2)


class Caller:
    """Calls without end, and asks again what got no answer, as a job's step does."""

    def __init__(self, url: str) -> None:
        self._bus = Bus(url)
        self._counter = self._bus.client(Counter, host="h1")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.number = 0
        self.wrong: list[str] = []

    def __enter__(self) -> "Caller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._bus.close()

    def wait_for(self, more: int) -> None:
        """Wait until so many more calls were answered."""
        wanted = self.number + more
        _until(lambda: self.number >= wanted or bool(self.wrong))
        assert not self.wrong

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                answer = self._counter.count(self.number)
            except CloudError:  # nobody answered in time: the call is made again
                continue
            if answer != self.number + 1:
                self.wrong.append(f"{answer} after {self.number}")
            self.number = answer


def _url(nodes: list[Node], account: Account) -> str:
    """A URL with all nodes."""
    first = nodes[0].plan.bus_url(account)
    login = first.removeprefix("rabbit://").rpartition("@")[0]
    return "rabbit://" + ",".join(f"{login}@127.0.0.1:{node.port}" for node in nodes) + "//"


@pytest.fixture(scope="module")
def caller(nodes: list[Node]) -> Iterator[Caller]:
    """Somebody who calls an agent all the time."""
    agent = Bus(_url(nodes, Account("compute", "h1")))
    server = agent.serve(Counting(), "h1", threads=2)
    with Caller(_url(nodes, Account("compute"))) as calling:
        calling.wait_for(20)
        yield calling
    server.stop()
    agent.close()


def test_queues_are_on_all_nodes_and_do_not_become_more(nodes: list[Node], caller: Caller) -> None:
    def queues() -> list[str]:
        return sorted(nodes[0].ctl("-q", "list_queues", "--no-table-headers", "name", "type").splitlines())

    before = queues()
    assert before and all(line.endswith("\tquorum") for line in before)
    caller.wait_for(50)
    assert queues() == before, "no call makes a queue"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_killed_node_stops_no_call(nodes: list[Node], caller: Caller, number: int) -> None:
    caller.wait_for(5)
    nodes[number].stop()
    caller.wait_for(20)
    nodes[number].start()
    _until(nodes[number].answers)
    caller.wait_for(20)
