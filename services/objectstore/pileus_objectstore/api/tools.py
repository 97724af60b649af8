"""What every handler is given."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pileus_kit.auth import Authenticator
from pileus_objectstore.config import Config
from pileus_objectstore.core.access import Rights
from pileus_objectstore.core.clock import Clock
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.core.listing_cache import ListingCache


@dataclass(frozen=True)
class Tools:
    config: Config
    cluster: Cluster
    listing_cache: ListingCache
    rights: Rights
    authenticate: Authenticator
    now: Callable[[], float] = field(default_factory=Clock)
