"""Ports of servers."""

from typing import Any

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


def test_interfaces(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    path = f"/v2.1/servers/{server}/os-interface"
    with compute.working():
        made = compute.client.post(path, json={"interfaceAttachment": {"net_id": NETWORK_ID}}, version="2.79")
    assert made.status_code == 200, made.text
    port_id = made.json["interfaceAttachment"]["port_id"]
    assert port_id in compute.host.driver.guests_by_id[server].nics
    assert compute.show(server)["addresses"]["private"]
    assert compute.client.delete(f"{path}/{port_id}").status_code == 202
    compute.drain()
    assert not network.ports and not compute.host.driver.guests_by_id[server].nics
    assert compute.client.get(path).json == {"interfaceAttachments": []}


def test_interfaces_are_shown(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID, "tag": "web"}])["id"]
    path = f"/v2.1/servers/{server}/os-interface"
    (listed,) = compute.client.get(path, version="2.70").json["interfaceAttachments"]
    assert listed["tag"] == "web" and listed["net_id"] == NETWORK_ID
    shown = compute.client.get(f"{path}/{listed['port_id']}", version="2.69").json["interfaceAttachment"]
    assert shown == {key: value for key, value in listed.items() if key != "tag"}
    assert compute.client.get(f"{path}/{NETWORK_ID}").status_code == 404
    assert compute.client.get(path, as_=compute.book.other).status_code == 404


def test_interfaces_are_refused(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    path = f"/v2.1/servers/{server}/os-interface"
    taken = network.port(device_id="another server")["id"]
    for version, fields, status, why in (
        ("2.1", {"net_id": NETWORK_ID, "port_id": NETWORK_ID}, 400, "Must not input both"),
        ("2.1", {"fixed_ips": [{"ip_address": "10.0.0.9"}]}, 400, "Must input network_id"),
        ("2.48", {"net_id": NETWORK_ID, "tag": "t"}, 400, "tag"),
        ("2.49", {"net_id": IMAGE_ID, "tag": "t"}, 400, "could not be found"),
        ("2.1", {"port_id": taken}, 409, "still in use"),
        ("2.1", {"port_id": IMAGE_ID}, 400, "could not be found"),
    ):
        answer = compute.client.post(path, json={"interfaceAttachment": fields}, version=version)
        assert answer.status_code == status and why in answer.text, (fields, answer.text)
    network.networks.clear()
    none = compute.client.post(path, json={"interfaceAttachment": {}})
    assert none.status_code == 400 and "No network is available" in none.text
    assert compute.client.delete(f"{path}/{NETWORK_ID}").status_code == 404


def test_a_suspended_or_locked_server_keeps_its_interfaces(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])["id"]
    path = f"/v2.1/servers/{server}/os-interface"
    port = compute.client.get(path).json["interfaceAttachments"][0]["port_id"]
    compute.act(server, "lock")
    assert compute.client.delete(f"{path}/{port}").status_code == 409
    compute.act(server, "unlock")
    compute.act(server, "suspend")
    for answer in (
        compute.client.delete(f"{path}/{port}"),
        compute.client.post(path, json={"interfaceAttachment": {"net_id": NETWORK_ID}}),
    ):
        assert answer.status_code == 409 and "vm_state suspended" in answer.text


def test_an_interface_that_can_not_be_attached_says_why(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    port = network.port()["id"]
    network.ports[port]["binding:vif_type"] = "binding_failed"
    with compute.working():
        answer = compute.client.post(
            f"/v2.1/servers/{server}/os-interface", json={"interfaceAttachment": {"port_id": port}}
        )
    assert answer.status_code == 500 and "Failed to attach network adapter device" in answer.text
