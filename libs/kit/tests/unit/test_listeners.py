"""Sockets that a supervisor gives to a process: each is taken by whoever listens on its address."""

import os
import socket

import pytest

from pileus_kit import listeners


def test_each_given_socket_is_taken_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        given = [os.dup(one.fileno()), os.dup(other.fileno())]
        monkeypatch.setenv(listeners.VARIABLE, ",".join(map(str, given)))
        port = other.getsockname()[1]
        with listeners.listen("localhost", port, 5) as taken:
            assert taken.fileno() == given[1]
            with listeners.listen("127.0.0.1", 0, 5) as new:
                assert new.fileno() not in given
        assert listeners.inherited() == given[0], "whoever takes one without an address gets what is left"
        os.close(given[0])
        assert listeners.inherited() is None
