"""What every handler and every use case is given."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pileus_kit.auth import Authenticator
from pileus_objectstore.config import Config
from pileus_objectstore.core.clock import Clock
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.core.listing_cache import ListingCache
from pileus_objectstore.core.pacer import Pacer
from pileus_objectstore.core.policy_cache import PolicyCache
from pileus_objectstore.core.turns import Turns


@dataclass(frozen=True)
class Tools:
    """The proxy's dependencies. `now` gives epoch seconds, later at each call."""

    config: Config
    cluster: Cluster
    listing_cache: ListingCache
    policies: PolicyCache
    authenticate: Authenticator
    now: Callable[[], float] = field(default_factory=Clock)
    pacer: Pacer = field(default_factory=Pacer)
    turns: Turns = field(default_factory=Turns)
