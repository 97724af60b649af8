"""Tags of all kinds of resources that have them."""

from typing import Any

import pytest

from pileus_network.testing import NetworkFixture


@pytest.fixture(params=["networks", "subnets", "ports", "routers", "security-groups", "subnetpools", "floatingips"])
def path(request: Any, network: NetworkFixture) -> str:
    net = network.made("network", {})["id"]
    makers: dict[str, Any] = {
        "networks": lambda: net,
        "subnets": lambda: network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})["id"],
        "ports": lambda: network.made("port", {"network_id": net})["id"],
        "routers": lambda: network.made("router", {})["id"],
        "security-groups": lambda: network.made("security_group", {"name": "g"})["id"],
        "subnetpools": lambda: network.made("subnetpool", {"name": "p", "prefixes": ["10.0.0.0/8"]})["id"],
        "floatingips": lambda: network.made("floatingip", {"floating_network_id": network.public()["id"]})["id"],
    }
    return f"{request.param}/{makers[request.param]()}"


def test_tags_are_set_added_filtered_and_deleted(network: NetworkFixture, ask: Any, path: str) -> None:
    tags = f"{path}/tags"
    assert ask("GET", tags)[1] == {"tags": []}
    assert ask("PUT", f"{tags}/red")[0] == 201
    assert ask("GET", f"{tags}/red")[0] == 204 and ask("GET", f"{tags}/blue") == (404, "TagNotFound")
    assert ask("PUT", tags, {"tags": ["green", "blue"]})[1] == {"tags": ["blue", "green"]}
    assert ask("POST", tags, {"tags": ["red"]})[1] == {"tags": ["blue", "green", "red"]}
    collection = path.split("/")[0]
    key = collection.replace("-", "_")

    def count(query: str) -> int:
        found = ask("GET", f"{collection}?{query}")[1][key]
        return sum(row["id"] in path for row in found)

    assert (count("tags=red,blue"), count("tags=red,pink"), count("tags-any=pink,red"), count("tags=RED")) == (
        1,
        0,
        1,
        0,
    )
    assert (
        count("not-tags=red,pink"),
        count("not-tags-any=red,pink"),
        count("not-tags=red,blue"),
        count("tags=re"),
    ) == (1, 0, 0, 0)
    assert ask("DELETE", f"{tags}/red")[0] == 204 and ask("DELETE", f"{tags}/red") == (404, "TagNotFound")
    assert ask("DELETE", tags)[0] == 204 and ask("GET", tags)[1] == {"tags": []}
    assert ask("PUT", tags, {"tags": ["a,b"]}) == (400, "HTTPBadRequest")
    assert ask("PUT", tags, {"tags": ["x" * 256]}) == (400, "HTTPBadRequest")
    assert ask("PUT", tags, {"tags": [str(n) for n in range(51)]}) == (400, "HTTPBadRequest")
    assert ask("PUT", tags, {"labels": []}) == (400, "HTTPBadRequest")
    assert ask("GET", tags, as_=network.book.other)[0] == 404
    assert ask("PUT", f"{tags}/red", as_=network.book.reader)[0] == 403
