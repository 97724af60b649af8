"""`deploy/reset` takes away what its own cloud made, and nothing else."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import deploy

from pileus_deploy import plan_files
from pileus_deploy.plan import Plan


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[Plan]:
    """A cloud of the same offset as the one that is reset: its bridge has the name that the other's would have."""
    plan = Plan(tmp_path / "neighbour", offset=1295)
    subprocess.run(["ip", "link", "add", plan.public_bridge, "type", "bridge"], check=True)
    yield plan
    subprocess.run(["ip", "link", "delete", plan.public_bridge], check=False, capture_output=True)


def there(bridge: str) -> bool:
    return Path(f"/sys/class/net/{bridge}").exists()


def test_where_no_cloud_is_nothing_is_touched(neighbour: Plan, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    for command in ("reset", "down"):
        assert "There is no cloud" in deploy(command, state=tmp_path / "mine")
    assert (tmp_path / "mine" / "file").exists(), "it is no state of ours"


def test_a_start_that_was_refused_is_forgotten(neighbour: Plan, tmp_path: Path) -> None:
    """`up` wrote its plan, then found the neighbour's ports taken."""
    refused = Plan(tmp_path / "refused", offset=neighbour.offset)
    plan_files.save(refused)
    (refused.state / "cache").mkdir()
    (refused.state / "cache" / "pileus-test.qcow2").touch()
    deploy("reset", state=refused.state)
    assert there(neighbour.public_bridge) and not refused.state.exists()
    (refused.state / "etc").mkdir(parents=True)
    plan_files.save(refused)
    deploy("reset", state=refused.state)
    assert not there(neighbour.public_bridge), "what got further takes away what it may have made"
