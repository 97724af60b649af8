"""What a host refuses to do for a job: whatever was overtaken, undone, or is about something that was destroyed."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORGET_S = 3600.0
"""How long a job's newest attempt is remembered after its last call."""
Attempt = tuple[bool, int]
"""Whether it undoes, and its number: what is newer is greater."""
MOST_GONE = 10_000
"""Ids of things destroyed that are remembered; a message is never as old as that."""


class Gone:
    """Ids of what was destroyed for good, kept in a file across restarts."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        lines = path.read_text().split() if path and path.exists() else []
        self._ids = OrderedDict.fromkeys(lines[-MOST_GONE:])
        if path and len(lines) > MOST_GONE:
            fresh = path.with_suffix(".new")
            fresh.write_text("".join(f"{one}\n" for one in self._ids))
            fresh.replace(path)

    def __contains__(self, one: str) -> bool:
        return one in self._ids

    def add(self, one: str) -> None:
        if one in self._ids:
            return
        self._ids[one] = None
        if len(self._ids) > MOST_GONE:
            self._ids.popitem(last=False)
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(f"{one}\n")


class Fence:
    """Serialises the calls about one thing and refuses what was overtaken: an attempt older than one already seen,
    doing after undoing, and anything after the job that ended the thing. A call that its worker gave up may still wait
    in a queue; it must not make anew what is gone."""

    def __init__(self, memory: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, tuple[threading.Lock, int]] = {}  # id -> its lock, and how many hold it or wait for it
        self._newest: OrderedDict[str, tuple[Attempt, float]] = OrderedDict()  # job -> the newest, and when
        self._gone = Gone(memory)

    @contextmanager
    def turn(self, ctxt: dict[str, Any]) -> Iterator[bool]:
        """Whether the call with this baggage may be carried out, in the block."""
        if "subject" not in ctxt:
            yield True
            return
        thing = ctxt["subject"].partition("/")[0]  # subjects are ID or ID/part
        with self._alone(thing):
            with self._lock:
                welcome = self._newer(ctxt) and (bool(ctxt.get("ends")) or thing not in self._gone)
            yield welcome
            if welcome and ctxt.get("ends"):
                with self._lock:
                    self._gone.add(thing)

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

    def _newer(self, ctxt: dict[str, Any]) -> bool:
        job, mine, at = ctxt["job"], (bool(ctxt.get("undoing")), int(ctxt["attempt"])), time.monotonic()
        newest = max(self._newest.pop(job, ((False, 0), 0.0))[0], mine)
        self._newest[job] = newest, at
        while next(iter(self._newest.values()))[1] < at - FORGET_S:  # in the order of their last calls
            self._newest.popitem(last=False)
        return mine >= newest
