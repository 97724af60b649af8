"""oslo.messaging as our processes use it: on threads, and with options of its own instead of the global ones.

Some of what is used here is private in oslo.messaging; tests/unit/test_private_interfaces.py has a test for each.
"""

import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

RABBIT_OPTIONS: dict[str, object] = {
    "heartbeat_timeout_threshold": 30,
    "heartbeat_rate": 2,
    "kombu_reconnect_delay": 0.5,
    "rabbit_retry_interval": 1,
    "rabbit_retry_backoff": 1,
    "rabbit_interval_max": 1,
    "rabbit_transient_queues_ttl": 300,
}
"""Nothing on the bus has to outlive the broker: jobs are in the database, and a caller without an answer asks again. So
queues are plain and expire; docs/decisions/0003 has the figures against quorum queues."""

CLUSTER_OPTIONS: dict[str, object] = {
    "rabbit_quorum_queue": True,
    "rabbit_transient_quorum_queue": True,
    "heartbeat_timeout_threshold": 6,
    "kombu_failover_strategy": "shuffle",
}
"""With several brokers a plain queue would be gone as long as its node is; a quorum queue goes on with the others.

A node that hangs is left after two silent heartbeats. Which node is tried next is drawn by lot: in turn, a consumer
moves on by three nodes after each failed attempt (the driver's `_consume`, kombu's `ensure` and its
`_ensure_connection` each move on by one), and so comes back to the hung one of three for ever.
"""


def is_cluster(url: str) -> bool:
    """Whether there may be several brokers behind the URL.

    It names them (`rabbit://user:password@one:5672,user:password@two:5672/`), or it names one address that leads to
    any of them and says `rabbit_quorum_queue=true`.
    """
    parts = urlsplit(url)
    return "," in parts.netloc or parse_qs(parts.query).get("rabbit_quorum_queue") == ["true"]


def load() -> Any:
    """Return the module oslo_messaging, on threads.

    It imports eventlet if that is installed, and then expects processes that are monkey-patched, which ours are not.
    """
    if "eventlet" not in sys.modules:
        sys.modules["eventlet"] = None  # type: ignore[assignment]
    from oslo_service import backend

    backend.init_backend(backend.BackendType.THREADING)
    import oslo_messaging

    return oslo_messaging


def preload() -> None:
    """Import everything that a bus needs, so that processes forked afterwards share its memory."""
    load()
    import oslo_messaging._drivers.impl_rabbit  # noqa: F401


def options(url: str) -> Any:
    """Return oslo.config options for one transport.

    oslo.messaging registers two of its groups on the global options only, so they are registered here.
    """
    from oslo_config import cfg
    from oslo_messaging._metrics import client as metrics
    from oslo_messaging._tracing import client as tracing

    conf = cfg.ConfigOpts()
    conf([], project="pileus", default_config_files=[], default_config_dirs=[])
    conf.register_opts(tracing.oslo_messaging_tracing, group="oslo_messaging_tracing")
    conf.register_opts(metrics.oslo_messaging_metrics, group="oslo_messaging_metrics")
    if url.startswith("rabbit"):
        from oslo_messaging._drivers import amqp, impl_rabbit

        conf.register_opts(impl_rabbit.rabbit_opts + amqp.amqp_opts, group="oslo_messaging_rabbit")
        chosen = RABBIT_OPTIONS | (CLUSTER_OPTIONS if is_cluster(url) else {})
        for name, value in chosen.items():
            conf.set_override(name, value, group="oslo_messaging_rabbit")
    return conf
