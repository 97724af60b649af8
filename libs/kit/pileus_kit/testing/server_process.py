"""A service under the real server in a process of its own, and raw connections to it for what no client library
sends."""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

MAX_WAIT_S = 60


class ServerProcess:
    """Runs `script CONFIG` as a process with these settings; `stop` ends it."""

    def __init__(self, directory: Path, script: Path, **settings: object) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.directory = directory
        lines = [f"state={directory}", f"bind=127.0.0.1:{self.port}", *(f"{k}={v}" for k, v in settings.items())]
        file = directory / "small.conf"
        file.write_text("[DEFAULT]\n" + "\n".join(lines) + "\n")
        self.log = directory / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen([sys.executable, script, file], start_new_session=True, stderr=log)
        eventually(self._is_ready)

    def _is_ready(self) -> bool:
        try:
            return self.get("/healthcheck")[0] == 200
        except OSError:
            return False

    def stop(self) -> None:
        """Kill the process and its children."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)
        self.process.wait()

    def workers(self) -> list[int]:
        """Return the ids of the processes that serve requests."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    def connect(self, sent: bytes = b"") -> "RawConnection":
        """Open a connection and send these bytes."""
        return RawConnection(self.port, sent)

    def get(
        self, path: str, token: str = "", method: str = "GET", body: bytes | None = None, headers: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """Make one request on a connection of its own; returns what `RawConnection.read_response` does."""
        with self.connect() as connection:
            connection.send_request(path, token, method, body, headers)
            return connection.read_response()


class RawConnection:
    """One connection, byte by byte."""

    def __init__(self, port: int, sent: bytes = b"") -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=MAX_WAIT_S)
        self.sock.sendall(sent)
        self.received = bytearray()

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Send these bytes."""
        self.sock.sendall(data)

    def send_request(
        self, path: str, token: str = "", method: str = "GET", body: bytes | None = None, headers: str = ""
    ) -> None:
        """Send a whole request; `headers` are lines that end with CRLF."""
        head = f"{method} {path} HTTP/1.1\r\nHost: here\r\n{headers}"
        if token:
            head += f"X-Auth-Token: {token}\r\n"
        if body is not None:
            head += f"Content-Length: {len(body)}\r\n"
        self.send(head.encode("latin-1") + b"\r\n" + (body or b""))

    def read_response(self) -> tuple[int, dict[str, str], bytes]:
        """Return the next response: status, headers with names in lower case, body. Raises EOFError if there is
        none."""
        head = self._until(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers, self._exactly(int(headers.get("content-length", 0)))

    def wait_closed(self) -> bool:
        """Wait until the server closes the connection, ignoring what it sends before."""
        try:
            while self.sock.recv(1 << 16):
                pass
        except ConnectionError:
            pass
        return True

    def wait_broken(self) -> bool:
        """Wait, without receiving anything, until the server has broken the connection off."""
        poll = select.poll()
        poll.register(self.sock, 0)
        return bool(poll.poll(1000 * MAX_WAIT_S))

    def _until(self, end: bytes) -> bytes:
        while end not in self.received:
            self._receive()
        found = bytes(self.received.partition(end)[0])
        del self.received[: len(found) + len(end)]
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self.received) < count:
            self._receive()
        found = bytes(self.received[:count])
        del self.received[:count]
        return found

    def _receive(self) -> None:
        data = self.sock.recv(1 << 16)
        if not data:
            raise EOFError(bytes(self.received))
        self.received += data


def eventually(condition: Callable[[], object]) -> None:
    """Wait until the condition is true; fail after MAX_WAIT_S."""
    end = time.monotonic() + MAX_WAIT_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def error_message(body: bytes) -> str:
    """Return the sentence of an error in compute's shape."""
    (content,) = json.loads(body).values()
    return str(content["message"])
