"""The storage server put together: devices, calls, and the socket."""

import logging

from pileus_objectstore.agent.host import Host
from pileus_objectstore.agent.listings import ListingCalls
from pileus_objectstore.agent.objects import Objects
from pileus_objectstore.agent.replicas import Replicas
from pileus_objectstore.agent.updates import Updates
from pileus_objectstore.config import Config
from pileus_objectstore.ring.rings import Rings
from pileus_objectstore.rpc import contract
from pileus_objectstore.rpc.client import Pool
from pileus_objectstore.rpc.server import Call, Server

log = logging.getLogger(__name__)


class StorageServer:
    """All devices of one host behind one address."""

    def __init__(self, config: Config) -> None:
        rings = Rings(config.ring_directory)
        self.pool = Pool(config.key())
        self.host = Host(config.home, config.storage_bind, rings, self.pool, config.reserve_mib << 20)
        self.updates = Updates(self.host)
        self.server = Server(calls(self.host, self.updates), config.key(), config.storage_bind)
        self.address = self.server.address

    def start(self) -> None:
        self.updates.start()
        self.server.start()
        log.info("storage server on %s", self.address)

    def stop(self) -> None:
        """Finish what is under way, tell what has to be told, leave the devices to the next process."""
        self.server.stop()
        self.updates.stop()
        self.host.close()
        self.pool.close()


def calls(host: Host, updates: Updates) -> dict[str, Call]:
    objects, listings, replicas = Objects(host, updates), ListingCalls(host, updates), Replicas(host, updates)
    return {
        "put_object": (contract.PutObject, objects.put_object),
        "get_object": (contract.GetObject, objects.get_object),
        "delete_object": (contract.DeleteObject, objects.delete_object),
        "withdraw_object": (contract.WithdrawObject, objects.withdraw_object),
        "post_object": (contract.PostObject, objects.post_object),
        "put_listing": (contract.PutListing, listings.put_listing),
        "delete_listing": (contract.DeleteListing, listings.delete_listing),
        "get_listing": (contract.GetListing, listings.get_listing),
        "merge_rows": (contract.MergeRows, listings.merge_rows),
        "summary": (contract.Summary, replicas.summary),
        "put_replica": (contract.PutReplica, replicas.put_replica),
        "expiring": (contract.Expiring, replicas.expiring),
        "reclaim": (contract.Reclaim, replicas.reclaim),
        "settle": (contract.Settle, replicas.settle),
        "inventory": (contract.Inventory, replicas.inventory),
        "changes": (contract.Replicate, replicas.changes),
        "merge_listing": (contract.MergeListing, replicas.merge_listing),
        "set_right": (contract.Quarantine, replicas.set_right),
    }
