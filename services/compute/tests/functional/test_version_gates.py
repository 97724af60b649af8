"""What a request may ask for by its microversion, where no schema says so; and answers that must not change with it."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
OLD_WORDS = "Multiattach volumes are only supported starting with compute API version 2.60."


def attach(compute: ComputeFixture, server: str, volume: str, version: str, **more: Any) -> Any:
    return compute.client.post(
        f"/v2.1/servers/{server}/os-volume_attachments",
        version=version,
        json={"volumeAttachment": {"volumeId": volume} | more},
    )


def boot_from(compute: ComputeFixture, volume: str, version: str, **more: Any) -> Any:
    disk = {"source_type": "volume", "destination_type": "volume", "uuid": volume, "boot_index": 0}
    body = {"name": "s", "flavorRef": "1", "block_device_mapping_v2": [disk]} | more
    if version != "2.1":
        body["networks"] = "none"
    return compute.client.post("/v2.1/servers", json={"server": body}, version=version)


@pytest.mark.parametrize("version", ["2.1", "2.59"])
def test_shared_volumes_are_for_who_knows_of_them(compute: ComputeFixture, volume: Any, version: str) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    shared = volume.add(multiattach=True, bootable="true")
    for answer in (attach(compute, server, shared, version), boot_from(compute, shared, version)):
        assert answer.status_code == 400 and answer.json["badRequest"]["message"] == OLD_WORDS
    assert not volume.attachments


def test_and_work_from_then_on(compute: ComputeFixture, volume: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    assert attach(compute, server, volume.add(multiattach=True), "2.60").status_code == 200
    assert boot_from(compute, volume.add(multiattach=True, bootable="true"), "2.60").status_code == 202


def test_shelved_servers_take_volumes_from_2_20(compute: ComputeFixture, volume: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    compute.act(server, "shelve")
    assert compute.show(server)["status"] == "SHELVED_OFFLOADED"
    held = volume.add()
    refused = attach(compute, server, held, "2.19")
    assert refused.status_code == 409 and "vm_state shelved_offloaded" in refused.text
    shared = attach(compute, server, volume.add(multiattach=True), "2.60")
    assert shared.status_code == 400 and "shelved-offloaded" in shared.text
    assert attach(compute, server, held, "2.20").status_code == 200
    compute.drain()
    path = f"/v2.1/servers/{server}/os-volume_attachments/{held}"
    assert compute.client.delete(path, version="2.19").status_code == 409
    assert compute.client.delete(path, version="2.20").status_code == 202


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("2.1", {"id", "volumeId", "serverId", "device"}),
        ("2.70", {"id", "volumeId", "serverId", "device", "tag"}),
        ("2.79", {"id", "volumeId", "serverId", "device", "tag", "delete_on_termination"}),
        ("2.89", {"id", "volumeId", "serverId", "device", "tag", "delete_on_termination"}),
    ],
)
def test_a_new_attachment_always_has_an_id(compute: ComputeFixture, volume: Any, version: str, keys: set[str]) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    made = attach(compute, server, volume.add(), version)
    assert set(made.json["volumeAttachment"]) == keys
    compute.drain()
    shown = compute.client.get(f"/v2.1/servers/{server}/os-volume_attachments", version="2.89").json
    assert set(shown["volumeAttachments"][0]) == {
        "volumeId",
        "serverId",
        "device",
        "tag",
        "delete_on_termination",
        "attachment_id",
        "bdm_uuid",
    }


def test_an_image_beside_a_volume_to_boot_from(compute: ComputeFixture, volume: Any) -> None:
    """The server boots from the volume; the image that the request named stays on record."""
    root = volume.add(bootable="true")
    made = boot_from(compute, root, "2.79", imageRef=IMAGE_ID)
    assert made.status_code == 202, made.text
    compute.drain()
    server = compute.show(made.json["server"]["id"])
    assert server["status"] == "ACTIVE" and server["image"]["id"] == IMAGE_ID
    assert [v["id"] for v in server["os-extended-volumes:volumes_attached"]] == [root]
    assert compute.host.driver.guests_by_id[server["id"]].root == "volume"
    listed = compute.client.get("/v2.1/servers", query_string={"image": IMAGE_ID}).json["servers"]
    assert [s["id"] for s in listed] == [server["id"]]
    without = compute.show(boot_from(compute, volume.add(bootable="true"), "2.79").json["server"]["id"])
    assert without["image"] == ""


def test_a_volume_is_asked_to_be_bootable_only_without_an_image(compute: ComputeFixture, volume: Any) -> None:
    blank = volume.add(bootable="false")
    refused = boot_from(compute, blank, "2.79")
    assert refused.status_code == 400 and f"Block Device {blank} is not bootable." in refused.text
    assert boot_from(compute, blank, "2.79", imageRef=IMAGE_ID).status_code == 202


def test_two_things_to_boot_from_are_refused(compute: ComputeFixture, volume: Any) -> None:
    local = {"source_type": "image", "destination_type": "local", "uuid": IMAGE_ID, "boot_index": 0}
    disk = {"source_type": "volume", "destination_type": "volume", "uuid": volume.add(bootable="true"), "boot_index": 0}
    refused = boot_from(compute, disk["uuid"], "2.79", imageRef=IMAGE_ID, block_device_mapping_v2=[local, disk])
    assert refused.status_code == 400 and "Boot sequence" in refused.text


@pytest.mark.parametrize(
    ("version", "hostname", "status"),
    [
        ("2.89", "web", 400),
        ("2.90", "web", 202),
        ("2.90", "web.example.org", 400),
        ("2.90", "-web", 400),
        ("2.90", "w" * 64, 400),
        ("2.94", "web.example.org", 202),
    ],
)
def test_hostnames_of_users(compute: ComputeFixture, version: str, hostname: str, status: int) -> None:
    body = {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none", "hostname": hostname}
    assert compute.client.post("/v2.1/servers", json={"server": body}, version=version).status_code == status


def test_several_servers_get_no_single_hostname(compute: ComputeFixture) -> None:
    body = {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none", "hostname": "web", "max_count": 2}
    assert compute.client.post("/v2.1/servers", json={"server": body}, version="2.90").status_code == 400


@pytest.mark.parametrize(("name", "hostname"), [("web.example.org", "web-example-org"), ("www.10", "www-10")])
def test_hostnames_from_names(compute: ComputeFixture, name: str, hostname: str) -> None:
    server = compute.server(imageRef=IMAGE_ID, name=name)["id"]
    assert compute.show(server, version="2.90")["OS-EXT-SRV-ATTR:hostname"] == hostname


def test_a_name_without_a_letter_for_a_hostname(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID, name="東京")["id"]
    assert compute.show(server, version="2.90")["OS-EXT-SRV-ATTR:hostname"] == f"Server-{server}"


def test_a_host_is_named_in_one_way(compute: ComputeFixture) -> None:
    body = {
        "name": "x",
        "flavorRef": "1",
        "imageRef": IMAGE_ID,
        "networks": "none",
        "host": "host1",
        "availability_zone": "nova:host1",
    }
    refused = compute.client.post("/v2.1/servers", json={"server": body}, version="2.74", as_=compute.book.admin)
    assert refused.status_code == 400 and "mutually exclusive" in refused.text


def test_a_new_server_answers_with_the_groups_as_asked(compute: ComputeFixture, network: Any) -> None:
    """Later it shows the names of those that its ports have."""
    body = {
        "name": "x",
        "flavorRef": "1",
        "imageRef": IMAGE_ID,
        "security_groups": [{"name": "g-web"}],
        "networks": [{"uuid": network.ID}],
    }
    made = compute.client.post("/v2.1/servers", json={"server": body}, version="2.79").json["server"]
    assert made["security_groups"] == [{"name": "g-web"}]
    compute.drain()
    assert compute.show(made["id"])["security_groups"] == [{"name": "web"}]
    del body["security_groups"]
    made = compute.client.post("/v2.1/servers", json={"server": body}, version="2.79").json["server"]
    assert made["security_groups"] == [{"name": "default"}]
