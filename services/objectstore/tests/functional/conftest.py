import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3_clients import S3, s3_store

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


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[S3]:
    """A module may state S3_OPTIONS, the proxy's, and BUCKETS, the names of those that are there."""
    with s3_store(tmp_path_factory.mktemp("s3"), **getattr(request.module, "S3_OPTIONS", {})) as made:
        for name in getattr(request.module, "BUCKETS", ()):
            made.client().create_bucket(Bucket=name)
        yield made


@pytest.fixture
def bucket(s3: S3, request: pytest.FixtureRequest) -> str:
    """A bucket of the test's name."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower())[:60].strip("-")
    s3.client().create_bucket(Bucket=name)
    return name
