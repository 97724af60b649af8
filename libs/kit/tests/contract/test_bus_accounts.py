"""What somebody can do on the bus who has taken over a host and has its account: that host's part, and nothing else.

A RabbitMQ node with the accounts of a cloud that has two hosts.
"""

# mypy: disable-error-code="empty-body"

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import amqp
import pytest

from pileus_deploy import broker
from pileus_deploy.plan import Plan
from pileus_kit.accounts import Account
from pileus_kit.errors import HostDown
from pileus_kit.rpc import Bus, Interface, Refused, call, cast

IMAGES = "http://127.0.0.1:9292"


class TwoHosts(Plan):
    @property
    def accounts(self) -> tuple[Account, ...]:
        return tuple(
            Account(service, host)
            for service in ("compute", "network", "volume")
            for host in ("", "h1", "h1.example", "h2")
        )


@dataclass(frozen=True)
class Report:
    host: str
    free: int


@dataclass(frozen=True)
class Image:
    url: str


class Agent(Interface, topic="compute.agent", version="1.0"):
    @call(since="1.0", timeout_s=20)
    def fetch(self, images: list[Image]) -> str:
        """Do as told."""


class Worker(Interface, topic="compute.worker", version="1.0"):
    @call(since="1.0", timeout_s=20)
    def wanted(self, host: str) -> str:
        """What ought to be there."""

    @call(since="1.0", timeout_s=20)
    def report(self, report: Report) -> str:
        """What is there."""


class Door(Interface, topic="compute.jobs", version="1.0"):
    @cast(since="1.0")
    def ring(self, job_id: str) -> None:
        """A job waits."""


class OnHost(Agent):
    def __init__(self, name: str) -> None:
        self.name = name

    def fetch(self, images: list[Image]) -> str:
        return f"{self.name} fetched {len(images)}"


class AtWork(Worker):
    def wanted(self, host: str) -> str:
        return f"what {host} needs"

    def report(self, report: Report) -> str:
        return f"noted {report.host}"


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHosts]:
    """The node, running."""
    plan = TwoHosts(tmp_path_factory.mktemp("bus"), offset=_free_offset())
    broker.prepare(plan)
    with (plan.state / "log").open("ab") as log:
        started = [
            subprocess.Popen(broker.epmd_command(plan), stdout=log, stderr=log, cwd=plan.state),
            subprocess.Popen(
                broker.command(plan),
                env=dict(broker.environment(plan)),
                stdout=log,
                stderr=log,
                cwd=plan.state,
                start_new_session=True,
            ),
        ]
        try:
            _until(lambda: _answers(plan))
            yield plan
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait(60)
            broker.stop_epmd(plan)


def _free_offset() -> int:
    """One at which neither the broker's port nor its mapper's is taken."""
    for offset in range(700, 900, 3):
        try:
            for port in (broker.BROKER_PORT + offset, broker.BROKER_PORT + offset + 1):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return offset
    raise AssertionError("no port is free")


def _answers(plan: Plan) -> bool:
    try:
        connection(plan, "compute").close()
    except (OSError, amqp.exceptions.AMQPError):
        return False
    return True


def _until(ready: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def connection(plan: Plan, account: str) -> amqp.Connection:
    found = amqp.Connection(
        f"127.0.0.1:{broker.port(plan)}", userid=account, password=plan.secrets[f"bus {account}"], connect_timeout=5
    )
    found.connect()
    return found


def bus(plan: Plan, name: str) -> Bus:
    service, _, host = name.partition("@")
    return Bus(plan.bus_url(Account(service, host)))


@pytest.fixture(scope="module")
def served(plan: TwoHosts) -> Iterator[TwoHosts]:
    """Two agents and a worker."""
    buses = {name: bus(plan, name) for name in ("compute", "compute@h1", "compute@h2")}
    servers = [
        buses["compute"].serve(AtWork(), "w1", threads=2),
        *(buses[f"compute@{host}"].serve(OnHost(host), host, threads=2, origins=[IMAGES]) for host in ("h1", "h2")),
    ]
    yield plan
    for server in servers:
        server.stop()
    for one in buses.values():
        one.close()


@contextmanager
def speaking(plan: Plan, name: str) -> Iterator[Bus]:
    made = bus(plan, name)
    try:
        yield made
    finally:
        made.close()


def test_each_does_its_part(served: TwoHosts) -> None:
    with speaking(served, "compute") as worker, speaking(served, "compute@h1") as agent:
        assert worker.client(Agent, "h1").fetch([Image(f"{IMAGES}/v2/x")]) == "h1 fetched 1"
        assert worker.client(Agent, "h2").fetch([]) == "h2 fetched 0"
        assert agent.client(Worker).wanted("h1") == "what h1 needs"
        assert agent.client(Worker).report(Report("h1", 1)) == "noted h1"
        with pytest.raises(HostDown, match="nobody listens"):
            worker.client(Agent, "h3").fetch([])


def test_a_host_speaks_for_itself_only(served: TwoHosts) -> None:
    with speaking(served, "compute@h1") as taken:
        with pytest.raises(Refused, match="compute@h1 may not speak for h2"):
            taken.client(Worker).wanted("h2")
        with pytest.raises(Refused, match="may not speak for h2"):
            taken.client(Worker).report(Report("h2", 1))


def test_a_host_cannot_give_orders(served: TwoHosts) -> None:
    with speaking(served, "compute@h1") as taken, pytest.raises(HostDown):
        taken.client(Agent, "h2").fetch([])


def test_another_service_is_not_heard(served: TwoHosts) -> None:
    for name in ("network", "volume", "network@h1"):
        with speaking(served, name) as other:
            for contract, host in ((Agent, "h1"), (Worker, None)):
                with pytest.raises((HostDown, Refused)):
                    client = other.client(contract, host)
                    client.fetch([]) if contract is Agent else client.wanted("h1")


def test_data_goes_to_services_of_the_cloud_only(served: TwoHosts) -> None:
    """Also when the worker has been taken over."""
    with speaking(served, "compute") as worker:
        for url in (
            "http://evil.example/x",
            f"{IMAGES}.evil.example/",
            "http://127.0.0.1:9292@evil.example/",
            "file:///etc",
        ):
            with pytest.raises(Refused, match="no service that this host exchanges data with"):
                worker.client(Agent, "h1").fetch([Image(f"{IMAGES}/fine"), Image(url)])


def order(**about: str) -> amqp.Message:
    body = {
        "oslo.version": "2.0",
        "oslo.message": json.dumps(
            {"method": "fetch", "args": {"images": []}, "version": "1.0", "_unique_id": os.urandom(16).hex(), **about}
        ),
    }
    return amqp.Message(json.dumps(body), content_type="application/json", content_encoding="utf-8")


def publish(exchange: str, key: str) -> Callable[[amqp.Channel], None]:
    def attempt(channel: amqp.Channel) -> None:
        channel.confirm_select()
        channel.basic_publish_confirm(order(), exchange, key)

    return attempt


def bind(exchange: str, key: str) -> Callable[[amqp.Channel], None]:
    """One's own queue to what others are told."""

    def attempt(channel: amqp.Channel) -> None:
        channel.queue_declare("reply.compute@h1." + "0" * 32, durable=False, auto_delete=False)
        channel.queue_bind("reply.compute@h1." + "0" * 32, exchange, key)

    return attempt


FORBIDDEN: dict[str, Callable[[amqp.Channel], object]] = {
    "read another host's orders": lambda c: c.basic_get("compute.agent.h2"),
    "read those of a host with a longer name": lambda c: c.basic_get("compute.agent.h1.example"),
    "consume them": lambda c: c.basic_consume("compute.agent.h2"),
    "read what workers are told": lambda c: c.basic_get("compute.worker"),
    "read rings": lambda c: c.basic_get("compute.jobs"),
    "listen in on the workers": bind("compute", "compute.worker"),
    "listen in on everything": bind("compute", "#"),
    "listen in on another host": bind("compute@h2", "#"),
    "order another host about": publish("compute@h2", "compute.agent.h2"),
    "order it past its exchange": publish("", "compute.agent.h2"),
    "ring as an API does": publish("compute", "compute.jobs"),
    "answer in another's name": publish("compute@h2", "reply.compute@h2." + "0" * 32),
    "take another's answers": lambda c: c.queue_declare("reply.compute@h2." + "0" * 32),
    "take those of a longer name": lambda c: c.queue_declare("reply.compute@h1.example." + "0" * 32),
    "take the workers' answers": lambda c: c.queue_declare("reply.compute." + "0" * 32),
    "throw another's queue away": lambda c: c.queue_delete("compute.agent.h2"),
    "empty it": lambda c: c.queue_purge("compute.agent.h2"),
    "throw the workers' exchange away": lambda c: c.exchange_delete("compute"),
    "speak to another service": publish("network", "network.worker"),
    "make an exchange": lambda c: c.exchange_declare("mine", "topic"),
    "make a queue": lambda c: c.queue_declare("mine"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_broker_refuses_a_host_to(served: TwoHosts, what: str) -> None:
    with connection(served, "compute@h1") as taken, pytest.raises(amqp.exceptions.AccessRefused):
        FORBIDDEN[what](taken.channel())


def test_nobody_signs_with_another_name(served: TwoHosts) -> None:
    with connection(served, "compute@h1") as taken, pytest.raises(amqp.exceptions.PreconditionFailed):
        channel = taken.channel()
        channel.confirm_select()
        message = order()
        message.properties["user_id"] = "compute"
        channel.basic_publish_confirm(message, "compute", "compute.worker")


def test_what_is_not_signed_is_not_obeyed(served: TwoHosts) -> None:
    """Who leaves the name away is nobody; who asks for an answer elsewhere is not answered."""
    reply = "reply.compute@h1." + "1" * 32
    elsewhere = "reply.compute@h2." + "1" * 32
    signed = {"user_id": "compute@h1"}
    forms = {"unsigned": ({}, reply), "elsewhere": (signed, elsewhere), "right": (signed, reply)}
    with connection(served, "compute@h1") as taken:
        channel = taken.channel()
        channel.exchange_declare("compute@h1", "topic", durable=False, auto_delete=False)
        channel.queue_declare(reply, durable=False, auto_delete=False)
        channel.queue_bind(reply, "compute@h1", reply)
        for form, (properties, where) in forms.items():
            message = order(method="wanted", _msg_id=form, _reply_q=where, _context_sender="compute@h1")
            message.properties.update(properties)
            channel.basic_publish(message, "compute", "compute.worker")
        answers: set[str] = set()

        def answered() -> bool:
            got = channel.basic_get(reply, no_ack=True)
            if got:
                answers.add(json.loads(json.loads(got.body)["oslo.message"])["_msg_id"])
            return "right" in answers

        _until(answered, 20)
        assert answers == {"right"}


def test_nobody_is_administrator(plan: TwoHosts) -> None:
    environment = dict(broker.environment(plan))
    listed = subprocess.run(
        [broker.BIN / "rabbitmqctl", "-q", "list_users", "--formatter", "json"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(plan.state),
    ).stdout
    users = json.loads(listed)
    assert {user["user"] for user in users} == {account.name for account in plan.accounts}
    assert not [user for user in users if user["tags"]]
