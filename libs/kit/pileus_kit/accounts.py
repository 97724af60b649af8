"""Accounts of the bus: each service has one, and each host has one of its own for each service that it works for.

    compute          APIs and workers of compute: may tell compute's hosts what to do
    compute@host1    compute's agent on host1: has its own queue, may speak to compute's workers, and nothing else

Each account owns an exchange of its name, and what is for an account goes there. A host may send to the exchange of its
service with the keys of the workers' topics, so it can't give another host orders, nor read what others are told. The
broker holds every connection to that (`permissions`) and vouches for the sender of each message (its `user_id`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

AGENT = "agent"
OPEN_TO_HOSTS = ("worker", "registry")
"""Last words of topics: what hosts answer; what workers answer to hosts. Other topics are between a service's own."""
REPLY = "reply"


@dataclass(frozen=True)
class Account:
    service: str
    host: str = ""

    @property
    def name(self) -> str:
        return f"{self.service}@{self.host}" if self.host else self.service

    def owns(self, exchange: str) -> bool:
        """Whether it may declare the exchange: a service makes those of its hosts too, to say that nobody listens."""
        return exchange == self.name or (not self.host and exchange.startswith(f"{self.service}@"))

    def may_call(self, topic: str) -> bool:
        """Whether who answers `topic` should listen to this account."""
        service, _, role = topic.partition(".")
        return service == self.service and (not self.host or role in OPEN_TO_HOSTS)

    def permissions(self) -> dict[str, str]:
        """RabbitMQ's three expressions (configure, write, read), over the names of queues and exchanges."""
        reply = rf"{REPLY}\.{re.escape(self.name)}\.[0-9a-f]{{32}}"
        service = re.escape(self.service)
        if self.host:
            own = rf"{re.escape(self.name)}|{service}\.{AGENT}\.{re.escape(self.host)}|{reply}"
            return {"configure": f"^({own})$", "write": f"^({own}|{service})$", "read": f"^({own})$"}
        own = rf"{service}|{service}\.(?!{AGENT}(\.|$))[a-z]+(\..+)?|{reply}"
        mine = f"^({own}|{service}@.+)$"
        return {"configure": mine, "write": mine, "read": f"^({own})$"}

    def keys(self) -> dict[str, str]:
        """RabbitMQ's topic permissions on the service's exchange: with which routing keys it may write and read."""
        if not self.host:
            return {"write": ".*", "read": ".*"}
        roles = "|".join(OPEN_TO_HOSTS)
        service = re.escape(self.service)
        return {"write": rf"^({service}\.({roles})(\..+)?|{REPLY}\.{service}\.[0-9a-f]{{32}})$", "read": "^$"}


def parse(name: str) -> Account:
    service, _, host = name.partition("@")
    return Account(service, host)


def of_url(url: str) -> Account:
    """The account that a bus URL logs in with; without a user, an account of nobody."""
    return parse(unquote(urlsplit(url).username or ""))


def exchange(topic: str, host: str | None = None) -> str:
    """Where messages for `topic` go: to its service, or to the host whose agent answers it."""
    service, _, role = topic.partition(".")
    return f"{service}@{host}" if role == AGENT and host else service


def origin(url: str) -> str:
    """scheme://host:port of a URL, as configuration names the services that a host exchanges data with."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def urls_in(arguments: Any) -> Iterator[str]:
    """Every URL in a call's plain arguments, however deep."""
    if isinstance(arguments, dict):
        for key, value in arguments.items():
            if key == "url" and isinstance(value, str) and value:
                yield value
            else:
                yield from urls_in(value)
    elif isinstance(arguments, list | tuple):
        for value in arguments:
            yield from urls_in(value)


def reply_exchange(queue: str) -> str:
    """Where the answer goes that belongs into a reply queue."""
    return queue.removeprefix(f"{REPLY}.").rpartition(".")[0]
