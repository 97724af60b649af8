"""One network service per test, with a host that wires what it is told."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pileus_kit.auth import Caller
from pileus_network.core import ipam
from pileus_network.testing import NetworkFixture


@pytest.fixture(autouse=True)
def dice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses that are picked at random are the same in each run, so none is by chance the one that a test names."""
    monkeypatch.setattr(ipam.secrets, "randbelow", Random(7).randrange)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[NetworkFixture]:
    with NetworkFixture(tmp_path) as fixture:
        yield fixture


Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(network: NetworkFixture) -> Ask:
    """`ask("GET", "networks", as_=caller)` gives (status, body); refused requests give (status, error type)."""

    def send(method: str, path: str, body: Any = None, as_: Caller | None = None, **more: Any) -> tuple[int, Any]:
        if body is not None:
            more["json"] = body
        answer = network.client.request(method, f"/v2.0/{path}", as_=as_ or network.book.member, **more)
        content = answer.get_json(silent=True)
        if isinstance(content, dict) and "NeutronError" in content:
            assert set(content["NeutronError"]) == {"type", "message", "detail"}
            return answer.status_code, content["NeutronError"]["type"]
        return answer.status_code, content

    return send
