"""Holds oslo.messaging's RabbitMQ driver to the accounts of the bus (`pileus_kit.accounts`).

As it is, the driver shares one exchange among all, puts answers straight into any queue, and lets a message state its
own sender. Here each account has an exchange, answers go through the exchange of the account that asked, and the sender
of a message is the account that the broker has checked.

Much of what is overridden here is private in oslo.messaging; tests/unit/test_private_interfaces.py has a test for each.
"""

import functools
import logging
import os
import select
import socket
import ssl
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from pileus_kit import accounts
from pileus_kit.accounts import REPLY, Account

log = logging.getLogger(__name__)

AT_ONCE_S = 0.001
NO_MAJORITY = "the bus refuses the message: most nodes that have copies of its queue are away"
SENDER = "_context_sender"
"""The driver passes on what begins with `_context_` as the call's context, here under the name `sender`."""


def confine(transport: Any, account: Account) -> None:
    """Make every connection of a transport one of `account`."""
    driver = transport._driver
    driver._connection_pool.connection_cls = functools.partial(_connection_class(), account=account)
    driver._get_reply_queue_name = lambda: f"{REPLY}.{account.name}.{uuid.uuid4().hex}"


class _Transport(Protocol):
    """What is used of py-amqp's transport."""

    sock: socket.socket
    _read_buffer: bytes


class _AmqpConnection(Protocol):
    transport: _Transport


class _KombuConnection(Protocol):
    """What is used of kombu's connection."""

    connected: bool
    connection: _AmqpConnection


class _Interruptible:
    """What a connection of the driver lacks: a thread that waits for a message on it stops as soon as it is told to.

    The driver looks every five seconds, so a process that has two such connections took ten to end.
    """

    connection: _KombuConnection
    _new_tags: set[str]

    def __init__(self, *args: object, **kwargs: object) -> None:
        self._stop_event = os.eventfd(0, os.EFD_NONBLOCK)
        super().__init__(*args, **kwargs)  # the driver's

    def consume(self, timeout: float | None = None) -> None:
        """Wait for a message, but no longer than until `stop_consuming`."""
        if self.connection.connected and not self._new_tags and timeout is not None:
            _wait_for_input(self.connection.connection.transport, self._stop_event, timeout)
            timeout = AT_ONCE_S
        super().consume(timeout)  # type: ignore[misc]

    def stop_consuming(self) -> None:
        """Have `consume` return."""
        super().stop_consuming()  # type: ignore[misc]
        if self._stop_event >= 0:
            os.eventfd_write(self._stop_event, 1)

    def close(self) -> None:
        """Close the connection."""
        super().close()  # type: ignore[misc]
        if self._stop_event >= 0:
            os.close(self._stop_event)
            self._stop_event = -1


@contextmanager
def _refusing() -> Iterator[None]:
    """Make a refusal by the broker an error of this message. The driver would take it for one of the connection and try
    again for ever, and keep its thread from messages to all other hosts."""
    import oslo_messaging
    from amqp.exceptions import MessageNacked

    try:
        yield
    except MessageNacked:
        raise oslo_messaging.MessageDeliveryFailure(NO_MAJORITY) from None


@functools.cache
def _connection_class() -> Any:
    """Return the class of our connections. It is made when it is first needed: the driver takes long to import."""
    import oslo_messaging
    from kombu.entity import Exchange
    from oslo_messaging._drivers import impl_rabbit

    class Connection(_Interruptible, impl_rabbit.Connection):
        """A connection of one account."""

        def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
            self._account = account
            super().__init__(*args, **kwargs)

        def _set_current_channel(self, new_channel: Any) -> None:
            known = self.channel
            super()._set_current_channel(new_channel)
            if new_channel is not None and new_channel != known:
                self._producer.publish = functools.partial(self._producer.publish, user_id=self._account.name)

        def _publish(self, exchange: Any, *args: Any, **kwargs: Any) -> None:
            exchange.passive = exchange.passive or not self._account.owns(exchange.name)  # its owner declares it
            with _refusing():
                super()._publish(exchange, *args, **kwargs)

        def direct_send(self, msg_id: str, msg: Any) -> None:
            """Send an answer, through the exchange of the account that asked."""
            exchange = Exchange(
                name=accounts.reply_exchange(msg_id),
                type="topic",
                durable=self.durable,
                auto_delete=False,
                passive=True,
            )
            self._ensure_publishing(
                self._publish_and_raises_on_missing_exchange,
                exchange,
                msg,
                routing_key=msg_id,
                transport_options=oslo_messaging.TransportOptions(at_least_once=True),
            )

        def declare_direct_consumer(self, topic: str, callback: Callable[[Any], None]) -> None:
            """Declare the queue of the answers to our calls, on our own exchange."""
            self.declare_consumer(
                impl_rabbit.Consumer(
                    exchange_name=self._account.name,
                    queue_name=topic,
                    routing_key=topic,
                    type="topic",
                    durable=self.durable,
                    exchange_auto_delete=False,
                    queue_auto_delete=False,
                    callback=callback,
                    rabbit_queue_ttl=self.rabbit_transient_queues_ttl,
                    enable_cancel_on_failover=self.enable_cancel_on_failover,
                    rabbit_quorum_queue=self.rabbit_quorum_queue,
                    rabbit_quorum_queue_config=self.rabbit_quorum_queue_config,
                )
            )

        def declare_topic_consumer(
            self,
            exchange_name: str,
            topic: str,
            callback: Callable[[Any], None] | None = None,
            queue_name: str | None = None,
        ) -> None:
            if topic.partition(".")[2] == accounts.AGENT:
                return  # an agent is called by its host's name only
            assert callback is not None
            super().declare_topic_consumer(exchange_name, topic, _checked(callback), queue_name)

        def declare_fanout_consumer(self, topic: str, callback: Any) -> None:
            """Declare nothing: no message goes to all processes of a topic."""

    return Connection


def _wait_for_input(transport: _Transport, stop_event: int, timeout_s: float) -> None:
    """Wait until the broker has sent something, the event is set, or the time is over."""
    if transport._read_buffer or (isinstance(transport.sock, ssl.SSLSocket) and transport.sock.pending()):
        return
    poll = select.poll()
    poll.register(transport.sock, select.POLLIN)
    poll.register(stop_event, select.POLLIN)
    poll.poll(1000 * timeout_s)


def _checked(callback: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a callback that sets a message's sender to the one that the broker has checked.

    A message that wants its answer sent to another account is dropped.
    """

    def receive(message: Any) -> None:
        sender = str(message._raw_message.properties.get("user_id") or "")
        message[SENDER] = sender
        reply = message.get("_reply_q")
        if reply and accounts.reply_exchange(reply) != sender:
            log.warning("a message of %r wants its answer sent to %r: dropped", sender, reply)
            message.acknowledge()
            return
        callback(message)

    return receive
