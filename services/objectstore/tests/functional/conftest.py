from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_objectstore.testing import ObjectStoreFixture


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    fixture = ObjectStoreFixture(tmp_path)
    yield fixture
    fixture.close()


@pytest.fixture
def container(store: ObjectStoreFixture) -> str:
    path = f"{store.account}/c"
    assert store.client.put(path).status_code == 201
    return path
