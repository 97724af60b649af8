"""Versions, extensions, and what isn't there."""

from typing import Any

from pileus_network.testing import NetworkFixture


def test_discovery_and_extensions(network: NetworkFixture, ask: Any) -> None:
    client = network.client
    versions = client.get("/").get_json()["versions"]
    assert versions == [
        {"id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": "http://localhost/v2.0/"}]}
    ]
    assert client.get("/").status_code == 200
    resources = {r["collection"] for r in client.get("/v2.0/", as_=network.book.member).get_json()["resources"]}
    assert {"networks", "subnets", "ports"} <= resources
    extensions = ask("GET", "extensions")[1]["extensions"]
    aliases = [e["alias"] for e in extensions]
    assert {"router", "security-group", "external-net", "quotas", "provider", "binding"} <= set(aliases)
    assert not {"trunk", "qos", "dvr", "metering", "dns-integration"} & set(aliases)
    assert ask("GET", "extensions/router")[1]["extension"]["alias"] == "router"
    assert ask("GET", "extensions/trunk") == (404, "HTTPNotFound")


def test_unknown_paths_and_methods(network: NetworkFixture, ask: Any) -> None:
    assert ask("GET", "trunks") == (404, "HTTPNotFound")
    assert ask("PATCH", "networks")[0] == 405
    assert network.client.get("/v2.0/networks").status_code == 401
    answer = network.client.post("/v2.0/networks", data=b"{", as_=network.book.member)
    assert answer.status_code == 400 and answer.get_json()["NeutronError"]["type"] == "HTTPBadRequest"
