"""devices[] of meta_data.json: where the guest finds what its user tagged, as its hypervisor says."""

import hashlib
import hmac
from typing import Any

from pileus_compute.api.metadata_service import host_secret
from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


def devices(compute: ComputeFixture, server: str, version: str = "latest") -> list[dict[str, Any]]:
    signature = hmac.new(host_secret("for tests", "host1").encode(), server.encode(), hashlib.sha256).hexdigest()
    answer = compute.client.get(
        f"/metadata/openstack/{version}/meta_data.json",
        anonymous=True,
        headers={"X-Instance-ID": server, "X-Instance-ID-Signature": signature, "X-Metadata-Host": "host1"},
    )
    return list(answer.json["devices"])


def test_tagged_devices_from_the_start_and_later(compute: ComputeFixture, volume: Any) -> None:
    disk = {
        "source_type": "volume",
        "destination_type": "volume",
        "uuid": volume.add(),
        "boot_index": None,
        "tag": "data",
    }
    server = compute.server(
        imageRef=IMAGE_ID,
        networks=[{"uuid": NETWORK_ID, "tag": "front"}],
        block_device_mapping_v2=[
            {"source_type": "image", "destination_type": "local", "uuid": IMAGE_ID, "boot_index": 0},
            disk,
        ],
    )["id"]
    nic, first = devices(compute, server)
    assert (nic["type"], nic["bus"], nic["address"], nic["tags"]) == ("nic", "pci", "0000:00:03.0", ["front"])
    assert nic["vf_trusted"] is False and set(nic) == {"type", "bus", "address", "mac", "tags", "vf_trusted"}
    assert (first["type"], first["bus"], first["address"]) == ("disk", "pci", "0000:00:04.0")
    assert first["serial"] == disk["uuid"] and set(first) == {"type", "bus", "address", "serial", "path", "tags"}
    assert "vf_trusted" not in devices(compute, server, "2017-02-22")[0]

    late = volume.add()
    path = f"/v2.1/servers/{server}"
    asked = compute.client.post(
        f"{path}/os-volume_attachments", version="2.49", json={"volumeAttachment": {"volumeId": late, "tag": "late"}}
    )
    assert asked.status_code == 200, asked.text
    compute.drain()
    with compute.working():
        made = compute.client.post(
            f"{path}/os-interface", version="2.49", json={"interfaceAttachment": {"net_id": NETWORK_ID, "tag": "back"}}
        )
    assert made.status_code == 200, made.text
    shown = {tag: device["address"] for device in devices(compute, server) for tag in device["tags"]}
    assert shown.keys() == {"front", "back", "data", "late"} and "none" not in shown.values()
    compute.act(server, "reboot", {"type": "HARD"})
    shown = {tag: device["address"] for device in devices(compute, server) for tag in device["tags"]}
    assert len(set(shown.values())) == 4, "each is somewhere else"


def test_what_is_nowhere_yet_says_so(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID, "tag": "front"}], drain=False)["id"]
    compute.host.driver.fail("boot", lambda: compute.host.driver.calls.append(("told", str(devices(compute, server)))))
    compute.drain()
    told = next(text for name, text in compute.host.driver.calls if name == "told")
    assert "'bus': 'none'" in told and "'address': 'none'" in told
