"""A database with the tables of a little service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from job_tables import Model

from pileus_kit.db import Sessions
from pileus_kit.testing import fresh_sessions


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    made = fresh_sessions(Model, tmp_path)
    yield made
    made.dispose()
