"""A cloud of this release, and the next release beside it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import next_release
import pytest
from cloud_of_a_test import OFFSET, ROOT, STATE, pileus


@pytest.fixture(scope="session")
def newer() -> Iterator[Path]:
    """A checkout of the next release, on the file system of this one, whose libraries it links to."""
    place = ROOT / ".upgrade-test"
    shutil.rmtree(place, ignore_errors=True)
    yield next_release.make(place)
    shutil.rmtree(place)


@pytest.fixture(scope="session")
def state() -> Iterator[Path]:
    pileus(ROOT, "reset", "--yes")
    pileus(ROOT, "up", "--offset", str(OFFSET), "--no-demo", "--hypervisor", "fake", "--yes")
    yield STATE
    pileus(ROOT, "reset", "--yes")
