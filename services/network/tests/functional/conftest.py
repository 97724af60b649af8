"""Each test has a network service of its own, with a host that wires every port."""

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


@pytest.fixture
def resources(network: NetworkFixture) -> dict[str, Any]:
    """One resource of each kind; gives the network, its subnet and the external network."""
    public, member = network.public(), network.book.member
    net = network.made("network", {"name": "n"})
    subnet = network.made("subnet", {"network_id": net["id"], "ip_version": 4, "cidr": "10.0.0.0/24"})
    network.made("port", {"network_id": net["id"]})
    network.made("router", {})
    network.made("floatingip", {"floating_network_id": public["id"]})
    network.made("security_group", {"name": "g"})
    network.made("subnetpool", {"name": "p", "prefixes": ["10.9.0.0/16"]})
    scope = {"address_scope": {"name": "s", "ip_version": 4}}
    assert network.client.post("/v2.0/address-scopes", json=scope, as_=member).status_code == 201
    share = {"object_type": "network", "object_id": net["id"], "action": "access_as_shared", "target_tenant": "p9"}
    assert network.client.post("/v2.0/rbac-policies", json={"rbac_policy": share}, as_=member).status_code == 201
    return {"network": net, "subnet": subnet, "public": public}
