"""Events of other services about what servers use."""

from typing import Any

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


def test_floating_addresses_show_when_the_network_tells(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])
    (port,) = network.ports.values()
    network.floating("192.0.2.9", port["id"])
    event = {"name": "network-changed", "server_uuid": server["id"], "tag": port["id"]}
    told = compute.client.post("/v2.1/os-server-external-events", json={"events": [event]}, as_=compute.book.service)
    assert told.status_code == 200, told.text
    addresses = compute.show(server["id"])["addresses"]["private"]
    assert [(a["addr"], a["OS-EXT-IPS:type"]) for a in addresses][1] == ("192.0.2.9", "floating")
    assert compute.client.post("/v2.1/os-server-external-events", json={"events": [event]}).status_code == 403
