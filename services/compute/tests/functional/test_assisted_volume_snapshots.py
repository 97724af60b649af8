"""Snapshots inside the files of attached volumes, which the volume service asks for."""

import json
from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
PATH = "/v2.1/os-assisted-volume-snapshots"
SNAPSHOT = "99999999-9999-4999-8999-999999999999"


def create(compute: ComputeFixture, volume_id: str, **kwargs: Any) -> Any:
    info = {"snapshot_id": SNAPSHOT, "type": "qcow2", "new_file": "f"}
    body = {"snapshot": {"volume_id": volume_id, "create_info": info}}
    return compute.client.post(PATH, json=body, **{"as_": compute.book.admin} | kwargs)


def delete(compute: ComputeFixture, info: str) -> Any:
    return compute.client.delete(f"{PATH}/{SNAPSHOT}?delete_info={info}", as_=compute.book.admin)


@pytest.fixture
def attached(compute: ComputeFixture, volume: Any) -> str:
    server, volume_id = compute.server(imageRef=IMAGE_ID)["id"], str(volume.add())
    body = {"volumeAttachment": {"volumeId": volume_id}}
    compute.client.post(f"/v2.1/servers/{server}/os-volume_attachments", json=body)
    compute.drain()
    return volume_id


def test_a_snapshot_is_made_and_dropped_where_the_volume_is(compute: ComputeFixture, attached: str) -> None:
    made = create(compute, attached)
    assert made.status_code == 200 and made.json["snapshot"] == {"id": SNAPSHOT, "volumeId": attached}
    assert delete(compute, json.dumps({"volume_id": attached})).status_code == 204


def test_snapshots_are_refused(compute: ComputeFixture, attached: str) -> None:
    assert create(compute, SNAPSHOT).status_code == 404
    assert create(compute, "x").status_code == 400
    assert create(compute, attached, as_=compute.book.member).status_code == 403
    for info in ("", "[]", "{}", "nonsense"):
        assert delete(compute, info).status_code == 400, info
    assert delete(compute, json.dumps({"volume_id": SNAPSHOT})).status_code == 404
