"""Accounts of the bus: each service has one, and each host has one for each service that has an agent there.

    compute          APIs and workers of compute: may call compute's agents
    compute@host1    compute's agent on host1: has its own queue, may call compute's workers, and nothing else

Each account owns an exchange of its name, to which messages for it are sent. A host may send to the exchange of its
service with the routing keys of the workers' topics only, so it can neither call another host nor read its messages.
The broker enforces that on every connection (`permissions`) and checks the sender of each message (its `user_id`);
docs/decisions/0012.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

AGENT = "agent"
OPEN_TO_HOSTS = ("worker", "registry")
"""Last words of topics. Hosts answer AGENT and may call those of OPEN_TO_HOSTS; others are for the service only."""
REPLY = "reply"


@dataclass(frozen=True)
class Account:
    """An account: of a service, or of its agent on a host."""

    service: str
    host: str = ""

    @property
    def name(self) -> str:
        """The name that the broker knows it by."""
        return f"{self.service}@{self.host}" if self.host else self.service

    def owns(self, exchange: str) -> bool:
        """Whether this account declares the exchange. A service declares those of its hosts, too: a call to a host that
        never connected then fails at once."""
        return exchange == self.name or (not self.host and exchange.startswith(f"{self.service}@"))

    def may_call(self, topic: str) -> bool:
        """Whether this account may call what answers `topic`."""
        service, _, role = topic.partition(".")
        return service == self.service and (not self.host or role in OPEN_TO_HOSTS)

    def permissions(self) -> dict[str, str]:
        """Return RabbitMQ's three expressions (configure, write, read) over the names of queues and exchanges."""
        reply = rf"{REPLY}\.{re.escape(self.name)}\.[0-9a-f]{{32}}"
        service = re.escape(self.service)
        if self.host:
            own = rf"{re.escape(self.name)}|{service}\.{AGENT}\.{re.escape(self.host)}|{reply}"
            return {"configure": f"^({own})$", "write": f"^({own}|{service})$", "read": f"^({own})$"}
        own = rf"{service}|{service}\.(?!{AGENT}(\.|$))[a-z]+(\..+)?|{reply}"
        mine = f"^({own}|{service}@.+)$"
        return {"configure": mine, "write": mine, "read": f"^({own})$"}

    def keys(self) -> dict[str, str]:
        """Return RabbitMQ's topic permissions on the service's exchange: the routing keys for writing and reading."""
        if not self.host:
            return {"write": ".*", "read": ".*"}
        roles = "|".join(OPEN_TO_HOSTS)
        service = re.escape(self.service)
        return {"write": rf"^({service}\.({roles})(\..+)?|{REPLY}\.{service}\.[0-9a-f]{{32}})$", "read": "^$"}


def parse(name: str) -> Account:
    """Return the account of that name."""
    service, _, host = name.partition("@")
    return Account(service, host)


def of_url(url: str) -> Account:
    """Return the account that a bus URL logs in with; without a user, one with an empty name."""
    return parse(unquote(urlsplit(url).username or ""))


def exchange(topic: str, host: str | None = None) -> str:
    """Return the exchange of messages for `topic`: its service's, or that of the host whose agent answers it."""
    service, _, role = topic.partition(".")
    return f"{service}@{host}" if role == AGENT and host else service


def origin(url: str) -> str:
    """Return scheme://host:port of a URL, as the options name the services that a host exchanges data with."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def urls_in(arguments: Any) -> Iterator[str]:
    """Yield every URL in a call's plain arguments, however deep."""
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
    """Return the exchange through which an answer reaches this reply queue."""
    return queue.removeprefix(f"{REPLY}.").rpartition(".")[0]
