"""Volumes of servers: attached, listed, changed, detached."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NOWHERE = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
def path(compute: ComputeFixture) -> str:
    return f"/v2.1/servers/{compute.server(imageRef=IMAGE_ID)['id']}/os-volume_attachments"


def attach(compute: ComputeFixture, path: str, volume_id: str, version: str = "2.1", **fields: Any) -> Any:
    body = {"volumeAttachment": {"volumeId": volume_id} | fields}
    answer = compute.client.post(path, json=body, version=version)
    compute.drain()
    return answer


@pytest.mark.parametrize(
    ("version", "fields", "status"),
    [
        ("2.1", {"device": "/dev/vdx"}, 200),
        ("2.1", {"device": "vdx"}, 400),
        ("2.48", {"tag": "t"}, 400),
        ("2.49", {"tag": "t"}, 200),
        ("2.78", {"delete_on_termination": True}, 400),
        ("2.79", {"delete_on_termination": True}, 200),
    ],
)
def test_what_an_attachment_may_ask_for(
    compute: ComputeFixture, volume: Any, path: str, version: str, fields: dict[str, Any], status: int
) -> None:
    assert attach(compute, path, volume.add(), version, **fields).status_code == status


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("2.1", {"id", "volumeId", "serverId", "device"}),
        ("2.70", {"id", "volumeId", "serverId", "device", "tag"}),
        ("2.79", {"id", "volumeId", "serverId", "device", "tag", "delete_on_termination"}),
        (
            "2.89",
            {"volumeId", "serverId", "device", "tag", "delete_on_termination", "attachment_id", "bdm_uuid"},
        ),
    ],
)
def test_what_an_attachment_shows(
    compute: ComputeFixture, volume: Any, path: str, version: str, keys: set[str]
) -> None:
    volume_id = volume.add()
    attach(compute, path, volume_id)
    shown = compute.client.get(f"{path}/{volume_id}", version=version).json["volumeAttachment"]
    (listed,) = compute.client.get(path, version=version).json["volumeAttachments"]
    assert shown == listed and shown.keys() == keys and shown["device"] == "/dev/vdb"


def test_pages(compute: ComputeFixture, volume: Any, path: str) -> None:
    ids = [volume.add() for _ in range(3)]
    for volume_id in ids:
        attach(compute, path, volume_id)
    page = compute.client.get(f"{path}?offset=1&limit=1").json["volumeAttachments"]
    assert [a["volumeId"] for a in page] == ids[1:2]
    assert compute.client.get(f"{path}?limit=x").status_code == 400
    assert compute.client.get(f"{path}?colour=red").status_code == 200
    assert compute.client.get(f"{path}?colour=red", version="2.75").status_code == 400


def test_attachments_are_refused(compute: ComputeFixture, volume: Any, path: str) -> None:
    first = volume.add()
    assert attach(compute, path, first, device="/dev/vdd").status_code == 200
    again = attach(compute, path, first)
    assert again.status_code == 400 and "status must be 'available'" in again.text
    assert attach(compute, path, volume.add(), device="/dev/vdd").status_code == 409
    assert attach(compute, path, volume.add(status="error")).status_code == 400
    assert attach(compute, path, NOWHERE).status_code == 404
    assert compute.client.post(path, json={"volumeAttachment": {}}).status_code == 400
    other = {"volumeAttachment": {"volumeId": volume.add()}}
    assert compute.client.post(path, json=other, as_=compute.book.other).status_code == 404
    assert compute.client.post(path, json=other, as_=compute.book.reader).status_code == 403
    compute.act(path.split("/")[3], "lock")
    assert attach(compute, path, volume.add()).status_code == 409
    assert compute.client.delete(f"{path}/{first}").status_code == 409


def test_a_server_in_error_takes_no_volume(compute: ComputeFixture, volume: Any, path: str) -> None:
    compute.act(path.split("/")[3], "os-resetState", {"state": "error"}, as_=compute.book.admin)
    refused = attach(compute, path, volume.add())
    assert refused.status_code == 409 and "vm_state error" in refused.text


def test_a_shared_volume_is_attached_twice_to_other_servers_only(
    compute: ComputeFixture, volume: Any, path: str
) -> None:
    shared = volume.add(multiattach=True)
    assert attach(compute, path, shared, "2.60").status_code == 200
    volume.volumes[shared]["status"] = "in-use"
    again = attach(compute, path, shared, "2.60")
    assert again.status_code == 400 and "already attached to this server" in again.text


def test_updates(compute: ComputeFixture, volume: Any, path: str) -> None:
    first = volume.add()
    attach(compute, path, first)

    def update(version: str, volume_id: str = first, **fields: Any) -> Any:
        body = {"volumeAttachment": {"volumeId": first} | fields}
        return compute.client.put(f"{path}/{volume_id}", json=body, version=version, as_=compute.book.admin)

    assert update("2.84").status_code == 400
    assert update("2.84", delete_on_termination=True).status_code == 400
    assert update("2.85", delete_on_termination=True).status_code == 202
    shown = compute.client.get(f"{path}/{first}", version="2.85").json["volumeAttachment"]
    assert shown["delete_on_termination"] is True
    assert update("2.85", device="/dev/vdz").status_code == 400
    assert update("2.85", tag="t").status_code == 400
    assert update("2.85", volumeId=NOWHERE).status_code == 403
    assert update("2.85", volume_id=NOWHERE).status_code == 404


def test_detaching_is_refused(compute: ComputeFixture, volume: Any, path: str) -> None:
    first = volume.add()
    assert compute.client.delete(f"{path}/{first}").status_code == 404
    body = {"volumeAttachment": {"volumeId": first}}
    assert compute.client.post(path, json=body).status_code == 200
    busy = compute.client.delete(f"{path}/{first}")
    assert busy.status_code == 409 and "is being attached or detached" in busy.text
    compute.drain()
    assert compute.client.delete(f"{path}/{first}").status_code == 202
    compute.drain()
    assert compute.client.get(path).json == {"volumeAttachments": []} and not volume.attachments


def test_the_root_volume_stays(compute: ComputeFixture, volume: Any) -> None:
    root = volume.add(bootable="true")
    disk = {"source_type": "volume", "destination_type": "volume", "uuid": root, "boot_index": 0}
    server = compute.server(block_device_mapping_v2=[disk])["id"]
    refused = compute.client.delete(f"/v2.1/servers/{server}/os-volume_attachments/{root}")
    assert refused.status_code == 403 and "root device" in refused.text
