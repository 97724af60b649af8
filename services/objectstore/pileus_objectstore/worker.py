"""`python -m pileus_objectstore.worker --config FILE`: the background duties of one storage host."""

import sys
import threading
from collections.abc import Sequence

from pileus_kit.process import load_config, run_until_signal
from pileus_objectstore.config import Config
from pileus_objectstore.core.clusters import Cluster
from pileus_objectstore.flows.audit import Auditor
from pileus_objectstore.flows.duties import Duty, Roster
from pileus_objectstore.flows.expire import Expirer
from pileus_objectstore.flows.replicate import Replicator
from pileus_objectstore.flows.surroundings import Surroundings
from pileus_objectstore.ring.rings import Rings
from pileus_objectstore.rpc.client import Pool

REPLICATE_S = 60.0
AUDIT_S = 86400.0
EXPIRE_S = 60.0


class Worker:
    """All duties of a host."""

    def __init__(self, config: Config) -> None:
        self._over = threading.Event()
        rings, self._pool = Rings(config.ring_directory), Pool(config.key())
        self._cluster = Cluster(rings, self._pool)
        around = Surroundings(config.home, config.storage_bind, rings, self._pool, self._over.is_set, config.reclaim_s)
        self.replicator = Replicator(around)
        self.auditor = Auditor(around, config.reclaim_s, self._over.wait)
        self.expirer = Expirer(around, self._cluster)
        self._roster = Roster(
            [
                Duty("replicator", self.replicator.run, REPLICATE_S, lambda: bool(self.replicator.failed)),
                Duty("auditor", self.auditor.run, AUDIT_S),
                Duty("expirer", self.expirer.run, EXPIRE_S),
            ]
        )

    def start(self) -> None:
        self._roster.start()

    def stop(self) -> None:
        self._over.set()
        self._roster.stop()
        self._cluster.close()


def main(argv: Sequence[str] | None = None) -> None:
    worker = Worker(load_config(Config, sys.argv[1:] if argv is None else argv, "objectstore-worker"))
    run_until_signal(worker.start, worker.stop)


if __name__ == "__main__":
    main()
