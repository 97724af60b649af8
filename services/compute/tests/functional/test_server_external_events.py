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


def send(compute: ComputeFixture, *events: dict[str, Any], version: str = "2.1") -> Any:
    path, service = "/v2.1/os-server-external-events", compute.book.service
    return compute.client.post(path, json={"events": list(events)}, as_=service, version=version)


def test_each_event_has_its_own_answer(compute: ComputeFixture) -> None:
    server, offloaded = (compute.server(imageRef=IMAGE_ID)["id"] for _ in range(2))
    compute.act(offloaded, "shelve")
    known = {"name": "network-vif-plugged", "server_uuid": server, "tag": "port"}
    unknown = known | {"server_uuid": IMAGE_ID}
    both = send(compute, known, unknown)
    assert both.status_code == 207 and [e["code"] for e in both.json["events"]] == [200, 404]
    assert [e["status"] for e in both.json["events"]] == ["completed", "failed"]
    assert send(compute, unknown).status_code == 404
    assert send(compute, known | {"server_uuid": offloaded}).json["events"][0]["code"] == 422


def test_events_by_version(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    for name, since in (("volume-extended", 51), ("power-update", 76), ("accelerator-request-bound", 82)):
        event = {"name": name, "server_uuid": server}
        assert send(compute, event, version=f"2.{since - 1}").status_code == 400
        assert send(compute, event, version=f"2.{since}").status_code == 200
    assert send(compute).status_code == 400
    assert send(compute, {"name": "network-changed", "server_uuid": server, "status": "odd"}).status_code == 400


def test_a_grown_volume_is_shown_to_its_guest_once(compute: ComputeFixture, volume: Any) -> None:
    server, held = compute.server(imageRef=IMAGE_ID)["id"], volume.add()
    body = {"volumeAttachment": {"volumeId": held}}
    compute.client.post(f"/v2.1/servers/{server}/os-volume_attachments", json=body)
    compute.drain()
    event = {"name": "volume-extended", "server_uuid": server, "tag": held}
    compute.rung.clear()
    assert send(compute, event, event, event | {"tag": IMAGE_ID}, version="2.51").status_code == 200
    assert len(compute.rung) == 1
    compute.drain()
