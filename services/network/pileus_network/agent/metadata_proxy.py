"""The metadata proxy: answers http://169.254.169.254 for the servers of this host's networks.

A guest is identified by the network or router that its request arrives at and by its address there, which the
anti-spoofing rules vouch for. Nothing that a request says about identity is believed. One thread reads all requests, so
that a slow guest delays no other; a few more threads pass complete requests on to compute.
"""

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

from pileus_network.agent.compute_metadata import ComputeMetadataClient
from pileus_network.agent.http_messages import Malformed, Request, RequestReader, Response
from pileus_network.drivers.base import MetadataListener
from pileus_network.rpc import SERVICE_OWNERS, HostState, Port

log = logging.getLogger(__name__)
GUEST_TIMEOUT_S = 10.0
"""Seconds that a guest has to send its request, and to take the answer."""
MAX_CONNECTIONS = 32
"""Connections to one network or router at a time."""
THREADS = 4

NamespaceKey = tuple[str, int]
"""The id of a network or router, and the number of its namespace."""


@dataclass
class _Guest:
    """A connection whose request is incomplete. `owner_id` is the network or router that it came to."""

    owner_id: str
    address: str
    deadline: float
    reader: RequestReader = field(default_factory=RequestReader)


def ports_by_address(state: HostState) -> dict[tuple[str, str], Port]:
    """Return the servers' ports by (id of a network or router, address of a guest there).

    The subnets of a router don't overlap, so the address alone is enough at a router, too.
    """
    servers = [port for port in state.ports if port.device_id and port.device_owner not in SERVICE_OWNERS]
    by_subnet: dict[str, list[tuple[str, Port]]] = defaultdict(list)
    found = {}
    for port in servers:
        for fixed in port.fixed_ips:
            found[port.network_id, fixed.address] = port
            by_subnet[fixed.subnet_id].append((fixed.address, port))
    ports = {port.id: port for port in state.ports}
    for router in state.routers:
        interfaces = [ports[id] for id in router.interfaces if id in ports]
        for subnet_id in {fixed.subnet_id for interface in interfaces for fixed in interface.fixed_ips}:
            found |= {(router.id, address): port for address, port in by_subnet[subnet_id]}
    return found


class MetadataProxy:
    """Listens in every namespace of this host that guests reach the metadata address in."""

    def __init__(self, backend: MetadataListener, compute: ComputeMetadataClient) -> None:
        self._backend, self._compute = backend, compute
        self._ports: Mapping[tuple[str, str], Port] = {}
        self._listeners: dict[NamespaceKey, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = os.pipe()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._tasks: list[Callable[[], None]] = []
        self._open: Counter[str] = Counter()  # connections of each network or router, guarded by the lock
        self._lock = threading.Lock()
        self._over = False
        self._pool = ThreadPoolExecutor(THREADS, "metadata")
        self._thread = threading.Thread(target=self._run, name="metadata", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Close all listeners and end the thread."""
        self._call_in_thread(lambda: setattr(self, "_over", True))
        self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def follow(self, state: HostState) -> None:
        """Serve the networks and ports of `state`, which has been applied. Any thread may call this."""
        self._ports = ports_by_address(state)
        namespaces = self._backend.metadata_namespaces().items()
        self._call_in_thread(lambda: self._listen(namespaces))

    # -- in the thread -------------------------------------------------------------------------------------------

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
                    self._run_tasks()
                elif isinstance(key.data, _Guest):
                    self._read(key.fileobj, key.data)  # type: ignore[arg-type]
                else:
                    self._accept(key.fileobj, key.data)  # type: ignore[arg-type]
        self._listen(())

    def _call_in_thread(self, task: Callable[[], None]) -> None:
        self._tasks.append(task)
        os.write(self._waker, b".")

    def _run_tasks(self) -> None:
        os.read(self._wake, 4096)
        while self._tasks:
            self._tasks.pop(0)()

    def _listen(self, desired: Iterable[NamespaceKey]) -> None:
        """Open and close listeners. A namespace that was created again has another number, and gets another one."""
        desired = set(desired)
        for namespace in set(self._listeners) - desired:
            listener = self._listeners.pop(namespace)
            self._selector.unregister(listener)
            listener.close()
        for namespace in desired - set(self._listeners):
            try:
                listener = self._backend.metadata_socket(namespace[0])
            except OSError as err:
                log.warning("no metadata at network or router %s: %s", namespace[0], err)
                continue
            listener.setblocking(False)
            self._listeners[namespace] = listener
            self._selector.register(listener, selectors.EVENT_READ, namespace[0])

    def _accept(self, listener: socket.socket, owner_id: str) -> None:
        try:
            connection, peer = listener.accept()
        except OSError:
            return
        if not self._count(owner_id):
            connection.close()
            return
        connection.setblocking(False)
        guest = _Guest(owner_id, peer[0], time.monotonic() + GUEST_TIMEOUT_S)
        self._selector.register(connection, selectors.EVENT_READ, guest)

    def _read(self, connection: socket.socket, guest: _Guest) -> None:
        try:
            data = connection.recv(16384)
            request = guest.reader.feed(data) if data else None
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection, guest)
        except Malformed as err:
            self._hand_over(connection, guest, Response(400, "Bad Request", f"{err}\n".encode()))
        else:
            if request:
                self._hand_over(connection, guest, request)
            elif not data:
                self._drop(connection, guest)

    def _hand_over(self, connection: socket.socket, guest: _Guest, message: Request | Response) -> None:
        self._selector.unregister(connection)
        self._pool.submit(self._finish, connection, guest, message)

    def _drop(self, connection: socket.socket, guest: _Guest) -> None:
        self._selector.unregister(connection)
        self._close(connection, guest)

    # -- in the thread and in the pool ---------------------------------------------------------------------------

    def _count(self, owner_id: str) -> bool:
        """Take one of the connections that a network or router may have. Return whether there was one left."""
        with self._lock:
            if self._open[owner_id] >= MAX_CONNECTIONS:
                return False
            self._open[owner_id] += 1
            return True

    def _close(self, connection: socket.socket, guest: _Guest) -> None:
        connection.close()
        with self._lock:
            self._open[guest.owner_id] -= 1
            if not self._open[guest.owner_id]:
                del self._open[guest.owner_id]

    # -- in the pool ---------------------------------------------------------------------------------------------

    def _finish(self, connection: socket.socket, guest: _Guest, message: Request | Response) -> None:
        try:
            response = self._respond(guest, message) if isinstance(message, Request) else message
            connection.settimeout(GUEST_TIMEOUT_S)
            connection.sendall(response.encode())
            connection.shutdown(socket.SHUT_WR)
        except OSError as err:
            log.debug("a guest did not wait for its metadata: %s", err)
        finally:
            self._close(connection, guest)

    def _respond(self, guest: _Guest, request: Request) -> Response:
        port = self._ports.get((guest.owner_id, guest.address))
        if port is None:
            return Response(404, "Not Found", b"No server has this address on this network.\n")
        if request.method not in ("GET", "HEAD", "POST"):
            return Response(405, "Method Not Allowed")
        return self._compute.ask(port, guest.address, request)
