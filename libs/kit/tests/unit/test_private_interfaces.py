"""Private interfaces of libraries that the kit leans on: a new version that changes one fails here, with its name.

Each test says which module of the kit uses it.
"""

import inspect
import sys
from collections.abc import Callable
from typing import Any

import pytest
from oslo_policy import policy
from oslo_policy._checks import GenericCheck, RoleCheck

from pileus_kit import rpc
from pileus_kit.rpc import messaging


def parameters(fn: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(fn).parameters)


# -- oslo.messaging ------------------------------------------------------------------------------------------------


@pytest.fixture
def om() -> Any:
    return messaging.load()


@pytest.fixture
def impl_rabbit(om: Any) -> Any:
    from oslo_messaging._drivers import impl_rabbit

    return impl_rabbit


def test_oslo_messaging_does_without_eventlet(om: Any) -> None:
    """rpc.messaging hides eventlet from it."""
    assert sys.modules["eventlet"] is None or "pileus" not in str(sys.modules["eventlet"])
    from oslo_service import backend

    assert backend.get_backend_type() is backend.BackendType.THREADING


@pytest.mark.parametrize("url", ["fake://", "rabbit://compute:x@127.0.0.1:1//"])
def test_options_that_oslo_messaging_registers_globally_only(om: Any, url: str) -> None:
    """rpc.messaging registers them on options of its own: `_metrics` and `_tracing`, and those of RabbitMQ."""
    conf = messaging.options(url)
    assert conf.oslo_messaging_metrics.metrics_enabled is False
    assert conf.oslo_messaging_tracing is not None
    if url.startswith("rabbit"):
        for name, value in messaging.RABBIT_OPTIONS.items():
            assert getattr(conf.oslo_messaging_rabbit, name) == value


def test_the_transport_has_a_driver_with_a_pool_of_connections(om: Any) -> None:
    """rpc.rabbit.confine replaces the class of the pool's connections and the name of the reply queue."""
    bus = rpc.Bus("rabbit://compute:x@127.0.0.1:1//")
    driver = bus.transport._driver
    try:
        assert driver._connection_pool.connection_cls.keywords == {"account": bus.account}
        assert driver._get_reply_queue_name().startswith("reply.compute.")
        assert "_get_reply_queue_name" in inspect.getsource(type(driver))
        assert "connection_cls" in inspect.getsource(type(driver._connection_pool))
    finally:
        bus.close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_set_current_channel", ["self", "new_channel"]),
        ("direct_send", ["self", "msg_id", "msg"]),
        ("declare_direct_consumer", ["self", "topic", "callback"]),
        ("declare_topic_consumer", ["self", "exchange_name", "topic", "callback", "queue_name"]),
        ("declare_fanout_consumer", ["self", "topic", "callback"]),
        ("declare_consumer", ["self", "consumer"]),
        ("consume", ["self", "timeout"]),
        ("stop_consuming", ["self"]),
        ("close", ["self"]),
    ],
)
def test_methods_of_the_rabbit_connection_that_are_overridden(impl_rabbit: Any, name: str, expected: list[str]) -> None:
    """rpc.rabbit overrides or calls them."""
    assert parameters(getattr(impl_rabbit.Connection, name)) == expected


def test_the_rabbit_connection_publishes_as_it_did(impl_rabbit: Any) -> None:
    """rpc.rabbit wraps `_publish` and sends answers with `_publish_and_raises_on_missing_exchange`."""
    connection = impl_rabbit.Connection
    assert parameters(connection._publish)[:3] == ["self", "exchange", "msg"]
    assert parameters(connection._publish_and_raises_on_missing_exchange)[:3] == ["self", "exchange", "msg"]
    ensure = inspect.signature(connection._ensure_publishing).parameters
    assert list(ensure)[:4] == ["self", "method", "exchange", "msg"]
    assert {"routing_key", "transport_options"} <= set(ensure)
    source = inspect.getsource(connection)
    for name in ("self._producer", "self.channel", "rabbit_transient_queues_ttl", "enable_cancel_on_failover"):
        assert name in source, name


def test_a_rabbit_connection_waits_for_messages_on_its_transport(impl_rabbit: Any) -> None:
    """rpc.rabbit waits on the transport's socket itself, and looks into what it has read already."""
    from amqp.transport import SSLTransport, TCPTransport

    assert "self._new_tags" in inspect.getsource(impl_rabbit.Connection.consume)
    for transport in (TCPTransport, SSLTransport):
        assert "self._read_buffer" in inspect.getsource(transport), transport


def test_a_rabbit_consumer_is_made_with_these_arguments(impl_rabbit: Any) -> None:
    """rpc.rabbit declares the queue of answers on our own exchange."""
    assert {
        "exchange_name",
        "queue_name",
        "routing_key",
        "type",
        "durable",
        "exchange_auto_delete",
        "queue_auto_delete",
        "callback",
        "rabbit_queue_ttl",
        "enable_cancel_on_failover",
    } <= set(parameters(impl_rabbit.Consumer.__init__))


def test_a_rabbit_message_has_its_properties_and_reply_queue(om: Any, impl_rabbit: Any) -> None:
    """rpc.rabbit reads the sender that the broker checked, and the queue that the answer is for."""
    from oslo_messaging._drivers import amqp, amqpdriver

    assert "_raw_message" in inspect.getsource(impl_rabbit.RabbitMessage)
    assert "_reply_q" in inspect.getsource(amqpdriver)
    assert "_context_" in inspect.getsource(amqp.unpack_context)
    context = amqp.unpack_context({"_context_sender": "compute", "_context_request_id": "r", "method": "x"})
    assert context.to_dict()["sender"] == "compute"


def test_a_server_takes_another_kind_of_thread_pool(om: Any) -> None:
    """rpc.bus sets `_executor_cls`, because oslo.messaging's pool wakes every idle thread once a second."""
    from oslo_messaging import server

    assert "self._executor_cls" in inspect.getsource(server.MessageHandlingServer.start)
    assert "override_pool_size" in parameters(server.MessageHandlingServer.start)


# -- oslo.policy ---------------------------------------------------------------------------------------------------


def test_checks_are_trees_of_these_kinds() -> None:
    """kit.policy evaluates them itself."""
    enforcer = policy.Enforcer(_options(), use_conf=False)
    rules = {
        "named": "role:a",
        "all": "rule:named and not role:b and (user_id:%(user_id)s or 'x':%(y)s)",
    }
    enforcer.set_rules(policy.Rules.from_dict(rules), use_conf=False)
    named, negated, either = enforcer.rules["all"].rules
    assert isinstance(enforcer.rules["all"], policy.AndCheck)
    assert isinstance(named, policy.RuleCheck) and named.match == "named"
    assert isinstance(negated, policy.NotCheck) and isinstance(negated.rule, RoleCheck)
    assert isinstance(either, policy.OrCheck)
    first, second = either.rules
    assert isinstance(first, GenericCheck) and isinstance(second, GenericCheck)
    assert (first.kind, first.match, second.kind) == ("user_id", "%(user_id)s", "'x'")


def test_a_generic_check_finds_facts_in_dictionaries() -> None:
    """kit.policy calls `_find_in_dict`."""
    check = GenericCheck("token.project.domain.id", "d1")
    facts = {"token": {"project": {"domain": {"id": "d1"}}}}
    assert check._find_in_dict(facts, ["token", "project", "domain", "id"], "d1")
    assert not check._find_in_dict(facts, ["token", "project", "id"], "d1")


def _options() -> Any:
    from oslo_config import cfg

    conf = cfg.ConfigOpts()
    conf([], project="x", default_config_files=[], default_config_dirs=[])
    return conf


# -- gunicorn ------------------------------------------------------------------------------------------------------


def test_the_arbiter_has_the_methods_that_are_overridden() -> None:
    """kit.gunicorn_workers."""
    from gunicorn.arbiter import Arbiter

    assert parameters(Arbiter.wait_for_signals) == ["self", "timeout"]
    assert parameters(Arbiter.manage_workers) == ["self"]
    assert parameters(Arbiter.handle_ttin) == ["self"]
    assert parameters(Arbiter.spawn_workers) == ["self"]
    assert parameters(Arbiter.stop) == ["self", "graceful"]
    assert parameters(Arbiter.kill_workers) == ["self", "sig"]
    assert parameters(Arbiter.kill_worker) == ["self", "pid", "sig"]
    assert isinstance(Arbiter.WORKERS, dict)
    assert "num_workers" in dir(Arbiter)


def test_the_worker_has_the_methods_that_are_overridden() -> None:
    """kit.gunicorn_workers."""
    from gunicorn.workers.base import Worker

    assert parameters(Worker.__init__) == ["self", "age", "ppid", "sockets", "app", "timeout", "cfg", "log"]
    for name in ("init_process", "run", "notify", "handle_winch", "handle_exit", "handle_quit"):
        assert callable(getattr(Worker, name)), name
    source = inspect.getsource(Worker)
    for attribute in ("self.wsgi", "self.alive", "self.ppid", "self.sockets", "self.cfg", "self.log"):
        assert attribute in source, attribute


def test_gunicorns_parser_reads_from_a_socket_and_gives_back_what_it_did_not_need() -> None:
    """kit.http_server.responder feeds it what has arrived, and takes the beginning of the next request from it."""
    from gunicorn import http
    from gunicorn.http.parser import Parser
    from gunicorn.http.unreader import Unreader

    assert parameters(http.get_parser)[:3] == ["cfg", "source", "source_addr"]
    assert parameters(Unreader.unread) == ["self", "data"]
    assert parameters(Unreader.take_buffered) == ["self"]
    assert "max_bytes" in parameters(Parser.finish_body)
    assert issubclass(http.errors.NoMoreData, IOError)


def test_gunicorns_response_is_what_answers_are_sent_with() -> None:
    """kit.http_server.responder."""
    from gunicorn.http import wsgi

    assert parameters(wsgi.create)[:5] == ["req", "sock", "client", "server", "cfg"]
    source = inspect.getsource(wsgi.Response)
    for name in ("response_length", "_omits_body", "headers_sent", "self.sent", "self.sock"):
        assert name in source, name
    for name in ("start_response", "write", "write_file", "close", "should_close", "force_close"):
        assert callable(getattr(wsgi.Response, name)), name
    assert "_expected_100_continue" in inspect.getsource(sys.modules["gunicorn.http.message"])


def test_gunicorns_settings_that_are_set_exist() -> None:
    """kit.process leaves out settings that gunicorn doesn't know; none of ours may be one of those."""
    from gunicorn.config import Config

    from pileus_kit import process

    settings = process.gunicorn_settings(process.ServiceConfig(), "test")
    assert set(settings) <= set(Config().settings)
