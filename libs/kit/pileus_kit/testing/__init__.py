"""Building blocks of services' tests: callers with tokens, an HTTP client, a database, flows killed at every step."""

from pileus_kit.testing.callers import TokenBook
from pileus_kit.testing.clients import Client, WsgiAdapter, routed_peers
from pileus_kit.testing.costs import assert_flat
from pileus_kit.testing.databases import assert_migrations_match, fresh_sessions
from pileus_kit.testing.flows import Crash, Scenario, kill_at_every_step
from pileus_kit.testing.matrix import assert_policy_matrix, assert_table

__all__ = [
    "Client",
    "Crash",
    "Scenario",
    "TokenBook",
    "WsgiAdapter",
    "assert_flat",
    "assert_migrations_match",
    "assert_policy_matrix",
    "assert_table",
    "fresh_sessions",
    "kill_at_every_step",
    "routed_peers",
]
