"""The container sync daemon: brings what has changed in a container to the one that X-Container-Sync-To names.

It reads the changes of one replica of the container's listing, by their numbers, and remembers how far it came. What a
replica learns late gets a later number there. Once a day it begins again, because a replica may have been replaced;
then, and wherever a worker was killed, the other side is asked first what it has, and only what is newer is sent.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import time

from pileus_kit import decoding
from pileus_kit.errors import CloudError, HostDown
from pileus_objectstore.clients.sync_peers import ObjectRefused, PeerAway, SyncPeer
from pileus_objectstore.core import container_sync, manifests, stored_objects, sync_realms
from pileus_objectstore.core.access import Access
from pileus_objectstore.core.bucket_index import Entry
from pileus_objectstore.core.container_sync import INDEX, Progress
from pileus_objectstore.core.content import Content
from pileus_objectstore.core.encryption import customer_keys
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.replica_plans import read_plan
from pileus_objectstore.core.requests import MAX_OBJECT_BYTES, GetRequest
from pileus_objectstore.core.sync_realms import KEY, TO
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.upload_parts import UPLOAD
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.wire.contract import ListingInfo, ListingRow, ObjectMeta, ShardRange
from pileus_objectstore.wire.daemon_calls import ChangesReply, GetChanges
from pileus_objectstore.wire.shard_ranges import Shard

log = logging.getLogger(__name__)
PAGE_ROWS = 100
PAGES_PER_RUN = 20  # of one listing, so that a large container doesn't keep the others waiting
WHOLE_S = 86400.0  # so often a container is compared from its first change on
FORGET_S = 3600.0  # an entry is made a moment before the destination is stored, so it stays for this long without one


@dataclass
class ContainerSync:
    """Synchronises the containers for which this host is responsible; `run` makes one pass."""

    context: DaemonContext
    tools: Tools
    now: Callable[[], float] = time
    left: bool = False
    sent: int = field(default=0)
    refused: int = field(default=0)

    def run(self) -> str:
        """Make one pass; what was done, '' for nothing."""
        self.sent = self.refused = away = 0
        self.left = False
        if not sync_realms.is_offered(self.tools.config.container_sync_realms):
            return ""
        for entry in INDEX.entries(self.tools):
            if self.context.stopping():
                break
            if not self._is_mine(entry.bucket):
                continue
            try:
                self._synchronise(entry)
            except PeerAway as e:
                log.warning("container sync of %s: the other side: %s", entry.bucket, e)
                away += 1
            except (CloudError, HostDown) as e:
                log.warning("container sync of %s: %s", entry.bucket, e)
                away += 1
        if not (self.sent or self.refused or away):
            return ""
        return f"{self.sent} changes sent, {self.refused} refused, {away} containers wait"

    def _is_mine(self, container: Target) -> bool:
        """Whether this host has the first replica of the container, among the hosts that are not down."""
        down = self.tools.cluster.down()
        hosts = [host for host, own, _ in self.tools.cluster.rings.placement(*container.names).hosts if own]
        up = [host for host in hosts if host not in down]
        return self.context.address == (up or hosts)[0]

    def _synchronise(self, entry: Entry) -> None:
        container = entry.bucket
        info = self.tools.listing_cache.get(container, fresh=True)
        if info is None or not info.value(TO):
            if self.now() - float(entry.changed_at) > FORGET_S:
                INDEX.remove(self.tools, entry)
            return
        if not info.value(KEY):
            return  # nothing can be signed until the container has a key
        realms = sync_realms.load(self.tools.config.container_sync_realms)
        peer = SyncPeer(sync_realms.destination(realms, info.value(TO)), info.value(KEY), self.tools.config.ca_file)
        reached = self._reached(container, info)
        before = dict(reached.changes)
        try:
            ranges = self._bring_listing(peer, container, Shard((container.account, container.container), ""), reached)
            for found in ranges:
                shard = Shard((container.account, container.container), found.shard)
                self._bring_listing(peer, container, shard, reached)
        finally:
            peer.close()
            if reached.changes != before:
                container_sync.save(self.tools, container, reached)

    def _reached(self, container: Target, info: ListingInfo) -> Progress:
        """How far the container is synchronised with what it leads to now; from the beginning again after a day."""
        described = f"{info.value(TO)} {info.value(KEY)} {info.created}"
        mark = hashlib.sha256(described.encode()).hexdigest()
        reached = container_sync.progress(self.tools, container)
        if reached.to != mark or self.now() - reached.began > WHOLE_S:
            return Progress(mark, self.now())
        return reached

    def _bring_listing(
        self, peer: SyncPeer, container: Target, listing: Shard, reached: Progress
    ) -> Sequence[ShardRange]:
        """Bring the next changes of a listing; the ranges into which it is divided.

        Raises PeerAway, HostDown or Unavailable, and `reached` stays at the changes that arrived.
        """
        placement = self.context.rings.placement(*listing.names)
        host, replicas = read_plan(placement, self.tools.cluster.down())[0]
        device = (replicas.devices or replicas.handoffs)[0]
        place = f"{listing.name}@{host}/{device}"
        for _ in range(PAGES_PER_RUN):
            since = reached.changes.get(place, 0)
            args = GetChanges("container", device, placement.partition, placement.digest, since, PAGE_ROWS)
            reply, data = self.context.ask(host, "get_changes", args, ChangesReply)
            if reply.status == 404 or reply.info is None:
                return ()
            if reply.upto < since:  # the replica was replaced
                reached.changes.pop(place)
                continue
            for row in decoding.decode(data, list[ListingRow]) if data else []:
                self._bring(peer, Target(container.account, container.container, row.name), row)
            if reply.upto == since or self.context.stopping():
                return reply.info.ranges
            reached.changes[place] = reply.upto
        self.left = True
        return reply.info.ranges if reply.info else ()

    def _bring(self, peer: SyncPeer, target: Target, row: ListingRow) -> None:
        """Bring one object, or its deletion. What the other side refuses for itself is tried again a day later."""
        try:
            if row.deleted:
                peer.delete(row.name, row.timestamp)
                self.sent += 1
                return
            meta = container_sync.find(self.tools, target)
            if meta is not None and peer.timestamp(row.name) < container_sync.changed_at(meta):
                self._send(peer, target, meta)
                self.sent += 1
        except ObjectRefused as e:
            log.warning("container sync of %s: %s", target, e)
            self.refused += 1

    def _send(self, peer: SyncPeer, target: Target, meta: ObjectMeta) -> None:
        """Send an object. Raises PeerAway and ObjectRefused."""
        if customer_keys.HEADER in meta.headers:
            raise ObjectRefused("it is encrypted under a client's key, which the store doesn't know")
        content = self._content(target, meta)
        if content.size > MAX_OBJECT_BYTES:
            raise ObjectRefused("what was uploaded in parts is larger than one object may be")
        headers = {name: value for name, value in meta.headers.items() if "-Sysmeta-" not in name}
        if UPLOAD in meta.headers:
            headers.pop(manifests.STATIC, None)
        if meta.delete_at:
            headers["X-Delete-At"] = str(meta.delete_at)
        stamp = container_sync.changed_at(meta)
        peer.put(target.object, stamp, headers, content.size, self._pieces(content))

    def _content(self, target: Target, meta: ObjectMeta) -> Content:
        """The bytes to send: a manifest's own, but those of all parts of an S3 upload."""
        if UPLOAD not in meta.headers or not manifests.is_static(meta):
            return stored_objects.content_of(self.tools, meta)
        access = Access(self.tools)
        access.signed_for = Target(target.account)
        return manifests.open_large(self.tools, access, GetRequest(target), target, meta)

    def _pieces(self, content: Content) -> Iterator[bytes]:
        """The bytes of an object. If they can't be read any more, the request that has begun is broken off."""
        try:
            if content.size:
                yield from content.read(0, content.size - 1)
        except (CloudError, HostDown) as e:
            raise PeerAway(f"the object can't be read: {e}") from e
