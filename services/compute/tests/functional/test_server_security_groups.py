"""Security groups of servers."""

from typing import Any

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


def test_security_groups_of_a_server(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])["id"]
    compute.act(server, "addSecurityGroup", {"name": "web"})
    (port,) = network.ports.values()
    assert port["security_groups"] == ["g-default", "g-web"]
    assert compute.show(server)["security_groups"] == [{"name": "default"}, {"name": "web"}]
    compute.act(server, "removeSecurityGroup", {"name": "web"})
    compute.act(server, "removeSecurityGroup", {"name": "web"}, status=404)
