"""What HAProxy says of control machines, as its socket tells it."""

import socket
import threading
from pathlib import Path

import pytest

from pileus_kit import balancer
from pileus_kit.balancer import Served

STATISTICS = """# pxname,svname,status,check_status,last_chk,
compute,FRONTEND,OPEN,,,
compute,c1,UP,L7OK,"",
compute,c2,DOWN,L4CON,"refused, again",
compute,c3,UP 1/2,L7STS,"",
compute,BACKEND,UP,,,
registrar,c1,no check,,,

"""


@pytest.fixture
def asked(tmp_path: Path) -> list[bytes]:
    """Play HAProxy for one question; what it was asked."""
    found: list[bytes] = []
    balancer.control_socket(tmp_path).parent.mkdir()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(balancer.control_socket(tmp_path)))
    listening.listen()

    def answer() -> None:
        with listening, listening.accept()[0] as wire:
            found.append(wire.recv(100))
            wire.sendall(STATISTICS.encode())

    threading.Thread(target=answer, daemon=True).start()
    return found


def test_which_services_of_which_machines_answer(tmp_path: Path, asked: list[bytes]) -> None:
    assert balancer.served(tmp_path) == [
        Served("compute", "c1", True, "L7OK"),
        Served("compute", "c2", False, "L4CON"),
        Served("compute", "c3", True, "L7STS"),
    ]
    assert asked == [b"show stat\n"]


def test_a_proxy_that_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        balancer.served(tmp_path)
