"""Quotas: limits and usage."""

from pathlib import Path
from typing import Any

import pytest

from pileus_network.core import quotas
from pileus_network.testing import NetworkFixture


def test_defaults_overrides_and_use(network: NetworkFixture, ask: Any) -> None:
    admin = network.book.admin
    assert ask("GET", "quotas/p1", as_=network.book.reader)[1]["quota"]["network"] == 100
    assert ask("GET", "quotas/p1/default", as_=network.book.reader)[1]["quota"]["port"] == 500
    assert ask("PUT", "quotas/p1", {"quota": {"network": 1}}) == (403, "PolicyNotAuthorized")
    assert ask("GET", "quotas/p1", as_=network.book.other)[0] == 403
    assert ask("PUT", "quotas/p1", {"quota": {"network": 1}}, as_=admin)[1]["quota"]["network"] == 1
    network.made("network", {})
    assert ask("POST", "networks", {"network": {}}) == (409, "OverQuota")
    details = ask("GET", "quotas/p1/details.json", as_=network.book.manager)[1]["quota"]["network"]
    assert details == {"limit": 1, "used": 1, "reserved": 0}
    assert ask("GET", "quotas/p1/details.json", as_=network.book.other) == (403, "PolicyNotAuthorized")
    assert [q["project_id"] for q in ask("GET", "quotas", as_=admin)[1]["quotas"]] == ["p1"]
    assert ask("DELETE", "quotas/p1", as_=admin)[0] == 204
    assert ask("GET", "quotas/p1", as_=network.book.reader)[1]["quota"]["network"] == 100
    network.made("network", {})


@pytest.mark.parametrize("requested", [{"network": -2}, {"network": "many"}, {"volumes": 1}, {"network": 2**31}])
def test_bad_limits(network: NetworkFixture, ask: Any, requested: Any) -> None:
    assert ask("PUT", "quotas/p1", {"quota": requested}, as_=network.book.admin) == (400, "HTTPBadRequest")


@pytest.mark.parametrize(
    ("resource", "path", "requested"),
    [
        ("router", "routers", {"router": {}}),
        ("security_group", "security-groups", {"security_group": {"name": "g"}}),
        ("subnetpool", "subnetpools", {"subnetpool": {"name": "p", "prefixes": ["10.0.0.0/8"]}}),
        ("port", "ports", {"port": {}}),
        ("subnet", "subnets", {"subnet": {"ip_version": 4, "cidr": "10.0.0.0/24"}}),
        ("floatingip", "floatingips", {"floatingip": {}}),
    ],
)
def test_every_quota_is_enforced(
    network: NetworkFixture, ask: Any, resource: str, path: str, requested: dict[str, Any]
) -> None:
    noun = next(iter(requested))
    if noun == "floatingip":
        requested = {noun: {"floating_network_id": network.public(as_=network.operator)["id"]}}
    elif noun in ("port", "subnet"):
        requested = {noun: requested[noun] | {"network_id": network.made("network", {})["id"]}}
    ask("GET", "security-groups")
    used = ask("GET", "quotas/p1/details", as_=network.book.manager)[1]["quota"][resource]["used"]
    ask("PUT", "quotas/p1", {"quota": {resource: used}}, as_=network.book.admin)
    assert ask("POST", path, requested) == (409, "OverQuota")
    ask("PUT", "quotas/p1", {"quota": {resource: used + 1}}, as_=network.book.admin)
    assert ask("POST", path, requested)[0] == 201
    assert ask("GET", "quotas/p1/details", as_=network.book.manager)[1]["quota"][resource]["used"] > used


def test_a_limit_below_the_use_may_be_refused(network: NetworkFixture, ask: Any) -> None:
    network.made("network", {})
    admin = network.book.admin
    for more in ({}, {"check_limit": True}, {"check_limit": "false"}, {"force": "false"}):
        assert ask("PUT", "quotas/p1", {"quota": {"network": "0"} | more}, as_=admin) == (400, "HTTPBadRequest")
    forced = ask("PUT", "quotas/p1", {"quota": {"network": "0", "force": "true"}}, as_=admin)
    assert forced[0] == 200 and forced[1]["quota"]["network"] == 0
    assert ask("PUT", "quotas/p1", {"quota": {"network": -1}}, as_=admin)[0] == 200


def test_default_limits_are_the_operators(tmp_path: Path) -> None:
    with NetworkFixture(tmp_path, quotas=("network:1", "router:-1")) as network:
        shown = network.client.get("/v2.0/quotas/p1/default", as_=network.book.manager).get_json()["quota"]
        assert (shown["network"], shown["router"], shown["port"]) == (1, -1, 500)
        network.made("network", {})
        refused = network.client.post("/v2.0/networks", json={"network": {}}, as_=network.book.member)
        assert refused.status_code == 409
    for wrong in ("volumes:1", "network:many", "network:-2", "network"):
        with pytest.raises(ValueError):
            quotas.parse_configured((wrong,))
