"""How oslo.messaging's RabbitMQ driver is held to the accounts of the bus (`pileus_kit.accounts`).

It would share one exchange among all, put answers straight into any queue, and let a message say of itself where it is
from. Here each account has an exchange, answers go through the asker's own, and the sender of a message is the account
that the broker has checked.
"""

import functools
import logging
import uuid
from collections.abc import Callable
from typing import Any

from pileus_kit import accounts
from pileus_kit.accounts import REPLY, Account

log = logging.getLogger(__name__)

SENDER = "_context_sender"
"""The driver hands on what begins with `_context_` to whoever answers, as the context's `sender`."""


def confine(transport: Any, account: Account) -> None:
    """Make all connections of a transport those of `account`."""
    driver = transport._driver
    driver._connection_pool.connection_cls = functools.partial(_connection_class(), account=account)
    driver._get_reply_queue_name = lambda: f"{REPLY}.{account.name}.{uuid.uuid4().hex}"


@functools.cache
def _connection_class() -> Any:
    """Made late: the driver takes a third of a second to import."""
    import oslo_messaging
    from kombu.entity import Exchange
    from oslo_messaging._drivers import impl_rabbit

    class Connection(impl_rabbit.Connection):
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
            exchange.passive = not self._account.owns(exchange.name)  # the owner makes it
            super()._publish(exchange, *args, **kwargs)

        def direct_send(self, msg_id: str, msg: Any) -> None:
            """An answer, by way of the exchange of whoever asked."""
            exchange = Exchange(
                name=accounts.reply_exchange(msg_id), type="topic", durable=False, auto_delete=False, passive=True
            )
            self._ensure_publishing(
                self._publish_and_raises_on_missing_exchange,
                exchange,
                msg,
                routing_key=msg_id,
                transport_options=oslo_messaging.TransportOptions(at_least_once=True),
            )

        def declare_direct_consumer(self, topic: str, callback: Callable[[Any], None]) -> None:
            """The queue of our answers, on our own exchange."""
            self.declare_consumer(
                impl_rabbit.Consumer(
                    exchange_name=self._account.name,
                    queue_name=topic,
                    routing_key=topic,
                    type="topic",
                    durable=False,
                    exchange_auto_delete=False,
                    queue_auto_delete=False,
                    callback=callback,
                    rabbit_queue_ttl=self.rabbit_transient_queues_ttl,
                    enable_cancel_on_failover=self.enable_cancel_on_failover,
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
                return  # a host is spoken to by its name only
            assert callback is not None
            super().declare_topic_consumer(exchange_name, topic, _vouched(callback), queue_name)

        def declare_fanout_consumer(self, topic: str, callback: Any) -> None:
            """Nobody tells something to everybody."""

    return Connection


def _vouched(callback: Callable[[Any], None]) -> Callable[[Any], None]:
    """Before a message is worked on: who sent it, says the broker. It takes its answer where that account gets them."""

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
