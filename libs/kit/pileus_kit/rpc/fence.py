"""What a host refuses to do for a job: calls of an older attempt, calls after undoing, and calls about something that
was destroyed.

A call that its worker gave up may still wait in a queue; when it arrives at last, it must not make again what is gone.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORGET_S = 3600.0
"""How long a job's newest attempt is remembered after its last call."""
MAX_DESTROYED = 10_000
"""Ids of destroyed things that are remembered; no message is as old as the oldest of them."""
Attempt = tuple[bool, int]
"""Whether it undoes, and its number: the newer one is the greater one."""


class DestroyedIds:
    """Ids of what was destroyed for good, kept in a file across restarts."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        lines = path.read_text().split() if path and path.exists() else []
        self._ids = OrderedDict.fromkeys(lines[-MAX_DESTROYED:])
        if path and len(lines) > MAX_DESTROYED:
            fresh = path.with_suffix(".new")
            fresh.write_text("".join(f"{one}\n" for one in self._ids))
            fresh.replace(path)

    def __contains__(self, one: str) -> bool:
        return one in self._ids

    def add(self, one: str) -> None:
        """Remember that this was destroyed."""
        if one in self._ids:
            return
        self._ids[one] = None
        if len(self._ids) > MAX_DESTROYED:
            self._ids.popitem(last=False)
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(f"{one}\n")


class Fence:
    """Lets the calls about one thing through one at a time, and refuses those that are out of date."""

    def __init__(self, destroyed_file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, tuple[threading.Lock, int]] = {}  # id -> its lock, and how many hold it or wait for it
        self._newest: OrderedDict[str, tuple[Attempt, float]] = OrderedDict()  # job -> its newest attempt, and when
        self._destroyed = DestroyedIds(destroyed_file)

    @contextmanager
    def turn(self, ctxt: dict[str, Any]) -> Iterator[bool]:
        """Wait for the turn of the call with this RPC context. Yields whether it may run, in the block."""
        if "subject" not in ctxt:
            yield True
            return
        thing = ctxt["subject"].partition("/")[0]  # subjects are ID or ID/part
        with self._alone(thing):
            with self._lock:
                may_run = self._is_newest(ctxt) and (bool(ctxt.get("ends")) or thing not in self._destroyed)
            yield may_run
            if may_run and ctxt.get("ends"):
                with self._lock:
                    self._destroyed.add(thing)

    @contextmanager
    def _alone(self, thing: str) -> Iterator[None]:
        with self._lock:
            lock, users = self._turns.get(thing, (threading.Lock(), 0))
            self._turns[thing] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, users = self._turns.pop(thing)
                if users > 1:
                    self._turns[thing] = lock, users - 1

    def _is_newest(self, ctxt: dict[str, Any]) -> bool:
        job, attempt, at = ctxt["job"], (bool(ctxt.get("undoing")), int(ctxt["attempt"])), time.monotonic()
        newest = max(self._newest.pop(job, ((False, 0), 0.0))[0], attempt)
        self._newest[job] = newest, at
        while next(iter(self._newest.values()))[1] < at - FORGET_S:  # they are in the order of their last calls
            self._newest.popitem(last=False)
        return attempt >= newest
