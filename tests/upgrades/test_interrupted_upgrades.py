"""An upgrade that is killed, at whatever step, leaves a cloud that works; repeated, it goes on; a broken release goes
back by itself. Beside the gate: `tox -e upgrades -- tests/upgrades/test_interrupted_upgrades.py`."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cloud_of_a_test import ROOT, pileus, running_version
from next_release import next_version
from steady_load import Account

STAGES = ("saving", "expanding", "replacing", "done")
KILL_S = 120


def kill_at(checkout: Path, state: Path, stage: str, *words: str) -> None:
    """Run `cloud upgrade` and kill it when its journal says that it is at this stage, unless it ends before."""
    environment = {name: value for name, value in os.environ.items() if name != "PILEUS_STATE"}
    command = [checkout / ".venv" / "bin" / "pileus", "cloud", "upgrade", *words, "--state", str(state)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + KILL_S
        while process.poll() is None and time.monotonic() < deadline:
            if stage_of(state) == stage:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.02)


def stage_of(state: Path) -> str:
    try:
        return str(json.loads((state / "upgrade.json").read_text())["stage"])
    except (OSError, ValueError):
        return ""


@pytest.mark.parametrize("stage", STAGES)
def test_killed_and_repeated(newer: Path, state: Path, stage: str) -> None:
    kill_at(newer, state, stage)
    Account(state).call("GET", "compute", "/servers")
    pileus(newer, "upgrade")
    assert running_version(state) == next_version()
    kill_at(newer, state, "going back", "--undo")
    Account(state).call("GET", "compute", "/servers")
    pileus(newer, "upgrade", "--undo")
    assert running_version(state) != next_version()


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
    versions = newer / "services" / "volume" / "pileus_volume" / "db" / "migrations" / "versions"
    file = max(versions.glob("[0-9]*.py"))
    good = file.read_text()
    file.write_text(
        good.replace("nullable=True", 'nullable=False, server_default="x"') + '    op.drop_column("volumes", "name")\n'
    )
    try:
        with pytest.raises(AssertionError, match=r"volumes\.name is gone"):
            pileus(newer, "upgrade")
    finally:
        file.write_text(good)
    assert running_version(state) != next_version()
