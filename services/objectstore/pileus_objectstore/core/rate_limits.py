"""Swift's rate limits: of the writes to one listing, of the lists of it, and of all writes to an account.

The first two are options, by the size of the container; the last is a header that operators set. What is limited has
been allowed before, so no stranger can use up the limit of an account. If the heads that say what is
limited can't be read, nothing is limited.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from pileus_kit.errors import BadRequest, Unavailable
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.errors import Blacklisted

HEADER = "X-Account-Sysmeta-Global-Write-Ratelimit"  # writes per second, or one of the next two
WHITELIST, BLACKLIST = "WHITELIST", "BLACKLIST"
OF_CONTAINERS = ("objectstore:container:create", "objectstore:container:delete")
OF_OBJECTS = ("objectstore:object:create", "objectstore:object:update", "objectstore:object:delete")


def admit(tools: Tools, rule: str, target: Target, *, writes: bool) -> None:
    """Wait until an action, by its policy rule, may go on. Raises RateLimited, Blacklisted."""
    own = _own_limit(tools, target)
    if own == BLACKLIST:
        raise Blacklisted()
    if writes and own != WHITELIST:
        for key, rate in _limits(tools, rule, target, own):
            _wait(tools, key, rate)


def admit_listing(tools: Tools, container: Target) -> None:
    """Wait until a container may be listed. Raises RateLimited."""
    rate = _rate(tools, tools.config.container_listing_ratelimits, container)
    if rate and _own_limit(tools, container) != WHITELIST:
        _wait(tools, f"list {container.path}", rate)


def check(value: str) -> None:
    """Raise BadRequest for a value that HEADER can't have; '' removes it."""
    if value and value not in (WHITELIST, BLACKLIST):
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 < number < math.inf:
            raise BadRequest(why=f"{HEADER} is a number of writes per second, {WHITELIST} or {BLACKLIST}.")


@lru_cache(16)
def parse(limits: tuple[str, ...]) -> tuple[tuple[int, float], ...]:
    """Read an option whose items are `SIZE=RATE`; sorted by size. Raises ValueError."""
    found = []
    for item in limits:
        size, _, rate = item.partition("=")
        found.append((int(size), float(rate)))
        if found[-1][0] < 0 or not 0 < found[-1][1] < math.inf:
            raise ValueError(f"a rate limit is SIZE=RATE with a rate above 0, not {item}")
    return tuple(sorted(found))


def rate_for(limits: tuple[str, ...], size: int) -> float:
    """Requests per second for a container of `size` objects, interpolated between two sizes; 0.0 for any number."""
    known = parse(limits)
    if not known or size < known[0][0]:
        return 0.0
    for (below, rate), (above, next_rate) in pairwise(known):
        if size < above:
            return rate + (next_rate - rate) * (size - below) / (above - below)
    return known[-1][1]


def _limits(tools: Tools, rule: str, target: Target, own: str) -> Iterator[tuple[str, float]]:
    """The keys and rates that count for a write."""
    config = tools.config
    if rule in OF_CONTAINERS and config.account_ratelimit:
        yield target.account, config.account_ratelimit
    elif rule in OF_OBJECTS:
        rate = _rate(tools, config.container_ratelimits, Target(target.account, target.container))
        if rate:
            yield f"write /{target.account}/{target.container}", rate
    if own:
        yield f"all {target.account}", float(own)


def _rate(tools: Tools, limits: tuple[str, ...], container: Target) -> float:
    if not limits:
        return 0.0
    try:
        info = tools.listing_cache.get(container)
    except Unavailable:
        return 0.0
    return rate_for(limits, info.count if info is not None else 0)


def _own_limit(tools: Tools, target: Target) -> str:
    try:
        info = tools.listing_cache.get(Target(target.account))
    except Unavailable:
        return ""
    return info.value(HEADER) if info is not None else ""


def _wait(tools: Tools, key: str, rate: float) -> None:
    tools.pacer.wait(key, rate, tools.config.ratelimit_max_sleep_s, tools.config.threads)
