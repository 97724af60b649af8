from typing import Any

from pileus_compute.rpc import Power
from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


def test_a_server_with_a_port_becomes_active(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}], metadata={"role": "web"})
    assert server["status"] == "ACTIVE", server
    assert server["OS-EXT-STS:power_state"] == 1
    address = server["addresses"]["private"][0]
    assert address["OS-EXT-IPS:type"] == "fixed"
    (port,) = network.ports.values()
    assert port["device_id"] == server["id"] and port["binding:host_id"] == "host1" and port["project_id"] == "p1"
    assert compute.power(server["id"]) is Power.RUNNING


def test_delete_leaves_nothing(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])
    assert compute.client.delete(f"/v2.1/servers/{server['id']}").status_code == 204
    compute.drain()
    assert compute.client.get(f"/v2.1/servers/{server['id']}").status_code == 404
    assert not network.ports and not compute.host.driver.guests_by_id


def test_stop_start_reboot(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    compute.act(server, "os-stop")
    assert compute.show(server)["status"] == "SHUTOFF" and compute.power(server) is Power.STOPPED
    compute.act(server, "os-stop", status=409)
    compute.act(server, "os-start")
    assert compute.show(server)["status"] == "ACTIVE"
    compute.act(server, "reboot", {"type": "SOFT"})
    compute.act(server, "reboot", {"type": "HARD"})
    assert compute.show(server)["status"] == "ACTIVE"
    compute.act(server, "pause")
    assert compute.show(server)["status"] == "PAUSED"
    compute.act(server, "unpause")
    compute.act(server, "suspend")
    assert compute.show(server)["status"] == "SUSPENDED"
    compute.act(server, "resume")
    assert compute.show(server)["status"] == "ACTIVE"


def test_no_valid_host_says_what_was_missing(compute: ComputeFixture, network: Any) -> None:
    compute.flavor("huge", memory_mib=10**9)
    compute.client.put("/v2.1/os-quota-sets/p1", json={"quota_set": {"ram": -1}}, as_=compute.book.admin)
    made = compute.client.post(
        "/v2.1/servers",
        version="2.79",
        json={"server": {"name": "x", "flavorRef": "huge", "imageRef": IMAGE_ID, "networks": "auto"}},
        as_=compute.book.admin,
    )
    if made.status_code == 403:
        return
    compute.drain()
    server = compute.show(made.json["server"]["id"], as_=compute.book.admin)
    assert server["status"] == "ERROR"
    assert server["fault"]["message"].startswith("No valid host was found.")
    assert "memory" in server["fault"]["message"]


def test_boots_from_a_new_volume(compute: ComputeFixture, volume: Any) -> None:
    disk = {
        "source_type": "image",
        "destination_type": "volume",
        "uuid": IMAGE_ID,
        "volume_size": 2,
        "boot_index": 0,
        "delete_on_termination": True,
    }
    server = compute.server(imageRef="", block_device_mapping_v2=[disk])
    assert server["status"] == "ACTIVE", server
    assert server["image"] == ""
    (made,) = volume.volumes.values()
    assert made["status"] == "in-use"
    compute.client.delete(f"/v2.1/servers/{server['id']}")
    compute.drain()
    assert not volume.volumes and not volume.attachments


def test_a_delete_during_the_build_leaves_nothing(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}], drain=False)
    assert server["status"] == "BUILD" and server["OS-EXT-STS:task_state"] == "scheduling"
    assert compute.client.delete(f"/v2.1/servers/{server['id']}").status_code == 204
    assert compute.show(server["id"])["OS-EXT-STS:task_state"] == "deleting"
    assert compute.client.delete(f"/v2.1/servers/{server['id']}").status_code == 204
    compute.drain()
    assert compute.client.get(f"/v2.1/servers/{server['id']}").status_code == 404
    assert not network.ports and not compute.host.driver.guests_by_id
