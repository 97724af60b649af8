"""Three RabbitMQ nodes as one bus: calls go on when any of them is killed, hangs, or is cut off from the others.

Each node is on a machine of its own: a network namespace.
"""

# mypy: disable-error-code="empty-body"

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar, TypeVar

import amqp
import pytest

from pileus_deploy import broker
from pileus_deploy.broker_control import BrokerControl
from pileus_deploy.plan import Plan, write_private
from pileus_kit.accounts import Account
from pileus_kit.errors import CloudError
from pileus_kit.rpc import Bus, Interface, call, messaging

QUEUE = "compute.agent.h1"
PATIENCE_S = 240.0
NETS = range(50)
ERL_CALL = "/usr/bin/erl_call"
QUEUES = """[lists:flatten(io_lib:format("{format}", [{values}]))
 || Q <- rabbit_amqqueue:list(), Name <- [element(4, amqqueue:get_name(Q))]]"""
CONSUMERS = """[lists:flatten(io_lib:format("~s ~w", [Name, node(proplists:get_value(channel_pid, C))]))
 || C <- rabbit_amqqueue:consumers_all(<<"/">>), {_, _, _, Name} <- [proplists:get_value(queue_name, C)]]"""
SERVICE, HOST = Account("compute"), Account("compute", "h1")
T = TypeVar("T")


class OneHost(Plan):
    @property
    def accounts(self) -> tuple[Account, ...]:
        return (SERVICE, HOST)


class Network:
    """A bridge in a net that no other run uses, and the machines on it."""

    def __init__(self) -> None:
        self.number = next(number for number in NETS if _ip("link", "add", _bridge(number), "type", "bridge"))
        self._machines: list[tuple[str, str]] = []
        _ip("addr", "add", f"{self.address(254)}/24", "dev", _bridge(self.number), check=True)
        _ip("link", "set", _bridge(self.number), "up", check=True)

    def address(self, machine: int) -> str:
        return f"198.19.{self.number}.{machine}"

    def add(self, machine: int) -> str:
        """Plug in a machine, and return the name of its namespace."""
        name, wire = f"plb{self.number}-{machine}", f"plb{self.number}w{machine}"
        self._machines.append((name, wire))
        _ip("netns", "add", name, check=True)
        _ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", name, check=True)
        _ip("link", "set", wire, "master", _bridge(self.number), "up", check=True)
        _ip("-n", name, "link", "set", "lo", "up", check=True)
        _ip("-n", name, "addr", "add", f"{self.address(machine)}/24", "dev", "eth0", check=True)
        _ip("-n", name, "link", "set", "eth0", "up", check=True)
        return name

    def close(self) -> None:
        for name, wire in self._machines:
            _ip("link", "del", wire)  # whoever copied the mounts of this machine meanwhile keeps the namespace
            _ip("netns", "del", name)
        _ip("link", "del", _bridge(self.number))


class Node:
    """A node with the accounts of a cloud."""

    def __init__(self, plan: OneHost, namespace: str, peers: list[str]) -> None:
        self.plan, self.namespace = plan, namespace
        self._peers = [address for address in peers if address != plan.address]
        self._running: list[subprocess.Popen[bytes]] = []
        broker.prepare(plan)

    def start(self) -> None:
        for command in (broker.epmd_command(self.plan), broker.command(self.plan)):
            with (self.plan.state / "log").open("ab") as log:
                self._running.append(
                    subprocess.Popen(
                        ["ip", "netns", "exec", self.namespace, *command],
                        env=dict(broker.environment(self.plan)),
                        stdout=log,
                        stderr=log,
                        cwd=self.plan.state,
                        start_new_session=True,
                    )
                )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the node."""
        for process in self._running:
            os.killpg(process.pid, number)

    def close(self) -> None:
        """End the node at once, as a power cut does."""
        if self._running:
            self.signal(signal.SIGKILL)
        for process in self._running:
            process.wait(60)
        self._running.clear()

    @contextmanager
    def killed(self) -> Iterator[None]:
        """The node's processes are gone."""
        self.close()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def hung(self) -> Iterator[None]:
        """The node's processes stand still; their connections stay open."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    @contextmanager
    def parted(self) -> Iterator[None]:
        """The node reaches callers, but no other node."""
        for peer in self._peers:
            _ip("-n", self.namespace, "route", "add", "blackhole", f"{peer}/32", check=True)
        try:
            yield
        finally:
            for peer in self._peers:
                _ip("-n", self.namespace, "route", "del", "blackhole", f"{peer}/32", check=True)

    def ask(self, expression: str) -> list[str]:
        """Evaluate an Erlang expression on the node and return the strings in its value.

        There are none while the node joins the others again.
        """
        return re.findall(r'"([^"]*)"', self.evaluate(expression))

    def evaluate(self, expression: str) -> str:
        """Return what erl_call prints of an expression. It takes milliseconds, where rabbitmqctl takes seconds."""
        environment = dict(broker.environment(self.plan))
        words = ["ip", "netns", "exec", self.namespace, ERL_CALL, "-name", environment["RABBITMQ_NODENAME"], "-e"]
        return subprocess.run(
            words, env=environment, input=f"{expression}.\n", capture_output=True, text=True, check=False
        ).stdout

    @contextmanager
    def logged_in(self, account: Account) -> Iterator[amqp.Connection]:
        """A connection of an account to this node."""
        host, password = f"{self.plan.address}:{broker.port(self.plan)}", self.plan.secrets[f"bus {account.name}"]
        with amqp.Connection(host, userid=account.name, password=password, connect_timeout=5) as connection:
            yield connection

    def answers(self) -> bool:
        """Whether the node lets somebody log in."""
        try:
            found = amqp.Connection(
                f"{self.plan.address}:{broker.port(self.plan)}",
                userid=SERVICE.name,
                password=self.plan.secrets[f"bus {SERVICE.name}"],
                connect_timeout=5,
                read_timeout=5,
            )
            found.connect()
            found.close()
        except (OSError, amqp.exceptions.AMQPError):
            return False
        return True


class Cluster:
    """Three nodes, running."""

    def __init__(self, folder: Path) -> None:
        self._network, self.nodes = Network(), list[Node]()
        addresses = tuple(self._network.address(number) for number in (1, 2, 3))
        for number, address in enumerate(addresses, 1):
            plan = OneHost(folder / str(number), address=address, brokers=addresses if self.nodes else addresses[:1])
            plan.state.mkdir()
            if self.nodes:  # the same passwords, and the same cookie
                first = self.nodes[0].plan.state
                write_private(plan.state / "secrets.json", (first / "secrets.json").read_text())
                cookie = Path("rabbitmq") / broker.COOKIE
                write_private(plan.state / cookie, (first / cookie).read_text())
            self.nodes.append(Node(plan, self._network.add(number), list(addresses)))

    @cached_property
    def names(self) -> list[str]:
        return [dict(broker.environment(node.plan))["RABBITMQ_NODENAME"] for node in self.nodes]

    def start(self) -> None:
        for nodes in (self.nodes[:1], self.nodes[1:]):  # those that start join one that runs
            for node in nodes:
                node.start()
            until(partial(_all_answer, nodes))
        until(lambda: len(self.nodes[0].ask("[atom_to_list(N) || N <- rabbit_mnesia:cluster_nodes(running)]")) == 3)

    def queues(self) -> list[str]:
        """Return names and types of all queues."""
        return sorted(self.nodes[0].ask(QUEUES.format(format="~s is ~p", values="Name, amqqueue:get_type(Q)")))

    def consumed_at(self, queue: str) -> Node | None:
        """Return the node to which the consumer of a queue is connected.

        None unless all nodes take part in the queue, so that any of them may fail. A node that just joined again knows
        no queues for a moment.
        """
        lines = self.nodes[0].ask(QUEUES.format(format="~s ~w", values="Name, rabbit_amqqueue:info(Q, [online])"))
        line = next((line for line in lines if line.startswith(f"{queue} ")), "")
        if not all(name in line for name in self.names):
            return None
        consumer = next((line for line in self.nodes[0].ask(CONSUMERS) if line.startswith(f"{queue} ")), "")
        return next((node for name, node in zip(self.names, self.nodes, strict=True) if name in consumer), None)

    def url(self, account: Account) -> str:
        """Return the URL of all nodes."""
        password = self.nodes[0].plan.secrets[f"bus {account.name}"]
        hosts = (f"{account.name}:{password}@{node.plan.address}:{broker.port(node.plan)}" for node in self.nodes)
        return f"rabbit://{','.join(hosts)}//"

    def close(self) -> None:
        for node in self.nodes:
            node.close()
        self._network.close()


def _all_answer(nodes: Sequence["Node"]) -> bool:
    return all(node.answers() for node in nodes)


def until(ready: Callable[[], T | None]) -> T:
    """Wait until something is there, or true, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := ready()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def _bridge(number: int) -> str:
    return f"plb{number}"


def _ip(*words: str, check: bool = False) -> bool:
    return subprocess.run(["ip", *words], capture_output=not check, check=check).returncode == 0


class Counter(Interface, topic="compute.agent", version="1.0"):
    @call(since="1.0", timeout_s=20)
    def count(self, number: int) -> int:
        """Return the next number."""


class Counting(Counter):
    def count(self, number: int) -> int:
        return number + 1


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
        until(lambda: self.number >= wanted or bool(self.wrong))
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


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def caller(cluster: Cluster) -> Iterator[Caller]:
    """Somebody who calls an agent all the time."""
    agent = Bus(cluster.url(HOST))
    server = agent.serve(Counting(), "h1", threads=2)
    with Caller(cluster.url(SERVICE)) as calling:
        calling.wait_for(20)
        yield calling
    server.stop()
    agent.close()


def test_queues_are_on_all_nodes_and_do_not_become_more(cluster: Cluster, caller: Caller) -> None:
    before = cluster.queues()
    assert before and all(line.endswith(" is rabbit_quorum_queue") for line in before)
    caller.wait_for(50)
    assert cluster.queues() == before, "no call makes a queue"


@pytest.mark.parametrize("fault", [Node.hung, Node.parted, Node.killed], ids=["hung", "parted", "killed"])
def test_calls_go_on_without_a_node(
    cluster: Cluster, caller: Caller, fault: Callable[[Node], AbstractContextManager[None]]
) -> None:
    """Each time it is the node on which the agent listens. Of three that are tried in turn, the client would come back
    to the same one for ever (`messaging.CLUSTER_OPTIONS`)."""
    node = until(lambda: cluster.consumed_at(QUEUE))
    caller.wait_for(5)
    with fault(node):
        caller.wait_for(20)  # of which two may have been under way
    until(node.answers)
    caller.wait_for(20)


class Told(BrokerControl):
    """What a node is told, through erl_call: these nodes don't speak TLS to each other."""

    node: ClassVar[Node]

    def _run(self, expression: str, patience_s: float = PATIENCE_S) -> str:
        return self.node.evaluate(expression)


def declare_on_one(node: Node, queue: str) -> None:
    """Make a queue of HOST's that only this node has a copy of, as if the others had been away."""
    arguments = {"x-queue-type": "quorum", "x-quorum-initial-group-size": 1, "x-expires": 300_000}
    with node.logged_in(HOST) as connection:
        channel = connection.channel()
        channel.exchange_declare(HOST.name, "topic", durable=True, auto_delete=False)
        channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
        channel.queue_bind(queue, HOST.name, queue)


def test_a_node_gets_copies_of_what_was_made_without_it(cluster: Cluster) -> None:
    until(partial(_all_answer, cluster.nodes))
    queue = f"reply.{HOST.name}.{2:032x}"
    declare_on_one(cluster.nodes[0], queue)
    for node in cluster.nodes[1:]:
        Told.node = node
        told = Told(0, Path())
        until(lambda: told.grow_queues() == 0)  # noqa: B023 -- it is called here
        assert told.count_lacking() == 0
    copies = cluster.nodes[0].ask(QUEUES.format(format="~s ~w", values="Name, rabbit_amqqueue:info(Q, [members])"))
    (alone,) = [line for line in copies if line.startswith(f"{queue} ")]
    assert all(name in alone for name in cluster.names)


def test_a_message_to_a_queue_without_majority_is_refused_at_once(cluster: Cluster) -> None:
    """The driver would try again for ever, and whoever sends on that thread would reach no other host either."""
    queue = f"reply.{HOST.name}.{1:032x}"
    declare_on_one(cluster.nodes[2], queue)
    bus = Bus(cluster.url(SERVICE))
    try:
        with bus.transport._driver._get_connection() as connection:
            connection.direct_send(queue, {"before": 1})
            with cluster.nodes[2].killed():
                until(lambda: len(cluster.nodes[0].ask("[atom_to_list(N) || N <- nodes()]")) == 1)
                began = time.monotonic()
                with pytest.raises(messaging.load().MessageDeliveryFailure, match="most nodes"):
                    connection.direct_send(queue, {"while": 2})
                assert time.monotonic() - began < 60
    finally:
        bus.close()
    until(cluster.nodes[2].answers)
