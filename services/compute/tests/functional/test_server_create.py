"""What `POST /servers` accepts and refuses."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flavorRef": "nope"}, "Flavor nope could not be found"),
        ({"imageRef": "99999999-9999-4999-8999-999999999999"}, "could not be found"),
        ({"key_name": "nope"}, "Invalid key_name provided"),
        ({"networks": [{"uuid": "99999999-9999-4999-8999-999999999999"}]}, "Network 99999999"),
        ({"networks": [{"port": "99999999-9999-4999-8999-999999999999"}]}, "Port id 99999999"),
        ({"colour": "red"}, "Additional properties are not allowed"),
        ({"name": ""}, "name"),
        ({"user_data": "not base64!"}, "user_data"),
        ({"min_count": 3, "max_count": 2}, "min_count must be <= max_count"),
        ({"imageRef": ""}, "Block Device Mapping is Invalid"),
        ({"availability_zone": "mars"}, "The requested availability zone is not available"),
        ({"security_groups": [{"name": "nope"}], "networks": "auto"}, "Security group nope not found"),
        ({"metadata": {"k": 1}}, "metadata"),
    ],
)
def test_bad_servers_are_refused(compute: ComputeFixture, network: Any, change: dict[str, Any], message: str) -> None:
    body = {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"} | change
    answer = compute.client.post("/v2.1/servers", json={"server": body}, version="2.79")
    assert answer.status_code == 400, answer.text
    assert answer.json["badRequest"]["code"] == 400 and message in answer.json["badRequest"]["message"]
    assert not compute.rung and not network.ports
    assert compute.client.get("/v2.1/servers").json == {"servers": []}


def test_small_flavors_are_refused(compute: ComputeFixture, image: Any) -> None:
    image.add("55555555-5555-4555-8555-555555555555", min_ram=1024)
    body = {"name": "x", "flavorRef": "1", "imageRef": "55555555-5555-4555-8555-555555555555"}
    answer = compute.client.post("/v2.1/servers", json={"server": body})
    assert answer.status_code == 400 and "memory is too small" in answer.text


def test_several_at_once(compute: ComputeFixture) -> None:
    body = {
        "name": "x",
        "flavorRef": "1",
        "imageRef": IMAGE_ID,
        "networks": "none",
        "min_count": 2,
        "max_count": 3,
        "return_reservation_id": True,
    }
    made = compute.client.post("/v2.1/servers", json={"server": body}, version="2.79")
    assert made.status_code == 202 and made.json["reservation_id"].startswith("r-")
    compute.drain()
    listed = compute.client.get("/v2.1/servers/detail?sort_key=display_name&sort_dir=asc").json["servers"]
    assert [(s["name"], s["status"]) for s in listed] == [(f"x-{i}", "ACTIVE") for i in (1, 2, 3)]
    first = compute.client.get("/v2.1/servers?limit=2&sort_key=display_name&sort_dir=asc").json
    assert len(first["servers"]) == 2 and first["servers_links"][0]["rel"] == "next"
    path = first["servers_links"][0]["href"].partition("localhost")[2]
    assert [s["name"] for s in compute.client.get(path).json["servers"]] == ["x-3"]


def test_a_new_server_shows_the_groups_that_its_ports_will_have(compute: ComputeFixture, network: Any) -> None:
    network.add("11111111-2222-4333-8444-555555555555", "open", port_security_enabled=False)
    open_one, guarded = {"uuid": "11111111-2222-4333-8444-555555555555"}, {"uuid": network.ID}
    port = {"port": network.port(security_groups=["g-web"])["id"]}

    def shown(networks: Any, **wish: Any) -> list[str]:
        server = compute.show(compute.server(imageRef=IMAGE_ID, networks=networks, **wish)["id"])
        return [group["name"] for group in server.get("security_groups", ())]

    assert shown([open_one]) == shown("none") == shown([open_one], security_groups=[{"name": "default"}]) == []
    assert shown([guarded, open_one]) == ["default"] and shown([guarded], security_groups=[{"name": "web"}]) == ["web"]
    assert shown([port, guarded]) == ["default", "web"]
    alone = {"port": network.port(security_groups=["g-web"])["id"]}
    assert shown([alone], security_groups=[{"name": "default"}]) == ["web"]
    refused = compute.client.post(
        "/v2.1/servers",
        json={
            "server": {
                "name": "s",
                "flavorRef": "1",
                "imageRef": IMAGE_ID,
                "networks": [open_one],
                "security_groups": [{"name": "web"}],
            }
        },
    )
    assert refused.status_code == 400 and "port_security_enabled" in refused.text


def post(compute: ComputeFixture, version: str, **fields: Any) -> Any:
    body = {"name": "s", "flavorRef": "1", "imageRef": IMAGE_ID} | fields
    if version >= "2.37" and len(version) == 4:
        body.setdefault("networks", "none")
    return compute.client.post("/v2.1/servers", json={"server": body}, version=version)


@pytest.mark.parametrize(
    ("version", "fields", "status"),
    [
        ("2.18", {"description": "d"}, 400),
        ("2.19", {"description": "d"}, 202),
        ("2.36", {"networks": "auto"}, 400),
        ("2.37", {"networks": "none"}, 202),
        ("2.41", {"networks": [{"uuid": NETWORK_ID, "tag": "t"}]}, 400),
        ("2.42", {"networks": [{"uuid": NETWORK_ID, "tag": "t"}]}, 202),
        ("2.51", {"tags": ["t"]}, 400),
        ("2.52", {"tags": ["t"]}, 202),
        ("2.56", {"personality": []}, 202),
        ("2.57", {"personality": []}, 400),
        ("2.62", {"trusted_image_certificates": ["c"]}, 400),
        ("2.63", {"trusted_image_certificates": ["c"]}, 400),
        ("2.73", {"host": "host1"}, 400),
        ("2.74", {"host": "host1"}, 403),
        ("2.89", {"hostname": "h"}, 400),
        ("2.90", {"hostname": "host-1"}, 202),
        ("2.93", {"hostname": "host.example.org"}, 400),
        ("2.94", {"hostname": "host.example.org"}, 202),
    ],
)
def test_what_a_server_may_ask_for(compute: ComputeFixture, version: str, fields: dict[str, Any], status: int) -> None:
    answer = post(compute, version, **fields)
    assert answer.status_code == status, answer.text


BLANK = {"source_type": "blank", "volume_size": 1, "destination_type": "volume"}


def disk(**fields: Any) -> dict[str, Any]:
    return {"block_device_mapping_v2": [{"boot_index": 0, "destination_type": "volume"} | fields]}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (disk(uuid=NETWORK_ID), "source_type is missing"),
        (disk(source_type="volume"), "Missing device UUID"),
        (disk(source_type="volume", uuid="x"), "failed to get volume x"),
        (disk(source_type="snapshot", uuid=NETWORK_ID), "failed to get snapshot"),
        (disk(source_type="image", uuid=IMAGE_ID), "Volume size is missing"),
        (disk(source_type="blank"), "Volume size is missing"),
        (disk(source_type="volume", uuid=NETWORK_ID, destination_type="local"), "Mapping volume to local"),
        (disk(source_type="image", uuid=IMAGE_ID, destination_type="local", boot_index=1), "Mapping image to local"),
        (disk(source_type="blank", destination_type="local", volume_size=9), "larger than the flavor's"),
        (disk(source_type="blank", volume_size=1, device_name="/dev/" + "x" * 70), "at most 64 characters"),
        (
            disk(source_type="blank", volume_size=1) | {"block_device_mapping": [{"volume_id": NETWORK_ID}]},
            "different block_device_mapping syntaxes",
        ),
        ({"block_device_mapping_v2": [BLANK | {"boot_index": 0}] * 2}, "Boot sequence"),
        ({"block_device_mapping_v2": [BLANK] * 65}, "at most 64 disks"),
        (disk(source_type="image", uuid=NETWORK_ID, volume_size=1), "could not be found"),
    ],
)
def test_block_devices_are_refused(compute: ComputeFixture, fields: dict[str, Any], why: str) -> None:
    answer = post(compute, "2.79", **fields)
    assert answer.status_code == 400 and why in answer.text, answer.text


def test_volumes_and_snapshots_that_can_not_be_used(compute: ComputeFixture, volume: Any) -> None:
    busy, plain = volume.add(status="in-use"), volume.add()
    assert "status must be 'available'" in post(compute, "2.79", **disk(source_type="volume", uuid=busy)).text
    alone = disk(source_type="volume", uuid=plain) | {"imageRef": ""}
    assert "is not bootable" in post(compute, "2.79", **alone).text
    several = post(compute, "2.79", max_count=2, **disk(source_type="volume", uuid=plain))
    assert several.status_code == 400 and "multiple instances" in several.text


@pytest.mark.parametrize(
    ("fields", "status", "why"),
    [
        ({"networks": [{"uuid": NETWORK_ID, "fixed_ip": "10.0.0.9"}], "max_count": 2}, 400, "fixed_ip"),
        ({"networks": [{"tag": "t"}]}, 400, "network uuid is not in proper format"),
        ({"max_count": 1001}, 400, "At most 1000 servers"),
        ({"max_count": 2, "hostname": "h1"}, 400, "single hostname"),
        ({"availability_zone": "nova:host1"}, 403, "forced_host"),
    ],
)
def test_requests_are_refused(compute: ComputeFixture, fields: dict[str, Any], status: int, why: str) -> None:
    answer = post(compute, "2.90", **fields)
    assert answer.status_code == status and why in answer.text, answer.text


def test_ports_are_refused(compute: ComputeFixture, network: Any) -> None:
    port = network.port()["id"]
    twice = post(compute, "2.79", networks=[{"port": port}, {"port": port}])
    assert twice.status_code == 400 and "duplicated" in twice.text
    several = post(compute, "2.79", networks=[{"port": port}], max_count=2)
    assert several.status_code == 400 and "single configured port ID" in several.text
    network.ports[port]["device_id"] = "another server"
    assert post(compute, "2.79", networks=[{"port": port}]).status_code == 409


def test_the_default_network_has_to_be_clear(compute: ComputeFixture, network: Any) -> None:
    assert post(compute, "2.36").status_code == 202
    network.add("44444444-4444-4444-8444-444444444444", "second")
    ambiguous = post(compute, "2.36")
    assert ambiguous.status_code == 409 and "Multiple possible networks" in ambiguous.text
    network.networks[NETWORK_ID]["subnets"] = []
    bare = post(compute, "2.36", networks=[{"uuid": NETWORK_ID}])
    assert bare.status_code == 400 and "requires a subnet" in bare.text


def test_administrators_choose_the_host(compute: ComputeFixture) -> None:
    admin = compute.book.admin
    for fields, version in (({"availability_zone": "nova:host1"}, "2.73"), ({"host": "host1"}, "2.74")):
        shown = compute.show(compute.server(as_=admin, imageRef=IMAGE_ID, version=version, **fields)["id"], as_=admin)
        assert shown["OS-EXT-SRV-ATTR:host"] == "host1"
    body = {"name": "s", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none", "host": "mars"}
    refused = compute.client.post("/v2.1/servers", json={"server": body}, version="2.74", as_=admin)
    assert refused.status_code == 400 and "Compute host mars could not be found" in refused.text


def test_a_flavor_without_a_disk_is_for_administrators(compute: ComputeFixture) -> None:
    compute.flavor("zero", disk_gib=0)
    refused = post(compute, "2.79", flavorRef="zero")
    assert refused.status_code == 403 and "zero_disk_flavor" in refused.text
    assert compute.server(as_=compute.book.admin, imageRef=IMAGE_ID, flavorRef="zero")["status"] == "ACTIVE"


def test_images_that_can_not_be_used(compute: ComputeFixture, image: Any) -> None:
    for facts, why in (
        ({"status": "queued"}, "is not active"),
        ({"min_disk": 5}, "smaller than the minimum size"),
        ({"virtual_size": 5 << 30}, "disk is too small"),
        ({"kernel_id": NETWORK_ID}, "could not be found"),
        ({"hw_disk_bus": "carrier pigeon"}, "Invalid image metadata"),
    ):
        image.add(IMAGE_ID, **facts)
        answer = post(compute, "2.79")
        assert answer.status_code == 400 and why in answer.text, (facts, answer.text)
