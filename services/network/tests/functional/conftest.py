"""One network service per test, with a host that wires what it is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_network.testing import NetworkFixture


@pytest.fixture
def network(tmp_path: Path) -> Iterator[NetworkFixture]:
    with NetworkFixture(tmp_path) as fixture:
        yield fixture
