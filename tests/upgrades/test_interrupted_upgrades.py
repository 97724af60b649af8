"""An upgrade that is killed, at whatever step, leaves a cloud that works; repeated, it goes on; a broken release goes
back by itself. Beside the gate: `tox -e upgrades -- tests/upgrades/test_interrupted_upgrades.py`."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cloud_of_a_test import ROOT, pileus, running_version
from next_release import expand, next_version
from steady_load import Account

KILL_S = 600
pytestmark = pytest.mark.timeout(1800)  # of some seconds each; a machine may be many times as slow


def kill_when(checkout: Path, state: Path, is_time: Callable[[], bool], *words: str) -> None:
    """Run `cloud upgrade` and kill it at the first moment at which the condition holds."""
    environment = {name: value for name, value in os.environ.items() if name != "PILEUS_STATE"}
    command = [checkout / ".venv" / "bin" / "pileus", "cloud", "upgrade", *words, "--state", str(state)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        deadline = time.monotonic() + KILL_S
        while process.poll() is None and not is_time() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        said, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, f"it ended before: {said.decode()}"


def is_at(state: Path, stage: str) -> bool:
    return bool(_read(state / "upgrade.json").get("stage") == stage)


def is_half_replaced(state: Path, checkout: Path) -> bool:
    """Whether the checkout's supervisor has replaced some processes, and others not yet."""
    found = _read(state / "run" / "supervisor.json")
    if found.get("release", {}).get("checkout") != str(checkout):
        return False
    replaced = sum(about["checkout"] == str(checkout) for about in found["processes"].values())
    return len(found["processes"]) / 2 < replaced < len(found["processes"])


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found


def test_killed_at_each_stage_and_repeated(newer: Path, state: Path) -> None:
    for stage in ("saving", "expanding", "replacing"):
        kill_when(newer, state, partial(is_at, state, stage))
        Account(state).call("GET", "compute", "/servers")
    pileus(newer, "upgrade")
    assert running_version(state) == next_version()
    kill_when(newer, state, partial(is_at, state, "going back"), "--undo")
    Account(state).call("GET", "compute", "/servers")
    pileus(newer, "upgrade", "--undo")
    assert running_version(state) != next_version()


def test_killed_between_processes_and_undone(newer: Path, state: Path) -> None:
    kill_when(newer, state, partial(is_half_replaced, state, newer))
    pileus(newer, "upgrade", "--undo")
    assert running_version(state) != next_version()
    Account(state).call("GET", "compute", "/servers")


def test_the_former_release_starts_on_expanded_databases(newer: Path, state: Path) -> None:
    pileus(newer, "upgrade")
    pileus(newer, "upgrade", "--undo")
    pileus(ROOT, "down")
    pileus(ROOT, "up", "--no-demo")
    Account(state).call("GET", "compute", "/servers")


def test_a_release_that_cannot_run_goes_back_by_itself(newer: Path, state: Path) -> None:
    """Its network worker ends as soon as it is started."""
    file = newer / "services" / "network" / "pileus_network" / "worker.py"
    good = file.read_text()
    file.write_text(
        good.replace("def main(", "def _main(")
        + "\n\ndef main(argv: object = None) -> None:\n    raise SystemExit(9)\n"
    )
    try:
        with pytest.raises(AssertionError, match="network-worker can't be kept running"):
            pileus(newer, "upgrade")
    finally:
        file.write_text(good)
    assert running_version(state) != next_version()
    Account(state).call("GET", "network", "/v2.0/networks")


def test_a_migration_that_takes_away_is_refused(newer: Path, state: Path) -> None:
    """It comes behind those that the databases may have got from an upgrade before."""
    file = expand(newer, "volume", "volumes")
    header = file.read_text().partition("def upgrade")[0]
    file.write_text(f'{header}def upgrade() -> None:\n    op.drop_column("volumes", "name")\n')
    try:
        with pytest.raises(AssertionError, match=r"volumes\.name is gone"):
            pileus(newer, "upgrade")
    finally:
        file.unlink()
    assert running_version(state) != next_version()
