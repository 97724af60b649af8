"""How many requests a project, or an address without a token, may make: a bucket each, kept by the process.

The room is generous: nobody who works meets the bound, a loop that went wild does. Services' own users have none.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from pileus_kit.auth import Authenticator, Caller
from pileus_kit.config import ServiceConfig
from pileus_kit.errors import TooManyRequests

MOST = 10_000  # buckets; the one that was used longest ago goes, full or nearly so
LOGIN = 10  # refusals for which a refused login counts: each costs a hash of a password


class TooFast(TooManyRequests):
    text = "Too many requests; try again in {seconds} seconds."

    def __init__(self, seconds: int) -> None:
        self.retry_after = seconds
        super().__init__(seconds=seconds)


class Buckets:
    """Each key's bucket holds `most` and fills by `rate` a second; 0 is no bound."""

    def __init__(self, rate: float, most: float) -> None:
        self._rate, self._most = rate, most
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # key -> what was left, and when
        self._lock = threading.Lock()

    def take(self, key: Hashable, count: float = 1) -> None:
        """Raise TooFast if the bucket is empty."""
        if not self._rate:
            return
        with self._lock:
            left = self._now(key)
            if left < 1:
                raise TooFast(math.ceil((1 - left) / self._rate))
            self._keep(key, left - count)

    def spend(self, key: Hashable, count: float) -> None:
        """Take, whatever is left: what is owed is waited for."""
        if self._rate:
            with self._lock:
                self._keep(key, max(self._now(key) - count, -self._most))

    def check(self, key: Hashable) -> None:
        self.take(key, 0)

    def _now(self, key: Hashable) -> float:
        left, since = self._left.get(key, (self._most, 0.0))
        return min(self._most, left + (time.monotonic() - since) * self._rate)

    def _keep(self, key: Hashable, left: float) -> None:
        self._left[key] = left, time.monotonic()
        self._left.move_to_end(key)
        while len(self._left) > MOST:
            self._left.popitem(last=False)


class Rates:
    """The bounds of one API process."""

    def __init__(self, config: ServiceConfig) -> None:
        self._requests = Buckets(config.requests_per_minute / 60, config.requests_at_once)
        self._refusals = Buckets(config.refusals_per_minute / 60, config.refusals_at_once)

    def stranger(self, address: str) -> None:
        """A request that needs no token."""
        self._requests.take(("address", address))

    def caller(self, who: Caller) -> None:
        """An authenticated request; a service's own, or on a user's behalf, is its or was theirs already."""
        if not who.is_service:
            self._requests.take(who.owner)

    def login(self, address: str) -> None:
        """Not from where many were refused."""
        self._refusals.check(address)

    def bearer(self, token: str, authenticate: Authenticator, address: str) -> None:
        """A token that nobody here has seen makes us ask identity: not from where many were refused."""
        knows: Callable[[str], bool] | None = getattr(authenticate, "knows", None)
        if knows is not None and not knows(token):
            self._refusals.check(address)

    def refused(self, address: str, login: bool = False) -> None:
        self._refusals.spend(address, LOGIN if login else 1)
