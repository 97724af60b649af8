from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_image.testing import ImageFixture, image_service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ImageFixture]:
    with image_service(tmp_path) as fixture:
        yield fixture
