"""The proxy: one process, its threads share connections to the storage hosts and what they know about tokens."""

import sys
from collections.abc import Sequence

from pileus_kit import process
from pileus_kit.auth import Authenticator
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_objectstore.api import accounts, containers, objects
from pileus_objectstore.api.proxy import Proxy
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.config import Config
from pileus_objectstore.core.access import Rights
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.core.listing_cache import ListingCache
from pileus_objectstore.policy import RULES
from pileus_objectstore.ring.rings import Rings
from pileus_objectstore.wire.client import Pool

CALLS = (accounts.calls, containers.calls, objects.calls)


def build(config: Config) -> Proxy:
    """The proxy of a real cluster."""
    return create(config, Peers(config).authenticator(), Enforcer(RULES, config.path("policy", "objectstore.yaml")))


def create(config: Config, authenticate: Authenticator, enforcer: Enforcer) -> Proxy:
    cluster = Cluster(Rings(config.ring_directory), Pool(config.key()))
    tools = Tools(config, cluster, ListingCache(cluster), Rights(enforcer, config.account_prefix), authenticate)
    return Proxy(tools, CALLS)


def main(argv: Sequence[str] | None = None) -> None:
    config = process.load_config(Config, sys.argv[1:] if argv is None else argv, "objectstore-proxy")
    process.serve_api(build, config, "pileus-objectstore-proxy")


if __name__ == "__main__":
    main()
