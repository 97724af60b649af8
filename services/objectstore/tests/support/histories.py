"""Whether what clients saw of one object at a time can be explained by one order of their requests.

Each key is a register. An acknowledged write took effect at one moment between its start and its end; one that was
refused, or not answered, took effect at some later moment or never. A read returns what the last write left. The search
is Wing and Gong's: it tries all orders that the times allow, and remembers the states that it has been in.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

NOTHING = ""  # the value of an object that is not there


@dataclass
class Operation:
    """A request: a write of `value`, or a read that returned it."""

    key: str
    write: bool
    value: str = NOTHING
    began: float = field(default_factory=time.monotonic)
    ended: float = inf
    known: bool = False  # whether the client knows that it took effect, or what it returned


class History:
    """What clients did, in no order. Thread-safe."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._lock = threading.Lock()

    @contextmanager
    def record(self, key: str, write: bool, value: str = NOTHING) -> Iterator[Operation]:
        """Record a request; the caller sets `known`, and what a read returned."""
        operation = Operation(key, write, value)
        try:
            yield operation
        finally:
            if operation.known:
                operation.ended = time.monotonic()
            with self._lock:
                self.operations.append(operation)

    def contradictions(self) -> list[str]:
        """The keys whose history no order explains."""
        keys: dict[str, list[Operation]] = {}
        for operation in self.operations:
            if operation.write or operation.known:
                keys.setdefault(operation.key, []).append(operation)
        return sorted(key for key, operations in keys.items() if not explained(operations))


def explained(operations: list[Operation]) -> bool:
    """Whether there is an order of these operations of one key in which every read returns what was written last."""
    read = {operation.value for operation in operations if operation.known and not operation.write}
    needed = (operation for operation in operations if operation.known or operation.value in read)
    operations = sorted(needed, key=lambda operation: operation.began)
    certain = frozenset(number for number, operation in enumerate(operations) if operation.known)
    seen: set[tuple[frozenset[int], str]] = set()
    states = [(frozenset[int](), NOTHING)]
    while states:
        done, value = states.pop()
        if certain <= done:
            return True
        if (done, value) in seen:
            continue
        seen.add((done, value))
        left = [(number, operation) for number, operation in enumerate(operations) if number not in done]
        first_end = min(operation.ended for _, operation in left)
        for number, operation in left:
            if operation.began > first_end:
                break
            if operation.write:
                states.append((done | {number}, operation.value))
            elif operation.value == value:
                states.append((done | {number}, value))
    return False
