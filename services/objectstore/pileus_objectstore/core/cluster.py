"""All storage hosts as one: writes that are true once a quorum has them on disk, reads from whoever can answer."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import msgspec

from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.core.replica_plans import assign_listing_hosts, read_plan, remaining, write_plan
from pileus_objectstore.core.withdrawals import withdraw
from pileus_objectstore.ring.rings import Placement, Rings
from pileus_objectstore.wire.client import Exchange, Pool
from pileus_objectstore.wire.contract import (
    GetListing,
    GetObject,
    HostReplicas,
    ListingHost,
    ListingInfo,
    ListingReply,
    ObjectReply,
    PutObject,
)
from pileus_objectstore.wire.framing import Body

log = logging.getLogger(__name__)
R = TypeVar("R", ObjectReply, ListingReply)
AVOID_S = 5.0  # a host that did not answer is asked last for so long
PIECE = 1 << 18
Make = Callable[[HostReplicas, tuple[ListingHost, ...]], Any]


class QuorumNotReached(Unavailable):
    text = "Only {got} of {wanted} replicas could be written; try again shortly."


class Cluster:
    """Rings and connections. Thread-safe."""

    def __init__(self, rings: Rings, pool: Pool) -> None:
        self.rings = rings
        self.pool = pool
        self._down: dict[str, float] = {}
        self._threads = ThreadPoolExecutor(32, "fan-out")

    def close(self) -> None:
        self._threads.shutdown()
        self.pool.close()

    def down(self) -> set[str]:
        now = time.monotonic()
        return {host for host, until in list(self._down.items()) if until > now}

    def hosts_to_avoid(self, placement: Placement) -> set[str]:
        """Hosts to leave out of a write: those that did not answer just now, unless it can't be done without them."""
        down = self.down()
        reached = sum(len(replicas.devices) for _, replicas in write_plan(placement, down))
        return down if reached >= quorum(placement) else set()

    def avoid(self, host: str) -> None:
        self._down[host] = time.monotonic() + AVOID_S

    def write(
        self,
        call: str,
        placement: Placement,
        listing: Placement | None,
        kind: type[R],
        make: Make,
        body: bytes = b"",
    ) -> R:
        """One change on all replicas, in parallel; the answer that a quorum agrees on. Raises Quorum."""
        avoid, asked, notified = self.hosts_to_avoid(placement), dict[str, set[str]](), set[str]()
        replies: list[R] = []
        while plan := remaining(write_plan(placement, avoid), asked):
            listing_hosts = assign_listing_hosts(listing, [host for host, _ in plan], notified)
            asks = [(host, make(replicas, listing_hosts[host])) for host, replicas in plan]

            def ask(entry: tuple[str, Any]) -> R | None:
                try:
                    return self.pool.call(entry[0], call, entry[1], kind, body)[0]
                except HostDown as e:
                    log.warning("%s", e)
                    self.avoid(entry[0])
                    return None

            failed = False
            answers = [ask(asks[0])] if len(asks) == 1 else list(self._threads.map(ask, asks))
            for (host, replicas), answer in zip(plan, answers, strict=True):
                asked.setdefault(host, set()).update(replicas.devices)
                if answer is None or answer.status >= 500:
                    avoid.add(host)
                    failed = True
                else:
                    notified.update(up.host for up in listing_hosts[host])
                if answer is not None:
                    replies.append(answer)
            if not failed:
                break
        return agreed(replies, placement)

    def listing(self, kind: str, placement: Placement, **args: Any) -> tuple[ListingInfo | None, bytes]:
        """Head and rows of a listing; (None, b'') if there is none. Raises Unavailable if nobody can say."""
        denied = 0
        for host, replicas in read_plan(placement, self.down()):
            try:
                reply, rows = self.pool.call(host, "get_listing", GetListing(kind, replicas, **args), ListingReply)
            except HostDown as e:
                log.warning("%s", e)
                self.avoid(host)
                continue
            if reply.status == 200:
                return reply.info, rows
            if reply.status == 404:
                denied += len(replicas.devices) if reply.info is None else quorum(placement)  # info: it was deleted
        if denied >= quorum(placement):
            return None, b""
        raise Unavailable(why="Too few storage hosts can be asked; try again shortly.")

    def open(self, placement: Placement, **args: Any) -> tuple[ObjectReply, Exchange, Body]:
        """Ask for an object until a host has it. The exchange is the caller's to finish. Raises Unavailable.

        A host that knows of a deletion outvotes one that has slept through it.
        """
        refusal: tuple[ObjectReply, Exchange, Body] | None = None
        deleted_at, denied = "", 0
        for host, replicas in read_plan(placement, self.down()):
            asked = self._ask(host, GetObject(replicas, **args))
            if asked is None:
                continue
            reply, exchange, body = asked
            if reply.status < 300 and reply.timestamp > deleted_at:
                return asked
            exchange.done(body)
            if reply.status == 404:
                deleted_at = max(deleted_at, reply.timestamp)
                denied += len(replicas.devices)
            if reply.status in (404, 416) and (refusal is None or reply.status == 416):
                refusal = asked
        if refusal is None or (refusal[0].status == 404 and not deleted_at and denied < quorum(placement)):
            raise Unavailable(why="Too few storage hosts can be asked; try again shortly.")
        return refusal

    def head(self, placement: Placement, newest: bool = False) -> ObjectReply:
        """What is known of an object; with `newest`, by all hosts that answer (one that was away may know an old
        one)."""
        if not newest or len(placement.hosts) == 1:
            reply, exchange, body = self.open(placement, head=True)
            if reply.status < 300:
                exchange.done(body)
            return reply
        replies, answered = [], 0
        for host, replicas in read_plan(placement, self.down()):
            asked = self._ask(host, GetObject(replicas, head=True))
            if asked is not None:
                asked[1].done(asked[2])
                replies.append(asked[0])
                answered += len(replicas.devices) if asked[0].status == 404 else 0
        if answered < quorum(placement) and not any(reply.timestamp for reply in replies):
            raise Unavailable(why="Too few storage hosts can be asked; try again shortly.")
        return max(replies, key=lambda reply: (reply.timestamp, reply.meta.posted if reply.meta else ""))

    def _ask(self, host: str, args: GetObject) -> tuple[ObjectReply, Exchange, Body] | None:
        try:
            exchange = self.pool.open(host, "get_object", args).start()
            reply, body = exchange.reply(ObjectReply)
            return reply, exchange, body
        except HostDown as e:
            log.warning("%s", e)
            self.avoid(host)
            return None

    def put_object(
        self, placement: Placement, listing: Placement, args: PutObject, read: Callable[[int], bytes]
    ) -> ObjectReply:
        """Send a body to all replicas at once, piece by piece. `read` gives b'' at the end, raises if it is cut
        short."""
        if len([own for _, own, _ in placement.hosts if own]) == 1:
            args.min_devices = quorum(placement)  # one host has them all, so it can see to it alone
        try:
            return self._put(placement, listing, args, read)
        except QuorumNotReached:
            withdraw(self, placement, listing, args)
            raise

    def _put(
        self, placement: Placement, listing: Placement, args: PutObject, read: Callable[[int], bytes]
    ) -> ObjectReply:
        first = read(PIECE) if args.size else b""
        if 0 <= args.size == len(first):

            def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> PutObject:
                return msgspec.structs.replace(args, replicas=replicas, listing_hosts=listing_hosts)

            return self.write("put_object", placement, listing, ObjectReply, make, first)
        streams = Streams(self, placement, listing, args)
        try:
            piece = first
            while piece:
                streams.send(piece)
                piece = read(PIECE)
            return agreed(streams.finish(), placement)
        finally:
            streams.drop()


class Streams:
    """One upload to several hosts. A host that fails on the way is left behind as long as a quorum can still be
    reached."""

    def __init__(self, cluster: Cluster, placement: Placement, listing: Placement, args: PutObject) -> None:
        self._cluster = cluster
        self._open: list[Exchange] = []
        self._early: list[ObjectReply] = []
        self._sent = 0
        down = cluster.hosts_to_avoid(placement)
        while True:
            plan = write_plan(placement, down)
            listing_hosts = assign_listing_hosts(listing, [host for host, _ in plan])
            try:
                for host, replicas in plan:
                    args = msgspec.structs.replace(args, replicas=replicas, listing_hosts=listing_hosts[host])
                    self._open.append(cluster.pool.open(host, "put_object", args, args.size))
                break
            except HostDown as e:
                log.warning("%s", e)
                self.drop()
                cluster.avoid(host)
                down.add(host)
        for exchange in list(self._open):
            self._try(exchange, exchange.start)

    def send(self, piece: bytes) -> None:
        self._sent += len(piece)
        for exchange in list(self._open):
            if exchange.early():
                self._answer(exchange)
            else:
                self._try(exchange, partial(exchange.send, piece))
        if not self._open and not any(reply.status >= 400 for reply in self._early):
            raise Unavailable(why="No storage host took the object; try again shortly.")

    def finish(self) -> list[ObjectReply]:
        for exchange in list(self._open):
            self._try(exchange, exchange.finish)
        for exchange in list(self._open):
            exchange.extend_timeout(self._sent)
            self._answer(exchange)
        return self._early

    def drop(self) -> None:
        """Whoever has not had all of it, forgets it."""
        for exchange in self._open:
            exchange.drop()
        self._open.clear()

    def _answer(self, exchange: Exchange) -> None:
        self._open.remove(exchange)
        try:
            reply, body = exchange.reply(ObjectReply)
        except HostDown as e:
            log.warning("%s", e)
            self._cluster.avoid(exchange.host)
            return
        self._early.append(reply)
        if reply.status == 201:
            exchange.done(body)
        else:
            exchange.drop()

    def _try(self, exchange: Exchange, act: Callable[[], Any]) -> None:
        try:
            act()
        except HostDown as e:
            log.warning("%s", e)
            self._open.remove(exchange)
            self._cluster.avoid(exchange.host)


def quorum(placement: Placement) -> int:
    """More than half of the replicas."""
    return sum(len(own) for _, own, _ in placement.hosts) // 2 + 1


def agreed(replies: list[R], placement: Placement) -> R:
    """What the replicas' answers mean together: success if a quorum of devices did it, else the commonest refusal."""
    wanted = quorum(placement)
    groups: dict[int, list[R]] = {}
    for reply in replies:
        groups.setdefault(200 if reply.status < 300 else reply.status, []).append(reply)
    good = groups.pop(200, [])
    got = len({(n, device) for n, reply in enumerate(good) for device in reply.devices})
    if got >= wanted:
        return max(good, key=lambda reply: reply.status == 201)
    for failed in [status for status in groups if status >= 500]:
        del groups[failed]
    if 404 in groups and good and got + sum(len(reply.devices) for reply in groups[404]) >= wanted:
        return good[0]
    if groups:
        return max(groups.values(), key=len)[0]
    raise QuorumNotReached(got=got, wanted=wanted)
