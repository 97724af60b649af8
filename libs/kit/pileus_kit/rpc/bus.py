"""The bus: a connection on which a process calls contracts and answers them."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

from pileus_kit import accounts
from pileus_kit.rpc import messaging, rabbit
from pileus_kit.rpc.client import Client
from pileus_kit.rpc.contracts import Interface
from pileus_kit.rpc.endpoint import Endpoint

SILENCE_S = 10
"""An agent that works on a call says so now and then; after so long without a word it counts as dead."""

Contract = TypeVar("Contract", bound=Interface)


class Bus:
    """One connection to the message bus: `rabbit://user:password@host:port/vhost`, or `fake://` within a process."""

    def __init__(self, url: str) -> None:
        self._messaging, self.url, self.account = messaging.load(), url, accounts.of_url(url)
        self.transport = self._messaging.get_rpc_transport(messaging.options(url), url=url)
        if url.startswith("rabbit"):
            rabbit.confine(self.transport, self.account)

    def client(self, contract: type[Contract], host: str | None = None) -> Contract:
        """Return an object with the contract's methods, which call the agent on `host`, or any process that answers the
        contract."""
        target = self._messaging.Target(
            topic=contract.topic, server=host, version="1.0", exchange=accounts.exchange(contract.topic, host)
        )
        is_fake = self.url.startswith("fake")
        client = self._messaging.get_rpc_client(
            self.transport,
            target,
            version_cap=contract.version,
            call_monitor_timeout=None if is_fake else SILENCE_S,
            # with this, a call that no process listens for fails at once instead of waiting for an answer
            transport_options=None if is_fake else self._messaging.TransportOptions(at_least_once=True),
        )
        return cast(Contract, Client(contract, client, host or contract.topic, self.account.name))

    def serve(
        self,
        implementation: Interface,
        host: str,
        threads: int = 8,
        origins: Collection[str] | None = None,
        destroyed_file: Path | None = None,
    ) -> "Server":
        """Answer calls until the returned server is stopped.

        `origins` are the only ones (scheme://host:port) that URLs in calls may have; None allows any.
        `destroyed_file` keeps the ids of what was destroyed here, across restarts.
        """
        target = self._messaging.Target(
            topic=implementation.topic, server=host, exchange=accounts.exchange(implementation.topic, host)
        )
        endpoint = Endpoint(
            implementation,
            self._messaging.Target(version=implementation.version),
            allow_anonymous=self.url.startswith("fake"),
            origins=origins,
            destroyed_file=destroyed_file,
        )
        server = self._messaging.get_rpc_server(
            self.transport,
            target,
            [endpoint],
            executor="threading",
            access_policy=self._messaging.ExplicitRPCAccessPolicy,
        )
        server._executor_cls = ThreadPoolExecutor  # oslo.messaging's own pool wakes every idle thread once a second
        server.start(override_pool_size=threads)
        return Server(server)

    def close(self) -> None:
        """Close the connection."""
        self.transport.cleanup()


class Server:
    """A contract that is being answered."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def stop(self) -> None:
        """Stop taking calls, and wait for those that are being answered."""
        self._server.stop()
        self._server.wait()
