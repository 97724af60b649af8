"""The storage server as a whole: devices, calls, and the socket on which it listens."""

import logging
from pathlib import Path

from pileus_objectstore.agent.host import Host
from pileus_objectstore.agent.listing_server import ListingServer
from pileus_objectstore.agent.object_replicas import ObjectReplicas
from pileus_objectstore.agent.object_server import ObjectServer
from pileus_objectstore.agent.recon_pages import ReconPages
from pileus_objectstore.agent.recon_server import ReconServer
from pileus_objectstore.agent.replication_server import ReplicationServer
from pileus_objectstore.agent.ring_server import RingServer
from pileus_objectstore.agent.shard_server import ShardServer
from pileus_objectstore.agent.updater import Updater
from pileus_objectstore.config import Config
from pileus_objectstore.ring.removed_machines import RemovedMachines
from pileus_objectstore.ring.ring_files import exchanged_files
from pileus_objectstore.ring.rings import Rings
from pileus_objectstore.storage.pack_records import MAX_PACK_BYTES
from pileus_objectstore.wire import contract, daemon_calls, recon_calls, shard_calls
from pileus_objectstore.wire.client import open_pool
from pileus_objectstore.wire.secured import Credentials, Door
from pileus_objectstore.wire.server import ON_THEIR_WAY_S, Call, Server

log = logging.getLogger(__name__)


class StorageServer:
    """All devices of one host behind one address."""

    def __init__(self, config: Config) -> None:
        if config.pack_kib << 10 > MAX_PACK_BYTES:
            raise ValueError(f"pack_kib is {MAX_PACK_BYTES >> 10} at most, not {config.pack_kib}")
        rings = Rings(config.ring_directory)
        self.pool = open_pool(config)
        self.host = Host(
            config.home, config.storage_bind, rings, self.pool, config.reserve_mib << 20, config.pack_kib << 10
        )
        self.updater = Updater(self.host)
        recon = ReconServer(self.host, config.host)
        pages = ReconPages(self.host, recon, config.recon_networks)
        ring_server = RingServer(exchanged_files(config), self._drop_removed)
        offered, door = calls(self.host, self.updater, recon, ring_server), _door(config)
        bind = config.storage_local if door else config.storage_bind
        self.server = Server(offered, config.key(), bind, pages.answer, door)
        self.address = self.server.address

    def start(self) -> None:
        """Take the devices and answer calls."""
        self.updater.start()
        self.server.start()
        log.info("storage server on %s", self.address)

    def _drop_removed(self) -> None:
        self.server.drop_removed()

    def stop(self, on_their_way_s: float = ON_THEIR_WAY_S) -> None:
        """Finish the calls under way and the updates of listings, then release the devices for the next process.

        Calls that come within `on_their_way_s` seconds on connections that are open are answered, too.
        """
        self.server.stop(on_their_way_s)
        self.updater.stop()
        self.host.close()
        self.pool.close()


def _door(config: Config) -> Door | None:
    """Where other machines come in, if this one has certificates."""
    if not config.storage_tls:
        return None
    return Door(config.storage_bind, Credentials(Path(config.storage_tls)), RemovedMachines(config.ring_directory).has)


def calls(host: Host, updater: Updater, recon: ReconServer, rings: RingServer) -> dict[str, Call]:
    """The calls of the contract, by name."""
    objects, listings = ObjectServer(host, updater), ListingServer(host, updater)
    replicas = ReplicationServer(host, updater)
    packed, shards = ObjectReplicas(host), ShardServer(host, updater)
    return {
        "get_recon": (recon_calls.GetRecon, recon.get_recon),
        "get_rings": (daemon_calls.GetRings, rings.get_rings),
        "get_ring": (daemon_calls.GetRing, rings.get_ring),
        "put_ring": (daemon_calls.PutRing, rings.put_ring),
        "enter_rings": (daemon_calls.EnterRings, rings.enter_rings),
        "put_object": (contract.PutObject, objects.put_object),
        "get_object": (contract.GetObject, objects.get_object),
        "delete_object": (contract.DeleteObject, objects.delete_object),
        "withdraw_object": (contract.WithdrawObject, objects.withdraw_object),
        "post_object": (contract.PostObject, objects.post_object),
        "put_listing": (contract.PutListing, listings.put_listing),
        "delete_listing": (contract.DeleteListing, listings.delete_listing),
        "get_listing": (contract.GetListing, listings.get_listing),
        "merge_rows": (contract.MergeRows, listings.merge_rows),
        "get_ranges": (shard_calls.GetRanges, shards.get_ranges),
        "put_ranges": (shard_calls.PutRanges, shards.put_ranges),
        "report_shard": (shard_calls.ReportShard, shards.report_shard),
        "find_splits": (shard_calls.FindSplits, shards.find_splits),
        "drop_rows": (shard_calls.DropRows, shards.drop_rows),
        "get_summary": (daemon_calls.GetSummary, replicas.get_summary),
        "get_packed": (daemon_calls.GetPacked, packed.get_packed),
        "audit_packed": (daemon_calls.AuditPacked, packed.audit_packed),
        "put_replica": (daemon_calls.PutReplica, packed.put_replica),
        "list_expired": (daemon_calls.ListExpired, replicas.list_expired),
        "reclaim": (daemon_calls.Reclaim, replicas.reclaim),
        "forget_expired": (daemon_calls.ForgetExpired, replicas.forget_expired),
        "get_inventory": (daemon_calls.GetInventory, replicas.get_inventory),
        "get_changes": (daemon_calls.GetChanges, replicas.get_changes),
        "merge_listing": (daemon_calls.MergeListing, replicas.merge_listing),
        "list_objects": (daemon_calls.ListObjects, replicas.list_objects),
        "find_rows": (daemon_calls.FindRows, listings.find_rows),
        "quarantine": (daemon_calls.Quarantine, replicas.quarantine),
        "remove_replica": (daemon_calls.RemoveReplica, replicas.remove_replica),
    }
