"""All storage hosts as one: a write succeeds once a quorum has it on disk, a read asks hosts until one can answer."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.core import coded_heads, coded_uploads
from pileus_objectstore.core.clock import Clock
from pileus_objectstore.core.listing_cache import ListingCache
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.quorums import QuorumNotReached, agreed, check_stored, quorum
from pileus_objectstore.core.replica_plans import assign_listing_hosts, read_plan, remaining, write_plan
from pileus_objectstore.core.sharded_listings import ShardGone, read_page
from pileus_objectstore.core.uploads import Upload
from pileus_objectstore.core.withdrawals import withdraw
from pileus_objectstore.ring.rings import Placement, Rings
from pileus_objectstore.wire.client import Exchange, Pool
from pileus_objectstore.wire.contract import (
    DeleteListing,
    DeleteObject,
    Footers,
    GetListing,
    GetObject,
    HostReplicas,
    ListingHost,
    ListingInfo,
    ListingReply,
    ObjectMeta,
    ObjectReply,
    PostObject,
    PutListing,
    PutObject,
    ShardRange,
    with_footers,
)
from pileus_objectstore.wire.framing import Body
from pileus_objectstore.wire.shard_ranges import Shard, shard_of

log = logging.getLogger(__name__)
R = TypeVar("R", ObjectReply, ListingReply)
AVOID_S = 5.0  # a host that did not answer is asked last for this long
PIECE_BYTES = 1 << 18
DIVISIONS_MET = 3  # divisions of a container's shards that one page may meet
Change = PutObject | DeleteObject | PostObject | PutListing | DeleteListing
Make = Callable[[HostReplicas, tuple[ListingHost, ...]], Change]
Opened = tuple[ObjectReply, Exchange, Body]
CLOCK_BEHIND = "What is stored is newer than this host's clock; try again."
TOO_FEW_HOSTS = "Too few storage hosts can be asked; try again shortly."


@dataclass(frozen=True, slots=True)
class ListingQuery:
    """Which rows of a listing are asked for, as Swift's parameters say it. `limit` 0 asks for the head only."""

    limit: int = 0
    marker: str = ""
    end_marker: str = ""
    prefix: str = ""
    delimiter: str = ""
    path: str | None = None
    reverse: bool = False


HEAD_ONLY = ListingQuery()


def as_stored(piece: bytes) -> bytes:
    """The bytes of an object that isn't encrypted."""
    return piece


class Cluster:
    """Rings and connections to the storage hosts. Thread-safe."""

    def __init__(self, rings: Rings, pool: Pool) -> None:
        self.rings = rings
        self.pool = pool
        self.listing_cache = ListingCache(self)
        self.local_host = ""  # the storage host whose files this process may open; '' if there is none
        self.clock = Clock()
        self._down: dict[str, float] = {}
        self._threads = ThreadPoolExecutor(32, "fan-out")

    def close(self) -> None:
        """End the threads and close all connections."""
        self._threads.shutdown()
        self.pool.close()

    def locate(self, target: Target) -> Placement:
        """Where an account, a container or an object is placed. Raises Unavailable.

        An object is where its container's storage policy has it. Containers need not be asked while there is one.
        """
        policy = 0
        if target.object and len(self.rings.policies().indexes) > 1:
            container = self.listing_cache.get(target.parent)
            policy = container.policy if container else 0
        return self.rings.placement(*target.names, policy=policy)

    def down(self) -> set[str]:
        """Hosts that did not answer within the last AVOID_S seconds."""
        now = time.monotonic()
        return {host for host, until in list(self._down.items()) if until > now}

    def hosts_to_avoid(self, placement: Placement) -> set[str]:
        """Hosts to leave out of a write: those that seem to be down, unless no quorum is possible without them."""
        down = self.down()
        reached = sum(len(replicas.devices) for _, replicas in write_plan(placement, down))
        return down if reached >= quorum(placement) else set()

    def avoid(self, host: str) -> None:
        """Ask this host last for the next AVOID_S seconds."""
        self._down[host] = time.monotonic() + AVOID_S

    def write(
        self, call: str, placement: Placement, listing: Placement | None, kind: type[R], make: Make, body: bytes = b""
    ) -> R:
        """Make one change on all replicas in parallel and return the reply that a quorum agrees on.

        `make` builds the request for one host. `listing` is where the listing that shows the change is placed; the
        hosts that are written to share the task of updating its replicas. Raises QuorumNotReached.
        """
        avoid, asked, notified = self.hosts_to_avoid(placement), dict[str, set[str]](), set[str]()
        replies: list[R] = []
        stamp = ""
        while plan := remaining(write_plan(placement, avoid), asked):
            listing_hosts = assign_listing_hosts(listing, [host for host, _ in plan], notified)
            requests = [(host, make(replicas, listing_hosts[host])) for host, replicas in plan]
            stamp = requests[0][1].timestamp

            def ask(request: tuple[str, Change]) -> R | None:
                try:
                    return self.pool.call(request[0], call, request[1], kind, body)[0]
                except HostDown as e:
                    log.warning("%s", e)
                    self.avoid(request[0])
                    return None

            failed = False
            answers = [ask(requests[0])] if len(requests) == 1 else list(self._threads.map(ask, requests))
            for (host, replicas), answer in zip(plan, answers, strict=True):
                asked.setdefault(host, set()).update(replicas.devices)
                if answer is None or answer.status >= 500:
                    avoid.add(host)
                    failed = True
                else:
                    notified.update(listing_host.host for listing_host in listing_hosts[host])
                if answer is not None:
                    replies.append(answer)
            if not failed:
                break
        return self._in_time(agreed(replies, placement), stamp)

    def _in_time(self, reply: R, stamp: str) -> R:
        """Refuse a change as too old only if its time, `stamp`, is right.

        If what is stored is newer than this host's clock, that was set back, or another host's is ahead. The next
        attempt gets a later time. Raises Unavailable.
        """
        newer = reply.timestamp if isinstance(reply, ObjectReply) and reply.status == 409 else ""
        if newer and self.clock.observe(float(newer), float(stamp)):
            raise Unavailable(why=CLOCK_BEHIND)
        return reply

    def listing(
        self, kind: str, placement: Placement, query: ListingQuery = HEAD_ONLY
    ) -> tuple[ListingInfo | None, bytes]:
        """Head and rows (JSON) of a listing; (None, b'') if there is none. Raises Unavailable.

        The rows of a divided container are read from its shards. One that is gone was divided itself a moment ago, so
        the container is asked again.
        """
        for _ in range(DIVISIONS_MET):
            reply, body = self._ask_listing(kind, placement, query)
            if reply is None or reply.info is None or not reply.divided:
                return (reply.info, body) if reply is not None else (None, b"")
            read = partial(self._read_shard, shard_of(reply.info.name))
            try:
                return reply.info, read_page(decoding.decode(body, list[ShardRange]), query, read)
            except ShardGone as e:
                log.info("%s", e)
        raise Unavailable(why=TOO_FEW_HOSTS)

    def _read_shard(self, root: Shard, found: ShardRange, query: ListingQuery) -> bytes:
        shard = replace(root, name=found.shard)
        reply, rows = self._ask_listing("container", self.rings.placement(*shard.names), query)
        if reply is None:
            raise ShardGone(path=shard.path)
        return rows

    def _ask_listing(self, kind: str, placement: Placement, query: ListingQuery) -> tuple[ListingReply | None, bytes]:
        """What one host answers that has the listing; (None, b'') if there is none. Raises Unavailable."""
        denied = 0
        for host, replicas in read_plan(placement, self.down()):
            request = GetListing(
                kind,
                replicas,
                query.limit,
                query.marker,
                query.end_marker,
                query.prefix,
                query.delimiter,
                query.path,
                query.reverse,
            )
            try:
                reply, rows = self.pool.call(host, "get_listing", request, ListingReply)
            except HostDown as e:
                log.warning("%s", e)
                self.avoid(host)
                continue
            if reply.status == 200:
                return reply, rows
            if reply.status == 404:  # with a head: this host knows that the listing was deleted
                denied += len(replicas.devices) if reply.info is None else quorum(placement)
        if denied >= quorum(placement):
            return None, b""
        raise Unavailable(why=TOO_FEW_HOSTS)

    def open(
        self,
        placement: Placement,
        *,
        first: int | None = None,
        last: int | None = None,
        if_timestamp: str = "",
        head: bool = False,
    ) -> Opened:
        """Ask for an object, host by host, until one has it. The caller must end the exchange. Raises Unavailable.

        A host that knows of a deletion outvotes one that was down when the object was deleted.
        """
        refusal: Opened | None = None
        deleted_at, denied = "", 0
        for host, replicas in read_plan(placement, self.down()):
            local = host == self.local_host and not if_timestamp  # a second try reads from the storage server
            opened = self._open(host, GetObject(replicas, first, last, if_timestamp, head, local))
            if opened is None:
                continue
            reply, exchange, body = opened
            if reply.status < 300 and reply.timestamp > deleted_at:
                return opened
            exchange.done(body)
            if reply.status == 404:
                deleted_at = max(deleted_at, reply.timestamp)
                denied += len(replicas.devices)
            if reply.status in (404, 416) and (refusal is None or reply.status == 416):
                refusal = opened
        if refusal is None or (refusal[0].status == 404 and not deleted_at and denied < quorum(placement)):
            raise Unavailable(why=TOO_FEW_HOSTS)
        return refusal

    def decipher(self, meta: ObjectMeta, first: int) -> Callable[[bytes], bytes]:
        """What makes the bytes of `open` those that were stored: see encryption/cluster.py."""
        return as_stored

    def head(self, placement: Placement, newest: bool = False) -> ObjectReply:
        """What is known of an object. `newest` asks all hosts, because one that was down may know an older version."""
        if not newest or len(placement.hosts) == 1:
            reply, exchange, body = self.open(placement, head=True)
            if reply.status < 300:
                exchange.done(body)
            return reply
        replies, denied = [], 0
        for host, replicas in read_plan(placement, self.down()):
            opened = self._open(host, GetObject(replicas, head=True))
            if opened is not None:
                opened[1].done(opened[2])
                replies.append(opened[0])
                denied += len(replicas.devices) if opened[0].status == 404 else 0
        if denied < quorum(placement) and not any(reply.timestamp for reply in replies):
            raise Unavailable(why=TOO_FEW_HOSTS)
        return max(replies, key=lambda reply: (reply.timestamp, reply.meta.posted if reply.meta else ""))

    def put_object(
        self,
        target: Target,
        request: PutObject,
        read: Callable[[int], bytes],
        footers: Callable[[], Footers] | None = None,
    ) -> ObjectReply:
        """Store an object: send its body to all replicas at once, piece by piece. For the reply see `check_stored`.

        `read(max_bytes)` returns b'' at the end of the body and raises if the body is cut short. `footers` is asked
        once the body was read. Raises QuorumNotReached, and then nothing is stored, and what `check_stored` raises.
        """
        placement, listing = self.locate(target), self.locate(target.parent)
        request.headers = coded_heads.without_marks(request.headers)
        code = self.rings.erasure_code(placement.policy) if placement.policy else None
        if code is not None:
            request, read = coded_uploads.code(self, placement, request, read, code)
        if len([own for _, own, _ in placement.hosts if own]) == 1:
            request.min_devices = quorum(placement)  # one host holds all replicas, so it can guarantee the quorum alone
        try:
            reply = check_stored(
                self._in_time(self._put(placement, listing, request, read, footers), request.timestamp)
            )
            if reply.meta is not None and code is not None:
                reply.meta = coded_heads.logical(msgspec.structs.replace(reply.meta, headers=request.headers))
            return reply
        except QuorumNotReached:
            withdraw(self, placement, listing, request)
            raise

    def _put(
        self,
        placement: Placement,
        listing: Placement,
        request: PutObject,
        read: Callable[[int], bytes],
        footers: Callable[[], Footers] | None,
    ) -> ObjectReply:
        first = read(PIECE_BYTES) if request.size else b""
        if 0 <= request.size == len(first):
            if footers is not None:
                request = with_footers(request, footers())

            def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> PutObject:
                return msgspec.structs.replace(request, replicas=replicas, listing_hosts=listing_hosts)

            return self.write("put_object", placement, listing, ObjectReply, make, first)
        request.footers = footers is not None
        upload = Upload(self, placement, listing, request)
        try:
            piece = first
            while piece:
                upload.send(piece)
                piece = read(PIECE_BYTES)
            return agreed(upload.finish(footers() if footers is not None else None), placement)
        finally:
            upload.drop()

    def _open(self, host: str, request: GetObject) -> Opened | None:
        try:
            exchange = self.pool.open(host, "get_object", request).start()
            reply, body = exchange.reply(ObjectReply)
            reply.meta = reply.meta and coded_heads.logical(reply.meta)
            return reply, exchange, body
        except HostDown as e:
            log.warning("%s", e)
            self.avoid(host)
            return None
