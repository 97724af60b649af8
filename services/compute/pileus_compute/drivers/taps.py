"""The network's agent makes a tap and puts it into a bridge last, when its filters stand: a guest waits for that."""

import time
from pathlib import Path

from pileus_compute.rpc import TapMissing

NET = Path("/sys/class/net")
PATIENCE_S = 30
POLL_S = 0.05


def wired(tap: str) -> bool:
    return (NET / tap / "master").exists()


def wait(taps: list[str]) -> None:
    """Return when every tap is in a bridge. Raises TapMissing after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    for tap in taps:
        while not wired(tap):
            if time.monotonic() >= deadline:
                raise TapMissing(tap=tap, seconds=PATIENCE_S)
            time.sleep(POLL_S)
