"""http://169.254.169.254 for the servers of this host's networks.

Whoever asks is known by the network that it asks on and its address there, which the anti-spoofing rules vouch for;
nothing that the request says about identity is believed. One thread reads all requests, so that a slow guest holds up
nobody; complete ones are passed on to compute by a few more, over connections that stay open.
"""

import hashlib
import hmac
import logging
import os
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import unquote

import requests

from pileus_network.drivers.base import Metadata
from pileus_network.rpc import SERVICE_OWNERS, HostState, Port

log = logging.getLogger(__name__)
HEAD_MAX, BODY_MAX = 16 * 1024, 64 * 1024  # bytes of a request; a guest only ever sends a password
PATIENCE_S = 10.0  # for a guest to say what it wants, and to take the answer
UPSTREAM_S = 30.0
CONNECTIONS_MAX = 32  # of one network, with their requests not complete
THREADS = 4
PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")  # RFC 3986
# Only these of a guest's headers go on; above all none that says who it is.
PASSED_ON = frozenset({"accept", "content-type", "user-agent"})


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    reason: str
    body: bytes = b""
    kind: str = "text/plain; charset=UTF-8"

    def encode(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {self.reason}", f"Content-Type: {self.kind}"]
        lines += [f"Content-Length: {len(self.body)}", "Connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace") + self.body


class Malformed(Exception):
    """What a guest sent is no HTTP request that we take."""


def parse(data: bytes) -> Request | None:
    """The request in `data`, or None while it is incomplete. Raises Malformed."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        if len(data) > HEAD_MAX:
            raise Malformed("The head of the request is too long")
        return None
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not PATH.fullmatch(parts[1]) or not parts[2].startswith("HTTP/1."):
        raise Malformed("This is not an HTTP/1 request for metadata")
    if any(segment in (".", "..") for segment in unquote(parts[1].partition("?")[0]).split("/")):
        raise Malformed("The path leads out of the metadata")
    headers = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines[1:])
        if colon
    }
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > BODY_MAX or "transfer-encoding" in headers:
        raise Malformed("The body has no acceptable length")
    return Request(parts[0], parts[1], headers, body[: int(length)]) if len(body) >= int(length) else None


class Compute:
    """Asks compute on behalf of a server, whose identity we sign with a secret that only compute and we know."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._secret = url.rstrip("/"), secret.encode()
        self._local = threading.local()

    def ask(self, port: Port, address: str, request: Request) -> Answer:
        try:
            answer = self._session().request(
                request.method,
                self._url + request.path,
                data=request.body,
                timeout=UPSTREAM_S,
                headers=self._headers(port, address, request),
                allow_redirects=False,
            )
        except requests.RequestException as err:
            log.warning("compute does not answer for metadata: %s", err)
            return Answer(503, "Service Unavailable", b"The metadata service does not answer just now.\n")
        return Answer(
            answer.status_code, answer.reason or "", answer.content, answer.headers.get("Content-Type", "text/plain")
        )

    def _headers(self, port: Port, address: str, request: Request) -> dict[str, str]:
        signature = hmac.new(self._secret, port.device_id.encode(), hashlib.sha256).hexdigest()
        passed = {name: value for name, value in request.headers.items() if name in PASSED_ON}
        return {
            **passed,
            "X-Instance-ID": port.device_id,
            "X-Tenant-ID": port.project_id,
            "X-Instance-ID-Signature": signature,
            "X-Forwarded-For": address,
        }

    def _session(self) -> requests.Session:
        """A session each thread, since they may not share one."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session


@dataclass
class _Guest:
    """A connection of which the request is not complete yet."""

    network_id: str
    address: str
    deadline: float
    data: bytearray = field(default_factory=bytearray)


class MetadataServer:
    """Listens in every network that has a place for it on this host."""

    def __init__(self, backend: Metadata, compute: Compute) -> None:
        self._backend, self._compute = backend, compute
        self._owners: Mapping[tuple[str, str], Port] = {}
        self._listeners: dict[tuple[str, int], socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = os.pipe()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._todo: list[Callable[[], None]] = []
        self._over = False
        self._pool = ThreadPoolExecutor(THREADS, "metadata")
        self._thread = threading.Thread(target=self._run, name="metadata", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._later(lambda: setattr(self, "_over", True))
        self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def follow(self, state: HostState) -> None:
        """Serve the networks and ports of `state`. Called after it was applied, from any thread."""
        servers = [port for port in state.ports if port.device_id and port.device_owner not in SERVICE_OWNERS]
        self._owners = {(port.network_id, fixed.address): port for port in servers for fixed in port.fixed_ips}
        wanted = self._backend.metadata_places().items()
        self._later(lambda: self._listen(wanted))

    # -- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._over:
            guests = [key for key in self._selector.get_map().values() if isinstance(key.data, _Guest)]
            now = time.monotonic()
            for key in guests:
                if key.data.deadline <= now:
                    self._drop(key.fileobj)  # type: ignore[arg-type]
            timeout = min((key.data.deadline - now for key in guests if key.data.deadline > now), default=None)
            for key, _ in self._selector.select(timeout):
                if key.data is None:
                    self._work()
                elif isinstance(key.data, _Guest):
                    self._read(key.fileobj, key.data)  # type: ignore[arg-type]
                else:
                    self._accept(key.fileobj, key.data)  # type: ignore[arg-type]
        self._listen(())

    def _later(self, work: Callable[[], None]) -> None:
        self._todo.append(work)
        os.write(self._waker, b".")

    def _work(self) -> None:
        os.read(self._wake, 4096)
        while self._todo:
            self._todo.pop(0)()

    def _listen(self, wanted: Iterable[tuple[str, int]]) -> None:
        wanted = set(wanted)
        for place in set(self._listeners) - wanted:
            listener = self._listeners.pop(place)
            self._selector.unregister(listener)
            listener.close()
        for place in wanted - set(self._listeners):
            network_id = place[0]
            try:
                listener = self._backend.metadata_socket(network_id)
            except OSError as err:
                log.warning("no metadata on network %s: %s", network_id, err)
                continue
            listener.setblocking(False)
            self._listeners[place] = listener
            self._selector.register(listener, selectors.EVENT_READ, network_id)

    def _accept(self, listener: socket.socket, network_id: str) -> None:
        try:
            connection, peer = listener.accept()
        except OSError:
            return
        others = [
            key
            for key in self._selector.get_map().values()
            if isinstance(key.data, _Guest) and key.data.network_id == network_id
        ]
        if len(others) >= CONNECTIONS_MAX:
            connection.close()
            return
        connection.setblocking(False)
        self._selector.register(
            connection, selectors.EVENT_READ, _Guest(network_id, peer[0], time.monotonic() + PATIENCE_S)
        )

    def _read(self, connection: socket.socket, guest: _Guest) -> None:
        try:
            data = connection.recv(16384)
            guest.data += data
            request = parse(bytes(guest.data)) if data else None
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection)
            return
        except Malformed as err:
            self._selector.unregister(connection)
            self._pool.submit(_send, connection, Answer(400, "Bad Request", f"{err}\n".encode()))
            return
        if not data:
            self._drop(connection)
        elif request:
            self._selector.unregister(connection)
            self._pool.submit(self._answer, connection, guest, request)

    def _drop(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        connection.close()

    # -- the pool ------------------------------------------------------------------------------------------------

    def _answer(self, connection: socket.socket, guest: _Guest, request: Request) -> None:
        port = self._owners.get((guest.network_id, guest.address))
        if port is None:
            answer = Answer(404, "Not Found", b"No server has this address on this network.\n")
        elif request.method not in ("GET", "HEAD", "POST"):
            answer = Answer(405, "Method Not Allowed")
        else:
            answer = self._compute.ask(port, guest.address, request)
        _send(connection, answer)


def _send(connection: socket.socket, answer: Answer) -> None:
    with connection:
        connection.settimeout(PATIENCE_S)
        try:
            connection.sendall(answer.encode())
            connection.shutdown(socket.SHUT_WR)
        except OSError as err:
            log.debug("a guest did not wait for its metadata: %s", err)
