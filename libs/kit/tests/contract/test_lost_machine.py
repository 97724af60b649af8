"""A machine that is cut off while it answers a call: the caller notices within seconds, not at the end of its timeout.

It needs root: the machine is a network namespace.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from pileus_kit.tls import NO_CERTIFICATES

NAME, ADDRESS, OURS = "pileus-lost", "198.18.96.1", "198.18.96.254"
SERVER = f"""
import socket
listener = socket.create_server(("{ADDRESS}", 8000))
print("it listens", flush=True)
connection = listener.accept()[0]
print(connection.recv(65536), flush=True)
connection.recv(1)
"""


def ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=not check)


@pytest.fixture
def machine() -> Iterator["subprocess.Popen[str]"]:
    ip("netns", "del", NAME, check=False)
    ip("netns", "add", NAME)
    ip("link", "add", NAME, "type", "veth", "peer", "name", "eth0", "netns", NAME)
    ip("addr", "add", f"{OURS}/24", "dev", NAME)
    ip("link", "set", NAME, "up")
    ip("-n", NAME, "addr", "add", f"{ADDRESS}/24", "dev", "eth0")
    ip("-n", NAME, "link", "set", "eth0", "up")
    words = ["ip", "netns", "exec", NAME, sys.executable, "-c", SERVER]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
            ip("netns", "del", NAME)


def test_a_caller_notices_that_the_machine_is_gone(machine: "subprocess.Popen[str]") -> None:
    assert machine.stdout is not None
    assert machine.stdout.readline() == "it listens\n"

    def cut() -> None:
        assert machine.stdout is not None
        machine.stdout.readline()  # the request has come
        ip("-n", NAME, "route", "add", "blackhole", f"{OURS}/32")

    cutting = threading.Thread(target=cut)
    cutting.start()
    began = time.monotonic()
    with NO_CERTIFICATES.open_session() as http, pytest.raises(requests.ConnectionError):
        http.get(f"http://{ADDRESS}:8000/", timeout=(3, 300))
    cutting.join()
    assert time.monotonic() - began < 60
