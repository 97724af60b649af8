"""An identity, or another service, that hangs or fails: everybody has an answer within seconds."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pileus_kit.testing.server_process import ServerProcess, error_message

SCRIPT = Path(__file__).with_name("guarded_service.py")
THREADS = 8


class Identity(ThreadingHTTPServer):
    """What a service asks of identity, and a neighbour in the catalogue. `go` is cleared while it hangs."""

    daemon_threads = True
    request_queue_size = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.go = threading.Event()
        self.go.set()
        self.status = 200
        self.revoked: set[str] = set()
        self.events: list[dict[str, Any]] = []

    def view(self, token: str) -> dict[str, Any]:
        domain = {"id": "default", "name": "Default"}
        return {
            "token": {
                "user": {"id": f"u-{token}", "name": token, "domain": domain},
                "roles": [{"name": "member"}],
                "project": {"id": "p1", "name": "p1", "domain": domain},
                "audit_ids": [f"a-{token}"],
                "expires_at": "2099-01-01T00:00:00Z",
                "methods": ["password"],
                "catalog": [
                    {
                        "type": "neighbour",
                        "endpoints": [{"interface": "public", "region": "RegionOne", "url": self.url}],
                    }
                ],
            }
        }


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Identity

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.say(201, self.server.view("us"), **{"X-Subject-Token": "us"})

    def do_GET(self) -> None:
        self.server.go.wait()
        if "revocations" in self.path:
            since = int(self.path.partition("since=")[2])
            events = self.server.events[max(since, 0) :] if since >= 0 else []
            self.say(200, {"serial": len(self.server.events), "events": events})
        elif self.path.startswith("/v3/auth/tokens"):
            token = self.headers["X-Subject-Token"]
            self.say(404 if token in self.server.revoked else 200, self.server.view(token))
        else:
            self.say(self.server.status, {"error": {"message": "neighbour's words"}})

    def say(self, status: int, body: Any, **headers: str) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def identity() -> Iterator[Identity]:
    server = Identity()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.go.set()
    server.shutdown()


@pytest.fixture(scope="module")
def server(identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(
        tmp_path_factory.mktemp("small"),
        SCRIPT,
        threads=THREADS,
        identity_url=f"{identity.url}/v3",
        service_user="us",
        service_password="secret",
    )
    yield server
    server.stop()


def at_once(server: ServerProcess, path: str, count: int) -> list[tuple[int, dict[str, str], bytes]]:
    connections = [server.connect() for _ in range(count)]
    for connection in connections:
        connection.send_request(path, "token")
    answers = [connection.read_response() for connection in connections]
    for connection in connections:
        connection.close()
    return answers


def test_every_request_is_refused_soon_while_identity_hangs(server: ServerProcess, identity: Identity) -> None:
    assert server.get("/v1/who", "token")[0] == 200
    identity.go.clear()
    try:
        time.sleep(1)  # what was heard before is no longer good enough
        answers = at_once(server, "/v1/who", 3 * THREADS)
        assert {status for status, *_ in answers} == {503}
        assert {headers["retry-after"] for _, headers, _ in answers} == {"1"}
        assert error_message(answers[0][2]) == "The identity service does not answer; try again shortly."
        connections = [server.connect() for _ in range(3 * THREADS)]
        for connection in connections:
            connection.send_request("/v1/who", "token")
        assert server.get("/v1/")[0] == 200
        assert {connection.read_response()[0] for connection in connections} == {503}
        # Each question may take seconds; one after the other they would take a minute, and did.
        assert server.log.read_text().count("does not answer about revocations") in range(1, 5)
    finally:
        identity.go.set()
    while server.get("/v1/who", "token")[0] == 503:
        time.sleep(0.05)
    assert server.get("/v1/who", "token")[0] == 200


def test_a_token_revoked_while_identity_hung_is_refused(server: ServerProcess, identity: Identity) -> None:
    assert server.get("/v1/who", "falling")[0] == 200
    identity.go.clear()
    time.sleep(1)
    assert server.get("/v1/who", "falling")[0] == 503
    identity.revoked.add("falling")
    identity.events.append({"audit_id": "a-falling"})
    identity.go.set()
    while (status := server.get("/v1/who", "falling")[0]) == 503:
        time.sleep(0.05)
    assert status == 401
    assert server.get("/v1/who", "token")[0] == 200


@pytest.mark.parametrize("status", [500, 502, 503, 504, 507])
def test_a_peer_that_fails_makes_the_service_unavailable(
    server: ServerProcess, identity: Identity, status: int
) -> None:
    identity.status = status
    answered, headers, body = server.get("/v1/neighbour/things", "token")
    assert (answered, headers["retry-after"]) == (503, "1")
    assert error_message(body) == "The neighbour service does not answer: neighbour's words"


@pytest.mark.parametrize("status", [400, 403, 404, 409, 501])
def test_a_neighbours_refusal_is_handed_on(server: ServerProcess, identity: Identity, status: int) -> None:
    identity.status = status
    assert server.get("/v1/neighbour/things", "token")[0] == status
