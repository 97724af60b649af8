"""How many requests a project, or an address without a token, may make: a token bucket for each, kept by the process.

The bounds are generous: people and tools don't meet them, a loop out of control does. Services' own users have none.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from pileus_kit.auth import Authenticator, Caller
from pileus_kit.config import ServiceConfig
from pileus_kit.errors import TooManyRequests

MAX_BUCKETS = 10_000
"""Buckets that are kept; the one that was used longest ago, which is full or nearly so, goes first."""
LOGIN_REFUSALS = 10
"""How many refusals a refused login counts for: each costs the hash of a password."""


class RateExceeded(TooManyRequests):
    """The caller has made more requests than its bucket holds; `retry_after` seconds later there is room for one."""

    text = "Too many requests; try again in {seconds} seconds."

    def __init__(self, seconds: int) -> None:
        self.retry_after = seconds
        super().__init__(seconds=seconds)


class Buckets:
    """A token bucket for each key: it holds `burst` tokens and gains `rate` a second. A rate of 0 is no bound."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # key -> tokens left, and when
        self._lock = threading.Lock()

    def take(self, key: Hashable, count: float = 1) -> None:
        """Take `count` tokens. Raises RateExceeded if there isn't one."""
        if not self._rate:
            return
        with self._lock:
            left = self._tokens(key)
            if left < 1:
                raise RateExceeded(math.ceil((1 - left) / self._rate))
            self._keep(key, left - count)

    def charge(self, key: Hashable, count: float) -> None:
        """Take `count` tokens even if there are fewer; the debt, of at most a whole bucket, has to be waited for."""
        if self._rate:
            with self._lock:
                self._keep(key, max(self._tokens(key) - count, -self._burst))

    def check(self, key: Hashable) -> None:
        """Raise RateExceeded if there is no token."""
        self.take(key, 0)

    def _tokens(self, key: Hashable) -> float:
        left, since = self._left.get(key, (self._burst, 0.0))
        return min(self._burst, left + (time.monotonic() - since) * self._rate)

    def _keep(self, key: Hashable, left: float) -> None:
        self._left[key] = left, time.monotonic()
        self._left.move_to_end(key)
        while len(self._left) > MAX_BUCKETS:
            self._left.popitem(last=False)


class Rates:
    """The bounds of one API process. Every method raises RateExceeded."""

    def __init__(self, config: ServiceConfig) -> None:
        self._requests = Buckets(config.requests_per_minute / 60, config.request_burst)
        self._refusals = Buckets(config.refusals_per_minute / 60, config.refusal_burst)

    def count_anonymous(self, address: str) -> None:
        """Count a request that needs no token."""
        self._requests.take(("address", address))

    def count_caller(self, caller: Caller) -> None:
        """Count an authenticated request. One of a service isn't counted: it acts for a user whose request was."""
        if not caller.is_service:
            self._requests.take(caller.owner)

    def check_login(self, address: str) -> None:
        """Refuse a login from an address of which too many requests were refused."""
        self._refusals.check(address)

    def check_token(self, token: str, authenticate: Authenticator, address: str) -> None:
        """Refuse a token that this process hasn't seen, and would have to ask identity about, from such an address."""
        knows: Callable[[str], bool] | None = getattr(authenticate, "knows", None)
        if knows is not None and not knows(token):
            self._refusals.check(address)

    def count_refusal(self, address: str, login: bool = False) -> None:
        """Count a request that was refused for its token; with `login`, for its password."""
        self._refusals.charge(address, LOGIN_REFUSALS if login else 1)
