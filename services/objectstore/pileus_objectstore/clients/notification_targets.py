"""Targets of event notifications: webhooks, and exchanges of RabbitMQ.

An ARN ends with the name of a target that the operator has configured, or with the URL of a user's own endpoint. What
users name is only reached at public addresses (pileus_kit/public_addresses.py), and redirects are never followed.
"""

import http.client
import logging
import ssl
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import amqp

from pileus_kit.public_addresses import AddressRefused, PublicAddresses, limited
from pileus_objectstore.config import Config

log = logging.getLogger(__name__)
SERVICES = {"Topic": "sns", "Queue": "sqs", "CloudFunction": "lambda"}
TIMEOUT_S = 10.0  # of one step, such as to connect
MAX_EXCHANGE_S = 30.0  # of a whole delivery to a webhook
AMQP_PORTS = {"amqp": 5672, "amqps": 5671}


class TargetRefused(Exception):
    """There is no such target, or it may not be used; the text says why."""


class NotDelivered(Exception):
    """The target didn't take a message: it is to be sent again later."""


class Target(Protocol):
    """Takes messages."""

    def send(self, document: bytes) -> None:
        """Deliver a JSON document. Raises NotDelivered."""
        ...


class Webhook:
    """Takes messages by POST; each status of 200 to 299 says that it has taken one."""

    def __init__(self, url: str, addresses: PublicAddresses | None) -> None:
        """`addresses` are those that may be reached; None: all. Raises TargetRefused."""
        try:
            self._parts = addresses.check(url) if addresses is not None else urlsplit(url)
        except AddressRefused as e:
            raise TargetRefused(str(e)) from None
        self._addresses = addresses

    def send(self, document: bytes) -> None:
        """Deliver a JSON document. Raises NotDelivered."""
        parts = self._parts
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/json", "User-Agent": "pileus-objectstore"}
        try:
            connection = self._connection()
            try:
                with limited(connection, MAX_EXCHANGE_S):
                    connection.request("POST", path, document, headers)
                    status = connection.getresponse().status
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, AddressRefused, ValueError) as e:
            raise NotDelivered(str(e) or type(e).__name__) from e
        if not 200 <= status < 300:
            raise NotDelivered(f"the endpoint answers {status}")

    def _connection(self) -> http.client.HTTPConnection:
        if self._addresses is not None:
            return self._addresses.connect(self._parts, TIMEOUT_S)
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


class Exchange:
    """An exchange of RabbitMQ. A message is delivered once the broker has confirmed that it is in a queue."""

    def __init__(self, parts: SplitResult) -> None:
        self._parts = parts
        query = parse_qs(parts.query)
        self._exchange, self._key = query.get("exchange", [""])[0], query.get("key", [""])[0]

    def send(self, document: bytes) -> None:
        """Deliver a JSON document. Raises NotDelivered."""
        parts = self._parts
        try:
            with amqp.Connection(
                host=f"{parts.hostname}:{parts.port or AMQP_PORTS[parts.scheme]}",
                userid=unquote(parts.username or "guest"),
                password=unquote(parts.password or "guest"),
                virtual_host=unquote(parts.path.removeprefix("/")) or "/",
                ssl=parts.scheme == "amqps",
                connect_timeout=TIMEOUT_S,
                read_timeout=TIMEOUT_S,
                write_timeout=TIMEOUT_S,
                confirm_publish=True,
            ) as connection:
                message = amqp.Message(document.decode(), content_type="application/json", delivery_mode=2)
                connection.channel().basic_publish(message, self._exchange, self._key, mandatory=True)
        except (OSError, amqp.AMQPError) as e:
            raise NotDelivered(str(e) or type(e).__name__) from e


class Targets:
    """Finds targets by their ARNs."""

    def __init__(self, config: Config) -> None:
        self._named: Mapping[str, str] = dict(one.partition("=")[::2] for one in config.notification_targets)
        self._own = config.notification_endpoints
        self._public = PublicAddresses(config.notification_networks)

    def find(self, arn: str) -> Target:
        """The target that an ARN names. Raises TargetRefused."""
        fields = arn.split(":", 5)
        if len(fields) != 6 or fields[0] != "arn" or fields[2] not in SERVICES.values() or not fields[5]:
            raise TargetRefused("The ARN is not well formed: it has the form arn:aws:sqs:REGION:ACCOUNT:TARGET")
        name = fields[5]
        if name in self._named:
            return self._configured(self._named[name])
        if not name.startswith(("http://", "https://")):
            raise TargetRefused(f"There is no target {name}")
        if not self._own:
            raise TargetRefused("Endpoints of users are not allowed here; name a target of the operator")
        return Webhook(name, self._public)

    def _configured(self, url: str) -> Target:
        parts = urlsplit(url)
        return Exchange(parts) if parts.scheme in AMQP_PORTS else Webhook(url, None)
