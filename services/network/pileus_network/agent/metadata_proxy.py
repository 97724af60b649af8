"""http://169.254.169.254 for the servers of this host's networks.

Whoever asks is known by the network that it asks on and its address there, which the anti-spoofing rules vouch for;
nothing that the request says about identity is believed. One thread reads all requests, so that a slow guest holds up
nobody; complete ones are passed on to compute by a few more, over connections that stay open.
"""

import hashlib
import hmac
import logging
import os
import selectors
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests

from pileus_network.agent.http_messages import Answer, Malformed, Request, parse
from pileus_network.drivers.base import MetadataListener
from pileus_network.rpc import SERVICE_OWNERS, HostState, Port

log = logging.getLogger(__name__)
GUEST_TIMEOUT_S = 10.0  # for a guest to say what it wants, and to take the answer
COMPUTE_TIMEOUT_S = 30.0
MAX_CONNECTIONS = 32  # at one network or router at a time
THREADS = 4
# Only these of a guest's headers go on; above all none that says who it is.
PASSED_ON = frozenset({"accept", "content-type", "user-agent"})


class ComputeMetadataClient:
    """Asks compute on behalf of a server, whose identity we sign with a secret that only compute and this host know."""

    def __init__(self, url: str, secret: str, host: str) -> None:
        self._url, self._secret, self._host = url.rstrip("/"), secret.encode(), host
        self._local = threading.local()

    def ask(self, port: Port, address: str, request: Request) -> Answer:
        try:
            answer = self._session().request(
                request.method,
                self._url + request.path,
                data=request.body,
                timeout=COMPUTE_TIMEOUT_S,
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
            "X-Metadata-Host": self._host,
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
    """A connection of which the request is not complete yet; `place` is the network or router that it came to."""

    place: str
    address: str
    deadline: float
    data: bytearray = field(default_factory=bytearray)


def ports_by_address(state: HostState) -> dict[tuple[str, str], Port]:
    """Who asks at a network or at a router with an address. A router's subnets don't overlap, so that is one port."""
    servers = [port for port in state.ports if port.device_id and port.device_owner not in SERVICE_OWNERS]
    by_subnet: dict[str, list[tuple[str, Port]]] = defaultdict(list)
    found = {}
    for port in servers:
        for fixed in port.fixed_ips:
            found[port.network_id, fixed.address] = port
            by_subnet[fixed.subnet_id].append((fixed.address, port))
    ports = {port.id: port for port in state.ports}
    for router in state.routers:
        legs = [ports[id] for id in router.interfaces if id in ports]
        for subnet_id in {fixed.subnet_id for leg in legs for fixed in leg.fixed_ips}:
            found |= {(router.id, address): port for address, port in by_subnet[subnet_id]}
    return found


class MetadataProxy:
    """Listens at every network and router that has a place for it on this host."""

    def __init__(self, backend: MetadataListener, compute: ComputeMetadataClient) -> None:
        self._backend, self._compute = backend, compute
        self._ports_by_address: Mapping[tuple[str, str], Port] = {}
        self._listeners: dict[tuple[str, int], socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = os.pipe()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._todo: list[Callable[[], None]] = []
        self._open: Counter[str] = Counter()  # connections at each place; the lock is for the pool's share in it
        self._lock = threading.Lock()
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
        self._ports_by_address = ports_by_address(state)
        wanted = self._backend.metadata_namespaces().items()
        self._later(lambda: self._listen(wanted))

    # -- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._over:
            guests = [key for key in self._selector.get_map().values() if isinstance(key.data, _Guest)]
            now = time.monotonic()
            for key in guests:
                if key.data.deadline <= now:
                    self._drop(key.fileobj, key.data)  # type: ignore[arg-type]
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
            try:
                listener = self._backend.metadata_socket(place[0])
            except OSError as err:
                log.warning("no metadata at network or router %s: %s", place[0], err)
                continue
            listener.setblocking(False)
            self._listeners[place] = listener
            self._selector.register(listener, selectors.EVENT_READ, place[0])

    def _accept(self, listener: socket.socket, place: str) -> None:
        try:
            connection, peer = listener.accept()
        except OSError:
            return
        if not self._count(place):
            connection.close()
            return
        connection.setblocking(False)
        guest = _Guest(place, peer[0], time.monotonic() + GUEST_TIMEOUT_S)
        self._selector.register(connection, selectors.EVENT_READ, guest)

    def _read(self, connection: socket.socket, guest: _Guest) -> None:
        try:
            data = connection.recv(16384)
            guest.data += data
            request = parse(bytes(guest.data))
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection, guest)
        except Malformed as err:
            self._hand_over(connection, guest, Answer(400, "Bad Request", f"{err}\n".encode()))
        else:
            if request:
                self._hand_over(connection, guest, request)
            elif not data:
                self._drop(connection, guest)

    def _hand_over(self, connection: socket.socket, guest: _Guest, what: Request | Answer) -> None:
        self._selector.unregister(connection)
        self._pool.submit(self._finish, connection, guest, what)

    def _drop(self, connection: socket.socket, guest: _Guest) -> None:
        self._selector.unregister(connection)
        self._close(connection, guest)

    # -- both ----------------------------------------------------------------------------------------------------

    def _count(self, place: str) -> bool:
        """Take one of a place's connections, if it has any left."""
        with self._lock:
            if self._open[place] >= MAX_CONNECTIONS:
                return False
            self._open[place] += 1
            return True

    def _close(self, connection: socket.socket, guest: _Guest) -> None:
        connection.close()
        with self._lock:
            self._open[guest.place] -= 1
            if not self._open[guest.place]:
                del self._open[guest.place]

    # -- the pool ------------------------------------------------------------------------------------------------

    def _finish(self, connection: socket.socket, guest: _Guest, what: Request | Answer) -> None:
        try:
            answer = self._answer(guest, what) if isinstance(what, Request) else what
            connection.settimeout(GUEST_TIMEOUT_S)
            connection.sendall(answer.encode())
            connection.shutdown(socket.SHUT_WR)
        except OSError as err:
            log.debug("a guest did not wait for its metadata: %s", err)
        finally:
            self._close(connection, guest)

    def _answer(self, guest: _Guest, request: Request) -> Answer:
        port = self._ports_by_address.get((guest.place, guest.address))
        if port is None:
            return Answer(404, "Not Found", b"No server has this address on this network.\n")
        if request.method not in ("GET", "HEAD", "POST"):
            return Answer(405, "Method Not Allowed")
        return self._compute.ask(port, guest.address, request)
