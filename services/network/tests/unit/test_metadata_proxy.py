"""The metadata proxy over real sockets: guests are 127.0.0.1 here, and compute is a small web server."""

import hashlib
import hmac
import http.client
import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pileus_network.agent import metadata_proxy
from pileus_network.agent.compute_metadata import ComputeMetadataClient
from pileus_network.agent.metadata_proxy import MetadataProxy, ports_by_address
from pileus_network.drivers.base import MetadataListener
from pileus_network.rpc import FixedIp, HostState, Network, Port, Router

SECRET = "s3cret"
GUEST = "127.0.0.1"
SERVER = Port(
    "p1", "n1", "red", "fa:16:3e:00:00:01", "compute:nova", "server1", True, fixed_ips=(FixedIp("s1", GUEST),)
)
STATE = HostState("h1", 1, networks=(Network("n1", "vxlan", 1, None, 1450),), ports=(SERVER,))


class Compute(http.server.BaseHTTPRequestHandler):
    """Answers with the request as it arrived."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        view = {"path": self.path, "headers": headers, "body": self.rfile.read(size).decode()}
        body = json.dumps(view).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args: object) -> None:
        pass


class Listener(MetadataListener):
    """Listens on a free port of this machine for each namespace."""

    def __init__(self) -> None:
        self.namespaces = {"n1": 1}
        self.ports: dict[str, int] = {}

    def metadata_namespaces(self) -> dict[str, int]:
        return dict(self.namespaces)

    def metadata_socket(self, owner_id: str) -> socket.socket:
        listener = socket.create_server((GUEST, 0))
        self.ports[owner_id] = listener.getsockname()[1]
        return listener


class Host:
    """A proxy that follows STATE, and what a guest does."""

    def __init__(self, compute_url: str) -> None:
        self.listener = Listener()
        self.proxy = MetadataProxy(self.listener, ComputeMetadataClient(compute_url, SECRET, "h1"))
        self.proxy.start()
        self.follow(STATE)

    def follow(self, state: HostState) -> None:
        before = dict(self.listener.ports)
        self.proxy.follow(state)
        if self.listener.namespaces.keys() - before.keys():
            eventually(lambda: self.listener.namespaces.keys() <= self.listener.ports.keys())

    def connect(self, owner_id: str = "n1") -> socket.socket:
        guest = socket.create_connection((GUEST, self.listener.ports[owner_id]), 10)
        guest.settimeout(10)
        return guest

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, bytes]:
        line = http.client.HTTPConnection(GUEST, self.listener.ports["n1"], timeout=60)
        line.request(method, path, body, headers)
        answer = line.getresponse()
        return answer.status, answer.read()


def eventually(check: object) -> None:
    deadline = time.monotonic() + 60
    while not check():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.fixture
def compute() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer((GUEST, 0), Compute)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://{GUEST}:{server.server_port}/metadata"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def host(compute: str) -> Iterator[Host]:
    host = Host(compute)
    yield host
    host.proxy.stop()


def test_compute_learns_who_asks_from_the_address_alone(host: Host) -> None:
    lies = {"X-Instance-ID": "other", "X-Tenant-ID": "other", "X-Forwarded-For": "10.0.0.1", "User-Agent": "cloud-init"}
    status, body = host.ask("GET", "/openstack/latest/meta_data.json?a=b", **lies)
    view = json.loads(body)
    headers = view["headers"]
    assert (status, view["path"]) == (200, "/metadata/openstack/latest/meta_data.json?a=b")
    assert (headers["x-instance-id"], headers["x-tenant-id"], headers["x-forwarded-for"]) == ("server1", "red", GUEST)
    assert headers["x-instance-id-signature"] == hmac.new(SECRET.encode(), b"server1", hashlib.sha256).hexdigest()
    assert (headers["x-metadata-host"], headers["user-agent"]) == ("h1", "cloud-init")


def test_a_password_is_posted(host: Host) -> None:
    status, body = host.ask("POST", "/openstack/latest/password", "pass=word")
    assert status == 200 and json.loads(body)["body"] == "pass=word"


def test_other_methods_are_refused(host: Host) -> None:
    assert host.ask("DELETE", "/latest/")[0] == 405


def test_what_is_no_request_is_answered_with_400(host: Host) -> None:
    guest = host.connect()
    guest.sendall(b"hello\r\n\r\n")
    assert guest.recv(1000).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_guest_without_a_port_gets_404(host: Host) -> None:
    host.follow(replace(STATE, generation=2, ports=()))
    assert host.ask("GET", "/latest/")[0] == 404


def test_a_slow_guest_delays_no_other(host: Host) -> None:
    slow = host.connect()
    slow.sendall(b"GET /latest HTTP/1.1\r\n")
    assert host.ask("GET", "/latest")[0] == 200
    slow.sendall(b"Host: x\r\n\r\n")
    assert slow.recv(100).startswith(b"HTTP/1.1 200")


def test_a_guest_that_sends_nothing_is_disconnected(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_proxy, "GUEST_TIMEOUT_S", 0.05)
    assert host.connect().recv(100) == b""


def test_a_guest_has_a_few_connections_at_a_time(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_proxy, "MAX_CONNECTIONS", 2)
    first, second = host.connect(), host.connect()
    assert host.connect().recv(100) == b"", "one too many"
    first.close()
    second.sendall(b"GET /latest HTTP/1.1\r\nHost: x\r\n\r\n")
    assert second.recv(100).startswith(b"HTTP/1.1 200")
    eventually(lambda: host.ask("GET", "/latest")[0] == 200)


def test_compute_that_is_away_is_503(host: Host) -> None:
    with socket.create_server((GUEST, 0)) as unused:
        url = f"http://{GUEST}:{unused.getsockname()[1]}"
    away = Host(url)
    try:
        assert away.ask("GET", "/latest")[0] == 503
    finally:
        away.proxy.stop()


def test_a_namespace_that_is_created_again_gets_a_new_listener(host: Host) -> None:
    before = host.listener.ports["n1"]
    host.listener.namespaces = {"n1": 2}
    host.follow(replace(STATE, generation=2))
    eventually(lambda: host.listener.ports["n1"] != before)
    eventually(lambda: host.ask("GET", "/latest")[0] == 200)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((GUEST, before), 1)


def test_a_router_answers_for_the_servers_of_its_subnets() -> None:
    interface = Port(
        "p2",
        "n1",
        "red",
        "fa:16:3e:00:00:02",
        "network:router_interface",
        "r1",
        True,
        fixed_ips=(FixedIp("s1", "10.0.0.1"),),
    )
    state = replace(STATE, ports=(SERVER, interface), routers=(Router("r1", "red", interfaces=("p2",)),))
    assert ports_by_address(state) == {("n1", GUEST): SERVER, ("r1", GUEST): SERVER}
