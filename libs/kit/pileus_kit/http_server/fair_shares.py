"""Who holds how many of the threads: requests of one project wait for each other before they keep others waiting."""

import threading
from collections import OrderedDict, defaultdict, deque
from typing import Any, Generic, TypeVar

T = TypeVar("T")
MOST = 10_000  # tokens whose owner is remembered


class Crowded(Exception):
    """As many requests of this owner wait as may."""


class Shares(Generic[T]):
    """`most` requests of one owner run; `waiting` others are parked, first come, first served."""

    def __init__(self, most: int, waiting: int) -> None:
        self._most, self._waiting = most, waiting
        self._running: defaultdict[Any, int] = defaultdict(int)
        self._parked: defaultdict[Any, deque[T]] = defaultdict(deque)
        self._owners: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def owner(self, token: str, address: str) -> Any:
        """Whose request this is: as far as is known before it is authenticated."""
        with self._lock:
            return self._owners.get(token, ("address", address)) if token else ("address", address)

    def learn(self, token: str, owner: Any) -> None:
        with self._lock:
            if self._owners.get(token) != owner:
                self._owners[token] = owner
                while len(self._owners) > MOST:
                    self._owners.popitem(last=False)

    def enter(self, owner: Any, what: T) -> bool:
        """Whether it may run; if not, `leave` of another gives it back later. Raises Crowded."""
        with self._lock:
            if self._running[owner] < self._most:
                self._running[owner] += 1
                return True
            if len(self._parked[owner]) >= self._waiting:
                raise Crowded
            self._parked[owner].append(what)
            return False

    def leave(self, owner: Any) -> T | None:
        """One has ended. The next of the same owner, who counts as running from now on."""
        with self._lock:
            if self._parked.get(owner):
                return self._parked[owner].popleft()
            self._parked.pop(owner, None)
            self._running[owner] -= 1
            if not self._running[owner]:
                del self._running[owner]
            return None
