"""Images and backups of servers."""

from typing import Any

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_backups_rotate(compute: ComputeFixture, image: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    for name in ("b1", "b2", "b3"):
        compute.act(server, "createBackup", {"name": name, "backup_type": "daily", "rotation": 2})
    assert sorted(i["name"] for i in image.images.values()) == ["b2", "b3", "test"]
