"""An exchange over HTTP ends when its time is up, whatever the peer sends."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from pileus_kit.public_addresses import PublicAddresses, limited


class Peer:
    """Repeats some bytes to whoever connects, until they leave."""

    def __init__(self) -> None:
        self.repeated = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, suppress(OSError):
                    while self.repeated:
                        connection.sendall(self.repeated)
                        time.sleep(0.02)
                    while connection.recv(4096):
                        pass

    def close(self) -> None:
        """Take no connection any more."""
        self._socket.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    started = Peer()
    yield started
    started.close()


@pytest.mark.parametrize(
    ("scheme", "repeated"),
    [
        ("http", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("http", b"X"),
        ("http", b""),
        ("https", b"\x16\x03\x03\x40\x00"),  # a handshake's record, of which more is always to come
        ("https", b""),
    ],
)
def test_a_peer_that_never_ends(peer: Peer, scheme: str, repeated: bytes) -> None:
    peer.repeated = repeated
    addresses = PublicAddresses(("127.0.0.0/8",))
    connection = addresses.connect(addresses.check(f"{scheme}://127.0.0.1:{peer.port}/"), 600.0)
    with pytest.raises((OSError, http.client.HTTPException)), limited(connection, 0.3):
        connection.request("POST", "/", b"{}")
        connection.getresponse()
    connection.close()


def test_what_is_over_in_time_is_left_alone(peer: Peer) -> None:
    peer.repeated = b"HTTP/1.1 204 No Content\r\n\r\n"
    addresses = PublicAddresses(("127.0.0.0/8",))
    connection = addresses.connect(addresses.check(f"http://127.0.0.1:{peer.port}/"), 600.0)
    with limited(connection, 600.0):
        connection.request("POST", "/", b"{}")
        assert connection.getresponse().status == 204
    connection.close()
