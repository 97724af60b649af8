"""Event notifications to a real RabbitMQ: a message is only gone here once the broker has it in a queue."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import amqp
import pytest

from pileus_deploy import broker
from pileus_deploy.plan import Plan
from pileus_objectstore.core import event_queues
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.notifications import NOTIFICATION, Destination, Notifications
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.worker import Worker

USER, PASSWORD = "events", "secret"
DEFINITIONS = {
    "vhosts": [{"name": "/"}],
    "users": [
        {
            "name": USER,
            "password_hash": broker.hash_password(PASSWORD),
            "tags": "",
            "hashing_algorithm": "rabbit_password_hashing_sha256",
        }
    ],
    "permissions": [{"user": USER, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
}


def free_offset() -> int:
    """One at which neither the broker's port nor its mapper's is taken."""
    for offset in range(1000, 1200, 3):
        try:
            for port in (broker.BROKER_PORT + offset, broker.BROKER_PORT + offset + 1):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return offset
    raise AssertionError("no port is free")


@contextmanager
def running(plan: Plan) -> Iterator[None]:
    """A node with one account, and with an exchange that has no queue yet."""
    broker.prepare(plan)
    (plan.state / "rabbitmq" / "definitions.json").write_text(json.dumps(DEFINITIONS))
    with (plan.state / "log").open("ab") as log:
        outputs = {"stdout": log, "stderr": log, "cwd": plan.state}
        environment = dict(broker.environment(plan))
        started = [
            subprocess.Popen(broker.epmd_command(plan), **outputs),
            subprocess.Popen(broker.command(plan), env=environment, start_new_session=True, **outputs),
        ]
        try:
            until(lambda: answers(plan), 120)
            yield
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait(60)
            broker.stop_epmd(plan)


def answers(plan: Plan) -> bool:
    try:
        connect(plan).close()
    except (OSError, amqp.AMQPError):
        return False
    return True


def connect(plan: Plan) -> amqp.Connection:
    made = amqp.Connection(f"127.0.0.1:{broker.port(plan)}", USER, PASSWORD)
    made.connect()
    return made


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def send(worker: Worker) -> None:
    worker.notifier.run()
    until(lambda: not worker.notifier._busy)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    state = tmp_path / "bus"
    state.mkdir()
    return Plan(state, offset=free_offset())


def test_events_reach_a_queue(tmp_path: Path, plan: Plan) -> None:
    url = f"amqp://{USER}:{PASSWORD}@127.0.0.1:{broker.port(plan)}/?exchange=cloud&key=objects"
    store = ObjectStoreFixture(tmp_path / "store")
    worker = Worker(replace(store.configs[0], notification_targets=(f"rabbit={url}",)))
    tools, bucket = store.app.tools, Target("AUTH_p1", "c")
    try:
        store.client.put(f"{store.account}/c")
        event_queues.INDEX.write(tools, bucket, {})
        one = Destination("id", "arn:aws:sqs:::rabbit", ("ObjectCreated:*",))
        NOTIFICATION.store(tools, bucket, Notifications((one,)))
        for name in ("first", "second"):
            assert store.client.put(f"{store.account}/c/{name}", data=b"x").status_code == 201
        send(worker)
        assert len(event_queues.queues(tools, bucket)) == 1, "the broker is away"
        with running(plan):
            with connect(plan) as connection, connection.channel() as channel:
                channel.exchange_declare("cloud", "topic", durable=True, auto_delete=False)
                worker.notifier.now = lambda: time.time() + 10
                send(worker)
                assert len(event_queues.queues(tools, bucket)) == 1, "no queue takes it, so the broker returns it"
                channel.queue_declare("told", durable=True, auto_delete=False)
                channel.queue_bind("told", "cloud", "objects")
                worker.notifier.now = lambda: time.time() + 100
                send(worker)
                assert event_queues.queues(tools, bucket) == []
                found = [channel.basic_get("told", no_ack=True) for _ in range(3)]
        assert found[2] is None
        records = [json.loads(message.body)["Records"][0] for message in found[:2]]
        assert [record["s3"]["object"]["key"] for record in records] == ["first", "second"]
        assert found[0].properties["delivery_mode"] == 2
    finally:
        worker.stop()
        store.close()
