"""How many threads each project holds: its requests wait for each other before they keep those of others waiting."""

import threading
from collections import OrderedDict, defaultdict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_TOKENS = 10_000
"""Tokens whose owner is remembered."""


class TooManyWaiting(Exception):
    """No further request of this owner may wait."""


class FairShares(Generic[T]):
    """At most `max_running` requests of one owner run; `max_waiting` others wait, first come, first served."""

    def __init__(self, max_running: int, max_waiting: int) -> None:
        self._max_running, self._max_waiting = max_running, max_waiting
        self._running: defaultdict[Hashable, int] = defaultdict(int)
        self._waiting: defaultdict[Hashable, deque[T]] = defaultdict(deque)
        self._owners: OrderedDict[str, Hashable] = OrderedDict()  # by token
        self._lock = threading.Lock()

    def owner(self, token: str, address: str) -> Hashable:
        """Return whose request this is, as far as that is known before it is authenticated: a token's owner once it
        has been seen, otherwise the client's address."""
        with self._lock:
            return self._owners.get(token, ("address", address)) if token else ("address", address)

    def remember_owner(self, token: str, owner: Hashable) -> None:
        """Remember whose token this is, for its next request."""
        with self._lock:
            if self._owners.get(token) != owner:
                self._owners[token] = owner
                while len(self._owners) > MAX_TOKENS:
                    self._owners.popitem(last=False)

    def enter(self, owner: Hashable, request: T) -> bool:
        """Whether the request may run now. If not, a later `leave` returns it when it may.

        Raises TooManyWaiting if it can't even wait.
        """
        with self._lock:
            if self._running[owner] < self._max_running:
                self._running[owner] += 1
                return True
            if len(self._waiting[owner]) >= self._max_waiting:
                raise TooManyWaiting
            self._waiting[owner].append(request)
            return False

    def leave(self, owner: Hashable) -> T | None:
        """End one request of the owner. Returns the next one that waits; it counts as running from now on."""
        with self._lock:
            if self._waiting.get(owner):
                return self._waiting[owner].popleft()
            self._waiting.pop(owner, None)
            self._running[owner] -= 1
            if not self._running[owner]:
                del self._running[owner]
            return None
