"""Says what is being done while it is done: one line a step, with its time."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

REMARK_S = 30.0


@contextmanager
def step(what: str) -> Iterator[Callable[[str], None]]:
    """Print the step when it ends, and on a terminal also while it runs. The yielded function adds a remark."""
    began, remarks = time.monotonic(), []  # type: float, list[str]
    live = sys.stdout.isatty()
    if live:
        print(f"   {what} …", end="", flush=True)
    try:
        yield remarks.append
    except BaseException:
        print(f"{chr(13) if live else ''} ✗ {what} ({time.monotonic() - began:.1f} s)", flush=True)
        raise
    note = f": {', '.join(remarks)}" if remarks else ""
    print(f"{chr(13) if live else ''} ✓ {what}{note} ({time.monotonic() - began:.1f} s)", flush=True)


def wait_for(
    what: str,
    seconds: float,
    ready: Callable[[], bool],
    failed: Callable[[], str | None] = lambda: None,
    every: float = 0.1,
) -> None:
    """Poll until ready. Raises TimeoutError, or RuntimeError as soon as `failed` returns a reason."""

    def missing() -> str:
        return "" if ready() else what

    wait_until_complete(seconds, missing, failed, every)


def wait_until_complete(
    seconds: float, missing: Callable[[], str], failed: Callable[[], str | None] = lambda: None, every: float = 0.1
) -> None:
    """Poll until nothing is missing, and say twice a minute what is. Raises as `wait_for` does."""
    began = time.monotonic()
    deadline, next_remark = began + seconds, began + REMARK_S
    while what := missing():
        reason = failed()
        now = time.monotonic()
        if reason:
            raise RuntimeError(f"{what}: {reason}")
        if now > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        if now > next_remark:
            print(f"\n   waiting for {what} since {now - began:.0f} s", flush=True)
            next_remark = now + REMARK_S
        time.sleep(every)
