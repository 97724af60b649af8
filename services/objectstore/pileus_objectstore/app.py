"""The proxy: one process, whose threads share connections to the storage hosts and what is known about tokens."""

import sys
from collections.abc import Sequence

from pileus_kit import process
from pileus_kit.auth import Authenticator
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_objectstore.api import RESOURCES
from pileus_objectstore.api.proxy import Proxy
from pileus_objectstore.clients.access_keys import AccessKeys, IdentityVerifier, Verifier
from pileus_objectstore.config import Config
from pileus_objectstore.core import rate_limits
from pileus_objectstore.core.encryption.cluster import EncryptedCluster
from pileus_objectstore.core.encryption.root_secrets import RootSecrets
from pileus_objectstore.core.policy_cache import PolicyCache
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.policy import RULES
from pileus_objectstore.ring.rings import Rings
from pileus_objectstore.wire.client import open_pool


def build(config: Config) -> Proxy:
    """The proxy of a real cluster."""
    peers = Peers(config)
    enforcer = Enforcer(RULES, config.path("policy", "objectstore.yaml"))
    return create(config, peers.authenticator(), enforcer, IdentityVerifier(peers))


def create(config: Config, authenticate: Authenticator, enforcer: Enforcer, verify: Verifier) -> Proxy:
    """A proxy with its own way to validate tokens and signatures, and its own policy. Raises ValueError for options."""
    for limits in (config.container_ratelimits, config.container_listing_ratelimits):
        rate_limits.parse(limits)
    rings, roots = Rings(config.ring_directory), RootSecrets(config.root_secrets)
    cluster = EncryptedCluster(rings, open_pool(config), roots, everything=config.encryption)
    cluster.local_host = config.storage_bind
    policies = PolicyCache(enforcer, config)
    return Proxy(
        Tools(config, cluster, cluster.listing_cache, policies, authenticate, cluster.clock),
        RESOURCES,
        AccessKeys(verify, authenticate),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the API until a signal ends it."""
    config = process.load_config(Config, sys.argv[1:] if argv is None else argv, "objectstore-proxy")
    process.serve_api(build, config, "pileus-objectstore-proxy")


if __name__ == "__main__":
    main()
