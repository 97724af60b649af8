"""What the fake backend uploads is taken by the image service's inspector, which sees more than a header."""

import uuid

import pytest

from pileus_kit import formats
from pileus_volume.drivers.fake import FakeBackend
from pileus_volume.rpc import Disk


@pytest.mark.parametrize("disk_format", ["raw", "qcow2"])
def test_an_upload_has_the_format_that_was_asked_for(disk_format: str) -> None:
    backend, volume = FakeBackend(), str(uuid.uuid4())
    backend.create(Disk(volume, 3))
    with backend.open_content(volume, None, disk_format) as path, path.open("rb") as file:
        found = formats.inspect(file)
    assert (found.format, found.unsafe) == (disk_format, "")
