"""`python -m pileus_objectstore.worker --config FILE`: the background daemons of one storage host."""

import sys
import threading
from collections.abc import Sequence

from pileus_kit.auth import Caller
from pileus_kit.errors import Unauthorized
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_kit.process import load_config, run_until_signal
from pileus_objectstore.clients.deleted_projects import IdentityDeletedProjects
from pileus_objectstore.config import Config
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.core.encryption.cluster import EncryptedCluster
from pileus_objectstore.core.encryption.root_secrets import RootSecrets
from pileus_objectstore.core.listing_cache import ListingCache
from pileus_objectstore.core.policy_cache import PolicyCache
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.daemons.auditor import Auditor
from pileus_objectstore.daemons.container_sync import ContainerSync
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.daemons.expirer import Expirer
from pileus_objectstore.daemons.lifecycle import Lifecycle
from pileus_objectstore.daemons.listing_auditor import ListingAuditor
from pileus_objectstore.daemons.log_delivery import LogDelivery
from pileus_objectstore.daemons.notifier import Notifier
from pileus_objectstore.daemons.project_reaper import ProjectReaper
from pileus_objectstore.daemons.reaper import Reaper
from pileus_objectstore.daemons.reconstructor import Reconstructor
from pileus_objectstore.daemons.replicator import Replicator
from pileus_objectstore.daemons.ring_exchange import RingExchange
from pileus_objectstore.daemons.ring_keeper import RingKeeper
from pileus_objectstore.daemons.runner import Daemon, DaemonRunner
from pileus_objectstore.daemons.sharder import Sharder
from pileus_objectstore.policy import RULES
from pileus_objectstore.ring.ring_files import RingFiles, exchanged_files
from pileus_objectstore.ring.rings import Rings
from pileus_objectstore.wire.client import open_pool

AUDIT_S = 86400.0
AUDIT_LISTINGS_S = 3600.0
EXPIRE_S = 60.0
LIFECYCLE_S = 60.0
NOTIFY_S = 1.0
DELIVER_LOGS_S = 30.0
EXCHANGE_S = 5.0
REAP_S = 60.0
SHARD_S = 30.0
SYNC_S = 30.0


class Worker:
    """All daemons of a host."""

    def __init__(self, config: Config) -> None:
        self._stopping = threading.Event()
        rings, self._pool = Rings(config.ring_directory), open_pool(config)
        self._cluster = Cluster(rings, self._pool)
        context = DaemonContext(
            config.home, config.storage_bind, rings, self._pool, self._stopping.is_set, config.reclaim_s
        )
        self.replicator = Replicator(context=context, host_lost_s=config.host_lost_s)
        self.reconstructor = Reconstructor(context=context, cluster=self._cluster, host_lost_s=config.host_lost_s)
        self.auditor = Auditor(context, config.reclaim_s, self._stopping.wait)
        self.listing_auditor = ListingAuditor(context, self._cluster, self._stopping.wait)
        self.sharder = Sharder(context, self._cluster, config.shard_rows)
        self._encrypted = EncryptedCluster(
            rings, self._pool, RootSecrets(config.root_secrets), everything=config.encryption
        )
        self.tools = daemon_tools(config, self._encrypted)
        self.expirer = Expirer(context, self.tools)
        self.lifecycle = Lifecycle(context, self.tools)
        self.ring_exchange = RingExchange(
            rings, exchanged_files(config), self._pool, config.storage_bind, config.ring_hosts
        )
        self.ring_keeper = RingKeeper(rings, RingFiles(config.ring_directory), self._pool)
        self.reaper = Reaper(context, self.tools)
        ask = IdentityDeletedProjects(Peers(config)) if config.reap_deleted_projects else None
        self.project_reaper = ProjectReaper(context, self.tools, ask)
        self.container_sync = ContainerSync(context, self.tools)
        self.notifier = Notifier(context, self.tools)
        self.log_delivery = LogDelivery(context, self.tools)
        kept = [] if config.ring_hosts else [Daemon("ring keeper", self.ring_keeper.run, config.replicate_s)]
        self.runner = DaemonRunner(
            [
                Daemon("replicator", self.replicator.run, config.replicate_s, lambda: self.replicator.left, True),
                Daemon(
                    "reconstructor", self.reconstructor.run, config.replicate_s, lambda: self.reconstructor.left, True
                ),
                Daemon("auditor", self.auditor.run, AUDIT_S),
                Daemon("listing auditor", self.listing_auditor.run, AUDIT_LISTINGS_S),
                Daemon("sharder", self.sharder.run, SHARD_S),
                Daemon("expirer", self.expirer.run, EXPIRE_S),
                Daemon("reaper", self.reaper.run, REAP_S, lambda: self.reaper.left),
                Daemon("project reaper", self.project_reaper.run, REAP_S),
                Daemon("container sync", self.container_sync.run, SYNC_S, lambda: self.container_sync.left),
                Daemon("notifier", self.notifier.run, NOTIFY_S),
                Daemon("log delivery", self.log_delivery.run, DELIVER_LOGS_S),
                Daemon("lifecycle", self.lifecycle.run, min(LIFECYCLE_S, config.lifecycle_day_s / 2)),
                Daemon("ring exchange", self.ring_exchange.run, EXCHANGE_S),
                *kept,
            ],
            config.home,
        )

    def start(self) -> None:
        """Start the daemons."""
        self.runner.start()

    def stop(self) -> None:
        """Let each daemon finish what it is doing, then close all connections."""
        self._stopping.set()
        self.runner.stop()
        self.notifier.close()
        self._encrypted.close()
        self._cluster.close()


def daemon_tools(config: Config, cluster: Cluster) -> Tools:
    """What use cases are given that run for the store itself, and not for a caller."""
    policies = PolicyCache(Enforcer(RULES), config)
    return Tools(config, cluster, ListingCache(cluster), policies, _refuse_token, cluster.clock)


def _refuse_token(token: str) -> Caller:
    raise Unauthorized()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the daemons until a signal ends them."""
    worker = Worker(load_config(Config, sys.argv[1:] if argv is None else argv, "objectstore-worker"))
    run_until_signal(worker.start, worker.stop)


if __name__ == "__main__":
    main()
