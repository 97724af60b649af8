"""Actions that a server's state, its lock, its project or the microversion doesn't allow."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def server(compute: ComputeFixture) -> str:
    return str(compute.server(imageRef=IMAGE_ID)["id"])


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("os-start", None),
        ("unpause", None),
        ("resume", None),
        ("unrescue", None),
        ("confirmResize", None),
        ("revertResize", None),
        ("unshelve", None),
        ("restore", None),
    ],
)
def test_what_an_active_server_can_not_do(compute: ComputeFixture, server: str, action: str, value: Any) -> None:
    refused = compute.act(server, action, value, status=409, as_=compute.book.admin)
    assert "while it is in vm_state active" in refused.json["conflictingRequest"]["message"]
    assert compute.show(server)["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("os-stop", None),
        ("pause", None),
        ("suspend", None),
        ("reboot", {"type": "SOFT"}),
        ("changePassword", {"adminPass": "p"}),
        ("trigger_crash_dump", None),
        ("os-migrateLive", {"host": None, "block_migration": "auto"}),
    ],
)
def test_what_a_stopped_server_can_not_do(compute: ComputeFixture, server: str, action: str, value: Any) -> None:
    compute.act(server, "os-stop")
    refused = compute.act(server, action, value, status=409, as_=compute.book.admin)
    assert "while it is in vm_state stopped" in refused.text


def test_running_servers_do_not_move_between_hosts(compute: ComputeFixture, server: str) -> None:
    admin = compute.book.admin
    assert compute.act(server, "os-migrateLive", {"host": "mars"}, status=400, as_=admin).json["badRequest"]
    compute.act(server, "os-migrateLive", {"host": "host1"}, status=501, as_=admin)
    compute.act(server, "os-migrateLive", {}, status=403)


def test_a_server_that_is_worked_on(compute: ComputeFixture, server: str) -> None:
    path = f"/v2.1/servers/{server}/action"
    assert compute.client.post(path, json={"os-stop": None}).status_code == 202
    refused = compute.client.post(path, json={"os-start": None})
    assert refused.status_code == 409 and "task_state powering-off" in refused.text
    assert compute.client.delete(f"/v2.1/servers/{server}").status_code == 204
    refused = compute.client.post(path, json={"os-start": None})
    assert refused.status_code == 409 and "task_state deleting" in refused.text


def test_bodies_are_refused(compute: ComputeFixture, server: str) -> None:
    for body in ({}, {"os-stop": None, "os-start": None}, [], "os-stop", {"fly": None}):
        answer = compute.client.post(f"/v2.1/servers/{server}/action", json=body)
        assert answer.status_code == 400, body
    compute.act(server, "reboot", {"type": "GENTLE"}, status=400)
    compute.act(server, "reboot", {}, status=400)
    compute.act(server, "os-stop", None, as_=compute.book.other, status=404)
    compute.act(server, "os-stop", None, as_=compute.book.reader, status=403)


def test_what_an_administrator_locked(compute: ComputeFixture, server: str) -> None:
    compute.act(server, "lock", {"locked_reason": "audit"}, as_=compute.book.admin, version="2.73")
    compute.act(server, "unlock", status=409)
    compute.act(server, "os-stop", status=409)
    compute.act(server, "os-stop", as_=compute.book.admin)
    compute.act(server, "unlock", as_=compute.book.admin)
    compute.act(server, "lock", {"locked_reason": ""}, version="2.73", status=400)


def test_rebuilds_are_refused(compute: ComputeFixture, server: str, image: Any) -> None:
    for version, fields, status in (
        ("2.1", {}, 400),
        ("2.18", {"imageRef": IMAGE_ID, "description": "d"}, 400),
        ("2.53", {"imageRef": IMAGE_ID, "key_name": None}, 400),
        ("2.54", {"imageRef": IMAGE_ID, "key_name": "none"}, 400),
        ("2.56", {"imageRef": IMAGE_ID, "user_data": None}, 400),
        ("2.57", {"imageRef": IMAGE_ID, "personality": []}, 400),
        ("2.63", {"imageRef": IMAGE_ID, "trusted_image_certificates": ["c"]}, 400),
        ("2.89", {"imageRef": IMAGE_ID, "hostname": "h"}, 400),
        ("2.90", {"imageRef": "99999999-9999-4999-8999-999999999999"}, 400),
    ):
        answer = compute.act(server, "rebuild", fields, version=version, status=status)
        assert answer.json["badRequest"]["message"], (version, fields)
    big = image.add("55555555-5555-4555-8555-555555555555", min_disk=9)
    compute.act(server, "rebuild", {"imageRef": big}, status=400)
    odd = image.add("66666666-6666-4666-8666-666666666666", hw_firmware_type="uefi", hw_vif_model="sriov")
    refused = compute.act(server, "rebuild", {"imageRef": odd}, status=400)
    assert "does not give" in refused.text
    compute.act(server, "rebuild", {"imageRef": IMAGE_ID, "key_name": None}, version="2.54")


def test_a_server_on_a_volume_keeps_its_image_until_2_93(compute: ComputeFixture, image: Any, volume: Any) -> None:
    root = volume.add(bootable="true", volume_image_metadata={"image_id": IMAGE_ID})
    disk = {"source_type": "volume", "destination_type": "volume", "uuid": root, "boot_index": 0}
    server = compute.server(block_device_mapping_v2=[disk])["id"]
    other = image.add("55555555-5555-4555-8555-555555555555")
    refused = compute.act(server, "rebuild", {"imageRef": other}, version="2.92", status=400)
    assert "different image" in refused.text
    assert compute.act(server, "rebuild", {"imageRef": IMAGE_ID}, version="2.92").json["server"]["image"] == ""
    compute.act(server, "rescue", {}, version="2.86", status=400)
    compute.act(server, "createBackup", {"name": "b", "backup_type": "d", "rotation": 1}, status=400)


def test_resizes_are_refused(compute: ComputeFixture, server: str) -> None:
    for flavor, fields in (("small", {"disk_gib": 0}), ("big", {"vcpus": 20}), ("vast", {"memory_mib": 10**6})):
        compute.flavor(flavor, **fields)
    for flavor, status, why in (
        ("1", 400, "must change flavor"),
        ("none", 400, "Unable to locate requested flavor"),
        ("small", 400, "Disks do not shrink"),
        ("vast", 403, "Quota exceeded for ram"),
    ):
        refused = compute.act(server, "resize", {"flavorRef": flavor}, status=status)
        assert why in refused.text, refused.text


def test_unshelving_by_version(compute: ComputeFixture, server: str) -> None:
    zone = {"availability_zone": "nova"}
    compute.act(server, "unshelve", zone, version="2.77", status=400)
    compute.act(server, "shelve")
    compute.act(server, "unshelve", {"availability_zone": "mars"}, version="2.77", status=400)
    compute.act(server, "unshelve", {"host": "host1"}, version="2.90", status=400)
    compute.act(server, "unshelve", {"host": "host1"}, version="2.91", status=403)
    compute.act(server, "unshelve", {"host": "mars"}, version="2.91", status=404, as_=compute.book.admin)
    compute.act(server, "unshelve", zone | {"host": "host1"}, version="2.91", as_=compute.book.admin)
    assert compute.show(server)["status"] == "ACTIVE"


def test_images_by_version(compute: ComputeFixture, server: str) -> None:
    made = compute.act(server, "createImage", {"name": "i"}, version="2.44")
    assert made.headers["Location"] and not made.text
    assert compute.act(server, "createImage", {"name": "i"}, version="2.45").json["image_id"]
    compute.act(server, "createImage", {}, status=400)
    limits = {"quota_set": {"metadata_items": 0}}
    compute.client.put("/v2.1/os-quota-sets/p1", json=limits, as_=compute.book.admin)
    compute.act(server, "createImage", {"name": "i", "metadata": {"a": "b"}}, status=403)


def test_security_groups_are_refused(compute: ComputeFixture, server: str) -> None:
    bare = compute.act(server, "addSecurityGroup", {"name": "web"}, status=400)
    assert "has no ports" in bare.text
    compute.act(server, "addSecurityGroup", {"name": "none"}, status=404)


def test_floating_ips_until_2_43(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": network.ID}])["id"]
    bare = compute.server(imageRef=IMAGE_ID)["id"]
    address = {"address": "192.0.2.9"}
    compute.act(server, "addFloatingIp", address, version="2.43", status=404)
    network.floating("192.0.2.9")
    compute.act(server, "addFloatingIp", address, version="2.44", status=400)
    compute.act(bare, "addFloatingIp", address, version="2.43", status=400)
    compute.act(server, "addFloatingIp", address | {"fixed_address": "10.9.9.9"}, version="2.43", status=400)
    compute.act(server, "addFloatingIp", address, version="2.43")
    compute.act(bare, "removeFloatingIp", address, version="2.43", status=409)
    compute.act(server, "removeFloatingIp", address, version="2.43")
