"""Host names of users' own that lead to the store's by CNAME records (Swift's cname_lookup)."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from ipaddress import ip_address

from pileus_kit.errors import BadRequest
from pileus_kit.rates import Rates
from pileus_objectstore.clients.cname_records import CnameRecords
from pileus_objectstore.config import Config

MAX_KNOWN = 10_000
MAX_TTL_S = 3600
PATIENCE_S = 3.0  # for a whole chain
MAX_NAME = 253
NOWHERE = "CNAME lookup failed to resolve to a valid domain"


class CnameLookup:
    """Finds the store's name for a host name, and remembers what the domain name system said. Thread-safe."""

    def __init__(self, config: Config, rates: Rates) -> None:
        """Raises ValueError for a name server's address that is none."""
        self._enabled, self._depth = config.cname_lookup and bool(config.storage_domains), config.cname_lookup_depth
        self._storage = config.storage_domains
        self._own = (*config.storage_domains, *config.s3_domains, *config.s3_website_domains)
        self._rates = rates
        self._records = CnameRecords(config.nameservers)
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()  # name -> until when, where it leads
        self._lock = threading.Lock()

    def storage_name(self, host: str, address: str) -> str:
        """The host name below a storage domain to which a request's Host leads; the given name if it needs no lookup.

        Raises BadRequest if it leads nowhere or too far, and RateExceeded: each question counts for the sender's
        address.
        """
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and ":" in host else host
        name = name.lower().rstrip(".")
        if not self._enabled or not host or _is_address(name) or _is_below(name, self._own):
            return host
        until, seen = time.monotonic() + PATIENCE_S, {name}
        for _ in range(self._depth):
            name = self._next(name, until, address)
            if _is_below(name, self._storage):
                return name
            if not name or name in seen:
                raise BadRequest(why=NOWHERE)
            seen.add(name)
        raise BadRequest(why=f"CNAME lookup failed after {self._depth} tries")

    def _next(self, name: str, until: float, address: str) -> str:
        """Where the name's record leads, '' if there is none."""
        if not name or len(name) > MAX_NAME or not name.isascii():
            return ""
        with self._lock:
            valid_until, found = self._known.get(name, (0.0, ""))
        left_s = until - time.monotonic()
        if time.monotonic() < valid_until:
            return found
        if left_s <= 0:
            return ""
        self._rates.count_anonymous(address)
        found, ttl_s = self._records.find(name, left_s)
        if ttl_s > 0:
            with self._lock:
                self._known[name] = time.monotonic() + min(ttl_s, MAX_TTL_S), found
                self._known.move_to_end(name)
                if len(self._known) > MAX_KNOWN:
                    self._known.popitem(last=False)
        return found


def _is_below(name: str, domains: Sequence[str]) -> bool:
    return any(f".{name}".endswith(f".{domain.lower().lstrip('.')}") for domain in domains)


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
