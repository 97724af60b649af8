"""A cloud with a virtual address: three control machines, one that only computes, and PostgreSQL on a fifth."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from control_cloud import ControlCloud

FOLDER = Path("/var/tmp/pileus-control")


@pytest.fixture(scope="session")
def cloud() -> Iterator[ControlCloud]:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(mode=0o755)
    made = ControlCloud(FOLDER)
    try:
        made.begin()
        yield made
    finally:
        made.close()
        shutil.rmtree(FOLDER)
