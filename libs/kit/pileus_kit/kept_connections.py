"""HTTP connections that are kept, to machines that may die: a dead one is noticed within seconds, and what may be said
twice is said again on a new one."""

import errno
import http.client
import logging
import socket
import ssl
import threading
from collections.abc import Mapping

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, NewConnectionError

log = logging.getLogger(__name__)

LOST_AFTER = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 12_000),
]
"""Ends a connection to a machine that was switched off or cut off after some twelve seconds, or as soon as another
machine has its address. A caller that waits there for an answer would wait until its call's time is over."""
REPEATABLE = ("GET", "HEAD")
CLOSED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError, http.client.IncompleteRead)
GIVEN_UP = (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)
"""What the operating system says of a connection whose other end no longer acknowledges anything."""


class KeptConnections(BaseAdapter):
    """A transport of requests that keeps connections.

    When one turns out to be dead, those that were opened before it is noticed are left with it: they led to the same
    machine. A GET or HEAD is then sent once more, on a new connection. Others aren't: the machine may have done them.
    """

    def __init__(self, size: int = 10) -> None:
        """`size` is how many connections to one address are kept."""
        super().__init__()
        self._size, self._lock = size, threading.Lock()
        self._adapter = _Adapter(size)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        adapter = self._adapter

        def attempt(adapter: HTTPAdapter) -> requests.Response:
            response = adapter.send(request, stream, timeout, verify, cert, proxies)
            if not stream:
                _ = response.content  # it is read here, as the connection may end within it, too
            return response

        try:
            return attempt(adapter)
        except requests.RequestException as err:
            if not is_dead(err):
                raise
            self._leave(adapter)
            if request.method not in REPEATABLE:
                raise
            log.info("%s %s: its connection was dead; once more", request.method, str(request.url).partition("?")[0])
        return attempt(self._adapter)

    def _leave(self, adapter: HTTPAdapter) -> None:
        """Keep the connections of this adapter no longer. What is being answered on them goes on."""
        with self._lock:
            if adapter is self._adapter:
                self._adapter = _Adapter(self._size)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._adapter.close()


class _Adapter(HTTPAdapter):
    def __init__(self, size: int) -> None:
        super().__init__(pool_connections=10, pool_maxsize=size)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **known: object) -> None:
        options = [*HTTPConnection.default_socket_options, *LOST_AFTER]
        super().init_poolmanager(connections, maxsize, block, **known, socket_options=options)


def is_dead(err: BaseException) -> bool:
    """Whether a call failed since an open connection ended without an answer.

    It is false where none could be opened, and where the answer only took too long.
    """
    cause: BaseException | None = err
    while isinstance(cause, requests.RequestException | HTTPError):  # what reports the error, not what it is
        if isinstance(cause, NewConnectionError):
            return False
        if isinstance(cause, CLOSED):  # urllib3 has an error of its own that is Python's as well
            return True
        cause = cause.__cause__ or cause.__context__
    return isinstance(cause, CLOSED) or (isinstance(cause, OSError) and cause.errno in GIVEN_UP)
