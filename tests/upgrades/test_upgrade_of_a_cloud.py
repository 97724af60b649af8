"""A running cloud is upgraded to the next release, goes back, and is upgraded again, under a steady load of calls."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import next_release
import pytest
from steady_load import Account, Load

ROOT = Path(__file__).resolve().parents[2]
STATE = Path("/var/tmp/pileus-upgrades")
OFFSET = 450


def pileus(checkout: Path, *words: str, state: Path = STATE) -> str:
    """Run a checkout's own command."""
    done = subprocess.run(
        [checkout / ".venv" / "bin" / "pileus", "cloud", *words, "--state", str(state)],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PILEUS_STATE"},
    )
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}\n{_last_lines(state)}"
    return done.stdout + done.stderr


def _last_lines(state: Path) -> str:
    log = state / "logs" / "supervisor.log"
    return "\n".join(log.read_text().splitlines()[-40:]) if log.exists() else ""


@pytest.fixture(scope="module")
def newer() -> Iterator[Path]:
    """A checkout of the next release, beside nothing: on the file system of this one, whose libraries it links to."""
    place = ROOT / ".upgrade-test"
    shutil.rmtree(place, ignore_errors=True)
    yield next_release.make(place)
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    pileus(ROOT, "reset", "--yes")
    pileus(ROOT, "up", "--offset", str(OFFSET), "--no-demo", "--hypervisor", "fake", "--yes")
    yield STATE
    pileus(ROOT, "reset", "--yes")


@pytest.fixture(scope="module")
def load(state: Path) -> Load:
    account = Account(state)
    flavors = account.call("GET", "compute", "/flavors").json()["flavors"]
    images = account.call("GET", "image", "/v2/images").json()["images"]
    networks = account.call("GET", "network", "/v2.0/networks?name=private").json()["networks"]
    flavor = next(one["id"] for one in flavors if one["name"] == "m1.nano")
    return Load(state, images[0]["id"], flavor, networks[0]["id"])


def test_upgrade_undo_and_upgrade_again(newer: Path, state: Path, load: Load) -> None:
    with load:
        assert f"runs {next_release.next_version()}" in pileus(newer, "upgrade")
        assert "runs 0." in pileus(newer, "upgrade", "--undo")
        pileus(newer, "upgrade")
    print(dict(load.answers))
    assert not load.failures, "\n".join(load.failures[:20])
    assert not load.lost()
    assert all(load.answers[name] >= 3 for name in load.answers), load.answers
