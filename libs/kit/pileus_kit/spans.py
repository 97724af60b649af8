"""Where the time of a step goes: calls to other services and to hosts, and what those did in turn.

The executor of a step collects its spans; code that takes time wraps itself in `with span("qemu-img convert")`. A host
collects the spans of a call and sends them along with the answer. Outside of a collection a span costs next to nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Span = dict[str, Any]
"""{"name", "where", "started_at" (epoch seconds), "seconds", "spans" (inside it)}"""
MAX_SPANS = 100
"""Spans of one step or call; later ones are left out."""
MAX_NAME_CHARACTERS = 120

_collected: ContextVar[list[Span] | None] = ContextVar("spans", default=None)


@contextmanager
def collected() -> Iterator[list[Span]]:
    """Collect the spans of this thread in the block."""
    found: list[Span] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


@contextmanager
def span(name: str, where: str = "") -> Iterator[None]:
    """Record how long the block takes, under a name that contains neither secrets nor texts of users."""
    outside = _collected.get()
    if outside is None or len(outside) >= MAX_SPANS:
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
                "name": name[:MAX_NAME_CHARACTERS],
                "where": where,
                "started_at": started,
                "seconds": round(time.perf_counter() - began, 6),
                **({"spans": inside} if inside else {}),
            }
        )


def adopt(spans: list[Span]) -> None:
    """Add the spans that came with a host's answer to the call that is being recorded."""
    here = _collected.get()
    if here is not None:
        here += spans[: MAX_SPANS - len(here)]
