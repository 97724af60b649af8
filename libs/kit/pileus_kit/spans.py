"""What took the time inside a step: calls to other services, to hosts, and what those did in turn.

A step's runner collects; who does something worth naming says `with span("qemu-img convert")`. A host collects what it
did for a call and sends it along with the answer. Where nobody collects, nothing is kept and it costs next to nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Span = dict[str, Any]
"""{"name", "where", "started_at" (epoch seconds), "seconds", "spans" (inside it)}"""
MOST = 100  # of one step or call; what comes later is left out
LONGEST_NAME = 120

_collected: ContextVar[list[Span] | None] = ContextVar("spans", default=None)


@contextmanager
def collected() -> Iterator[list[Span]]:
    """Everything that is named in this block, by this thread."""
    found: list[Span] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


@contextmanager
def span(name: str, where: str = "") -> Iterator[None]:
    """Name what the block does. Never put what users or secrets say into the name."""
    outside = _collected.get()
    if outside is None or len(outside) >= MOST:
        yield
        return
    inside: list[Span] = []
    token, began, started = _collected.set(inside), time.perf_counter(), time.time()
    try:
        yield
    finally:
        _collected.reset(token)
        outside.append(
            {
                "name": name[:LONGEST_NAME],
                "where": where,
                "started_at": started,
                "seconds": round(time.perf_counter() - began, 6),
                **({"spans": inside} if inside else {}),
            }
        )


def adopt(spans: list[Span]) -> None:
    """Those that came along with a host's answer belong inside the call."""
    here = _collected.get()
    if here is not None:
        here += spans[: MOST - len(here)]
