from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_objectstore.testing import ObjectStoreFixture, UnpackedObjectStoreFixture


@pytest.fixture
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ObjectStoreFixture]:
    """A module that looks at small objects' files says `UNPACKED = True`."""
    unpacked = getattr(request.module, "UNPACKED", False)
    fixture = UnpackedObjectStoreFixture(tmp_path) if unpacked else ObjectStoreFixture(tmp_path)
    yield fixture
    fixture.close()


@pytest.fixture
def container(store: ObjectStoreFixture) -> str:
    path = f"{store.account}/c"
    assert store.client.put(path).status_code == 201
    return path
