"""A server shows the floating addresses that lead to its ports, whatever came first."""

from collections.abc import Iterator
from typing import Any

import pytest

from pileus_compute.db.models import Job
from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"
FLOATING = "192.0.2.9"


def floating_of(compute: ComputeFixture, server_id: str) -> list[str]:
    rows = [a for addresses in compute.show(server_id)["addresses"].values() for a in addresses]
    return [a["addr"] for a in rows if a["OS-EXT-IPS:type"] == "floating"]


def found_by_address(compute: ComputeFixture, address: str) -> list[str]:
    return [s["id"] for s in compute.client.get("/v2.1/servers", query_string={"ip": address}).json["servers"]]


def act(compute: ComputeFixture, server_id: str, name: str, address: str = FLOATING) -> int:
    path = f"/v2.1/servers/{server_id}/action"
    return compute.client.post(path, json={name: {"address": address}}, version="2.1").status_code


def tell(compute: ComputeFixture, server_id: str) -> int:
    body = {"events": [{"name": "network-changed", "server_uuid": server_id}]}
    return compute.client.post("/v2.1/os-server-external-events", json=body, as_=compute.book.service).status_code


def test_one_that_was_on_the_port_before_the_server_was(compute: ComputeFixture, network: Any) -> None:
    port = network.port()["id"]
    network.floating(FLOATING, port)
    server = compute.server(imageRef=IMAGE_ID, networks=[{"port": port}])
    assert server["status"] == "ACTIVE" and floating_of(compute, server["id"]) == [FLOATING]
    assert found_by_address(compute, FLOATING) == [server["id"]]


def test_one_on_a_port_that_is_plugged_in_later(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    port = network.port()["id"]
    network.floating(FLOATING, port)
    with compute.working():
        made = compute.client.post(
            f"/v2.1/servers/{server}/os-interface", json={"interfaceAttachment": {"port_id": port}}
        )
    assert made.status_code == 200, made.text
    assert floating_of(compute, server) == [FLOATING] and found_by_address(compute, FLOATING) == [server]


def test_they_stay_while_a_server_is_shelved(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])["id"]
    (port,) = network.ports
    compute.act(server, "shelve")
    ip = network.floating(FLOATING, port)
    assert tell(compute, server) in (200, 404)  # 404: it is nowhere, so the event was nobody's; what it says is known
    assert floating_of(compute, server) == [FLOATING]
    compute.act(server, "unshelve")
    assert floating_of(compute, server) == [FLOATING]
    network.lead(ip, None)
    tell(compute, server)
    assert floating_of(compute, server) == []


@pytest.fixture
def two(compute: ComputeFixture, network: Any) -> Iterator[list[str]]:
    network.floating(FLOATING)
    yield [compute.server(imageRef=IMAGE_ID, name=name, networks=[{"uuid": NETWORK_ID}])["id"] for name in "ab"]


def test_the_old_actions_answer_when_the_server_knows(compute: ComputeFixture, two: list[str]) -> None:
    """Their clients read the server right after the 202."""
    first, second = two
    assert act(compute, first, "addFloatingIp") == 202 and floating_of(compute, first) == [FLOATING]
    assert found_by_address(compute, FLOATING) == [first]
    assert act(compute, second, "addFloatingIp") == 202, "it moves"
    assert (floating_of(compute, first), floating_of(compute, second)) == ([], [FLOATING])
    assert act(compute, second, "removeFloatingIp") == 202 and floating_of(compute, second) == []
    assert act(compute, second, "removeFloatingIp") == 409


def test_news_of_a_port_that_is_not_recorded_yet_is_not_lost(compute: ComputeFixture, network: Any) -> None:
    """The network service tells of it between the call that makes the port and the step that records it."""
    make, server = network.app.view_functions["create_ports"], {}

    def and_tell() -> Any:
        answer = make()
        port = next(iter(network.ports.values()))
        network.floating(FLOATING, port["id"])
        server["told"] = tell(compute, port["device_id"])
        return answer

    network.app.view_functions["create_ports"] = and_tell
    made = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])
    assert server["told"] == 200 and floating_of(compute, made["id"]) == [FLOATING]
    with compute.sessions.read() as session:
        assert {j.state for j in session.query(Job).filter_by(flow="server.refresh_addresses")} == {"done"}
    shown = compute.client.get(f"/v2.1/servers/{made['id']}/os-instance-actions", version="2.79").json
    assert [a["action"] for a in shown["instanceActions"]] == ["create"], "looking is nothing that a user did"


def test_a_volume_that_grew_twice_in_one_body(compute: ComputeFixture, volume: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    disk = volume.add()
    path = f"/v2.1/servers/{server}/os-volume_attachments"
    assert compute.client.post(path, json={"volumeAttachment": {"volumeId": disk}}).status_code == 200
    compute.drain()
    event = {"name": "volume-extended", "server_uuid": server, "tag": disk}
    told = compute.client.post(
        "/v2.1/os-server-external-events", json={"events": [event, event]}, version="2.51", as_=compute.book.service
    )
    assert told.status_code == 200, told.text
