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

State = tuple[frozenset[int], str, frozenset[tuple[str, int]]]
"""Which of the certain operations are done, the value, and how many uncertain writes of each value were used."""


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
    """Whether there is an order of these operations of one key in which every read returns what was written last.

    A write with an unknown outcome need not have taken effect, so it only counts right before a read of its value.
    """
    certain = sorted((operation for operation in operations if operation.known), key=lambda operation: operation.began)
    spare: dict[str, list[float]] = {}
    for operation in operations:
        if not operation.known:
            spare.setdefault(operation.value, []).append(operation.began)
    begins = {value: sorted(times) for value, times in spare.items()}
    seen: set[State] = set()
    states: list[State] = [(frozenset(), NOTHING, frozenset())]
    while states:
        state = states.pop()
        if len(state[0]) == len(certain):
            return True
        if state not in seen:
            seen.add(state)
            states += _next_states(certain, begins, state)
    return False


def _next_states(certain: list[Operation], begins: dict[str, list[float]], state: State) -> list[State]:
    """The states after one more of the certain operations."""
    done, value, used = state
    left = [(number, operation) for number, operation in enumerate(certain) if number not in done]
    first_end = min(operation.ended for _, operation in left)
    possible = [(number, operation) for number, operation in left if operation.began <= first_end]
    for number, operation in possible:
        if not operation.write and operation.value == value:
            return [(done | {number}, value, used)]  # a read that fits now can only hinder others later
    found: list[State] = []
    for number, operation in possible:
        uses = dict(used)
        count = uses.get(operation.value, 0)
        if operation.write:
            found.append((done | {number}, operation.value, used))
        elif any(began <= first_end for began in begins.get(operation.value, [])[count:]):
            uses[operation.value] = count + 1
            found.append((done | {number}, operation.value, frozenset(uses.items())))
    return found
