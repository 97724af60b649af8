"""A whole cloud for the tests: one that runs already ($PILEUS_STATE), or one of their own that is gone afterwards."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import Cloud
from shown_commands import run_shown

TOP = Path(__file__).resolve().parents[2]
OFFSET = 300  # beside a developer's own cloud
STATE = Path("/var/tmp/pileus-integration")


def deploy(command: str, *arguments: str, state: Path = STATE) -> str:
    code, said = run_shown([TOP / "deploy" / command, "--state", str(state), *arguments])
    assert code == 0, f"deploy/{command} failed"
    return said


@pytest.fixture(scope="session")
def state() -> Iterator[Path]:
    """The state directory of a running cloud."""
    given = os.environ.get("PILEUS_STATE")
    if given:
        yield Path(given)
        return
    deploy("reset")
    deploy("up", "--offset", str(OFFSET))  # ends with a login to its first server
    yield STATE
    deploy("reset")


@pytest.fixture(scope="session")
def cloud(state: Path) -> Cloud:
    """The cloud as its demo user sees it, through unmodified clients."""
    return Cloud(state, "pileus")


@pytest.fixture(scope="session")
def admin(state: Path) -> Cloud:
    return Cloud(state, "pileus-admin")
