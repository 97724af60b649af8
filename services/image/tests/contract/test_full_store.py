"""An image store without room: uploads are refused with 413, keep nothing, and succeed once there is room."""

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_image.testing import OCTETS, ImageFixture, image_service

MIB = 1 << 20
JSON = {"Accept": "application/json"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ImageFixture]:
    with image_service(tmp_path / "image") as fixture:
        yield fixture


@pytest.fixture(params=["partial size=2m", "partial nr_inodes=1", "blobs nr_inodes=1"])
def full(service: ImageFixture, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Mount one of the store's directories on a file system that has no room."""
    name, options = request.param.split()
    place = Path(service.tools.config.state) / "store" / name
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=True)
    yield place
    if place.is_mount():
        subprocess.run(["umount", place], check=True)


def test_a_full_store_is_413_and_the_image_waits(service: ImageFixture, full: Path) -> None:
    image = service.image()
    path = f"/v2/images/{image['id']}"
    refused = service.client.put(f"{path}/file", data=io.BytesIO(bytes(4 * MIB)), headers=OCTETS | JSON)
    assert refused.status_code == 413
    assert refused.content_type.startswith("application/json") and "full" in refused.text
    assert service.client.get(path).json["status"] == "queued"
    assert service.stored() == []
    subprocess.run(["umount", full], check=True)
    again = service.client.put(f"{path}/file", data=io.BytesIO(bytes(4 * MIB)), headers=OCTETS | JSON)
    assert again.status_code == 204


def test_uploads_leave_a_reserve(service: ImageFixture) -> None:
    place = Path(service.tools.config.state) / "store" / "partial"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "none", place], check=True)
    try:
        (place / "others").write_bytes(bytes(39 * MIB))
        image = service.image()
        refused = service.client.put(f"/v2/images/{image['id']}/file", data=io.BytesIO(b"x"), headers=OCTETS)
        assert refused.status_code == 413
    finally:
        subprocess.run(["umount", place], check=True)
