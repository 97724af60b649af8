"""Taps of guests. The network's agent makes a tap and puts it into its bridge last, when its filters are in place: no
guest starts before that."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pileus_compute.errors import HypervisorFailed, TapMissing
from pileus_kit.spans import span

NET = Path("/sys/class/net")
PATIENCE_S = 30
POLL_S = 0.05


def wired(tap: str) -> bool:
    """Whether the tap is in a bridge."""
    return (NET / tap / "master").exists()


@contextmanager
def needed(taps: list[str]) -> Iterator[None]:
    """Wait for the taps before what needs them. If that fails because a tap has gone meanwhile, raise TapMissing."""
    with span("wait for the network"):
        wait(taps)
    try:
        yield
    except HypervisorFailed as err:
        for tap in taps:
            if not wired(tap):
                raise TapMissing(tap=tap, seconds=0) from err
        raise


def wait(taps: list[str]) -> None:
    """Return when every tap is in a bridge. Raises TapMissing after PATIENCE_S seconds."""
    deadline = time.monotonic() + PATIENCE_S
    for tap in taps:
        while not wired(tap):
            if time.monotonic() >= deadline:
                raise TapMissing(tap=tap, seconds=PATIENCE_S)
            time.sleep(POLL_S)
