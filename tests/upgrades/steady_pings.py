"""Pings the targets in turn, COUNT times each, until the file STOP is there, and prints what came of each round.

steady_pings.py COUNT STOP TAP MAC ADDRESS TARGET…
"""

import subprocess
import sys
from pathlib import Path

TAP_GUEST = Path(__file__).parents[1] / "machines" / "tap_guest.py"


def keep_pinging(count: str, stop: Path, guest: list[str], targets: list[str]) -> None:
    """Ping until the file is there. `guest`: its tap, MAC and address."""
    while not stop.exists():
        for target in targets:
            subprocess.run([sys.executable, TAP_GUEST, *guest, "--ping", target, count], check=True)


if __name__ == "__main__":
    keep_pinging(sys.argv[1], Path(sys.argv[2]), sys.argv[3:6], sys.argv[6:])
