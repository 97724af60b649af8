"""A cloud that is upgraded by tests, and the command of a checkout that does it."""

import json
import os
from pathlib import Path

from shown_commands import run_shown

ROOT = Path(__file__).resolve().parents[2]
STATE = Path("/var/tmp/pileus-upgrades")
OFFSET = 450
OTHER_STATE = Path("/var/tmp/pileus-upgrades-postgresql")
OTHER_OFFSET = 460


def pileus(checkout: Path, *words: str, state: Path = STATE) -> str:
    """Run a checkout's own command."""
    code, said = run_shown(
        [checkout / ".venv" / "bin" / "pileus", "cloud", *words, "--state", str(state)],
        {name: value for name, value in os.environ.items() if name != "PILEUS_STATE"},
    )
    assert code == 0, f"{words}: {_last_lines(state)}"
    return said


def running_version(state: Path) -> str:
    """Return the version of the release that runs."""
    return str(json.loads((state / "run" / "supervisor.json").read_text())["release"]["version"])


def _last_lines(state: Path) -> str:
    log = state / "logs" / "supervisor.log"
    return "\n".join(log.read_text().splitlines()[-40:]) if log.exists() else ""
