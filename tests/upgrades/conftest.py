"""A cloud of this release, and the next release beside it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import next_release
import pytest
from cloud_of_a_test import OFFSET, OTHER_OFFSET, OTHER_STATE, ROOT, STATE, pileus
from postgresql_servers import Servers


@pytest.fixture(scope="session")
def newer() -> Iterator[Path]:
    """A checkout of the next release, on the file system of this one, whose libraries it links to."""
    place = ROOT / ".upgrade-test"
    shutil.rmtree(place, ignore_errors=True)
    yield next_release.make(place)
    shutil.rmtree(place)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    found = Servers()
    yield found
    found.close()


@pytest.fixture(scope="session")
def on_postgresql(servers: Servers) -> Iterator[Path]:
    """A cloud whose databases are on a PostgreSQL server."""
    pileus(ROOT, "reset", "--yes", state=OTHER_STATE)
    options = ("--no-demo", "--hypervisor", "fake", "--database", servers.url, "--yes")
    pileus(ROOT, "up", "--offset", str(OTHER_OFFSET), *options, state=OTHER_STATE)
    yield OTHER_STATE
    pileus(ROOT, "reset", "--yes", state=OTHER_STATE)


@pytest.fixture(scope="session")
def state() -> Iterator[Path]:
    pileus(ROOT, "reset", "--yes")
    pileus(ROOT, "up", "--offset", str(OFFSET), "--no-demo", "--hypervisor", "fake", "--yes")
    yield STATE
    pileus(ROOT, "reset", "--yes")
