"""All storage hosts as one: writes that are true once a quorum has them on disk, reads from whoever can answer."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import msgspec

from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.core.plans import read_plan, remaining, upstreams, write_plan
from pileus_objectstore.core.withdrawals import withdraw
from pileus_objectstore.ring.rings import Place, Rings
from pileus_objectstore.rpc.client import Exchange, Pool
from pileus_objectstore.rpc.contract import (
    GetListing,
    GetObject,
    Info,
    ListingReply,
    ObjectReply,
    PutObject,
    Spot,
    Upstream,
)
from pileus_objectstore.rpc.framing import Body

log = logging.getLogger(__name__)
R = TypeVar("R", ObjectReply, ListingReply)
SHUN_S = 5.0  # a host that did not answer is asked last for so long
PIECE = 1 << 18
Make = Callable[[Spot, tuple[Upstream, ...]], Any]


class Quorum(Unavailable):
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

    def avoided(self, place: Place) -> set[str]:
        """Hosts to leave out of a write: those that did not answer just now, unless it can't be done without them."""
        down = self.down()
        reached = sum(len(spot.devices) for _, spot in write_plan(place, down))
        return down if reached >= quorum(place) else set()

    def shun(self, host: str) -> None:
        self._down[host] = time.monotonic() + SHUN_S

    def write(self, call: str, place: Place, upstream: Place | None, kind: type[R], make: Make, body: bytes = b"") -> R:
        """One change on all replicas, in parallel; the answer that a quorum agrees on. Raises Quorum."""
        avoid, asked, heard = self.avoided(place), dict[str, set[str]](), set[str]()
        replies: list[R] = []
        while plan := remaining(write_plan(place, avoid), asked):
            told = upstreams(upstream, [host for host, _ in plan], heard)
            asks = [(host, make(spot, told[host])) for host, spot in plan]

            def ask(entry: tuple[str, Any]) -> R | None:
                try:
                    return self.pool.call(entry[0], call, entry[1], kind, body)[0]
                except HostDown as e:
                    log.warning("%s", e)
                    self.shun(entry[0])
                    return None

            failed = False
            answers = [ask(asks[0])] if len(asks) == 1 else list(self._threads.map(ask, asks))
            for (host, spot), answer in zip(plan, answers, strict=True):
                asked.setdefault(host, set()).update(spot.devices)
                if answer is None or answer.status >= 500:
                    avoid.add(host)
                    failed = True
                else:
                    heard.update(up.host for up in told[host])
                if answer is not None:
                    replies.append(answer)
            if not failed:
                break
        return agreed(replies, place)

    def listing(self, kind: str, place: Place, **wish: Any) -> tuple[Info | None, bytes]:
        """Head and rows of a listing; (None, b'') if there is none. Raises Unavailable if nobody can say."""
        denied = 0
        for host, spot in read_plan(place, self.down()):
            try:
                reply, rows = self.pool.call(host, "get_listing", GetListing(kind, spot, **wish), ListingReply)
            except HostDown as e:
                log.warning("%s", e)
                self.shun(host)
                continue
            if reply.status == 200:
                return reply.info, rows
            if reply.status == 404:
                denied += len(spot.devices) if reply.info is None else quorum(place)  # info: it was deleted
        if denied >= quorum(place):
            return None, b""
        raise Unavailable(why="Too few storage hosts can be asked; try again shortly.")

    def open(self, place: Place, **wish: Any) -> tuple[ObjectReply, Exchange, Body]:
        """Ask for an object until a host has it. The exchange is the caller's to finish. Raises Unavailable.

        A host that knows of a deletion outvotes one that has slept through it.
        """
        refusal: tuple[ObjectReply, Exchange, Body] | None = None
        buried, denied = "", 0
        for host, spot in read_plan(place, self.down()):
            asked = self._ask(host, GetObject(spot, **wish))
            if asked is None:
                continue
            reply, exchange, body = asked
            if reply.status < 300 and reply.timestamp > buried:
                return asked
            exchange.done(body)
            if reply.status == 404:
                buried = max(buried, reply.timestamp)
                denied += len(spot.devices)
            if reply.status in (404, 416) and (refusal is None or reply.status == 416):
                refusal = asked
        if refusal is None or (refusal[0].status == 404 and not buried and denied < quorum(place)):
            raise Unavailable(why="Too few storage hosts can be asked; try again shortly.")
        return refusal

    def head(self, place: Place, newest: bool = False) -> ObjectReply:
        """What is known of an object; with `newest`, by all hosts that answer (one that was away may know an old
        one)."""
        if not newest or len(place.hosts) == 1:
            reply, exchange, body = self.open(place, head=True)
            if reply.status < 300:
                exchange.done(body)
            return reply
        replies, answered = [], 0
        for host, spot in read_plan(place, self.down()):
            asked = self._ask(host, GetObject(spot, head=True))
            if asked is not None:
                asked[1].done(asked[2])
                replies.append(asked[0])
                answered += len(spot.devices) if asked[0].status == 404 else 0
        if answered < quorum(place) and not any(reply.timestamp for reply in replies):
            raise Unavailable(why="Too few storage hosts can be asked; try again shortly.")
        return max(replies, key=lambda reply: (reply.timestamp, reply.meta.posted if reply.meta else ""))

    def _ask(self, host: str, args: GetObject) -> tuple[ObjectReply, Exchange, Body] | None:
        try:
            exchange = self.pool.open(host, "get_object", args).start()
            reply, body = exchange.reply(ObjectReply)
            return reply, exchange, body
        except HostDown as e:
            log.warning("%s", e)
            self.shun(host)
            return None

    def put_object(self, place: Place, upstream: Place, args: PutObject, read: Callable[[int], bytes]) -> ObjectReply:
        """Send a body to all replicas at once, piece by piece. `read` gives b'' at the end, raises if it is cut
        short."""
        if len([own for _, own, _ in place.hosts if own]) == 1:
            args.needed = quorum(place)  # one host has them all, so it can see to it alone
        try:
            return self._put(place, upstream, args, read)
        except Quorum:
            withdraw(self, place, upstream, args)
            raise

    def _put(self, place: Place, upstream: Place, args: PutObject, read: Callable[[int], bytes]) -> ObjectReply:
        first = read(PIECE) if args.size else b""
        if 0 <= args.size == len(first):

            def make(spot: Spot, told: tuple[Upstream, ...]) -> PutObject:
                return msgspec.structs.replace(args, spot=spot, upstream=told)

            return self.write("put_object", place, upstream, ObjectReply, make, first)
        streams = Streams(self, place, upstream, args)
        try:
            piece = first
            while piece:
                streams.send(piece)
                piece = read(PIECE)
            return agreed(streams.finish(), place)
        finally:
            streams.drop()


class Streams:
    """One upload to several hosts. A host that fails on the way is left behind as long as a quorum can still be
    reached."""

    def __init__(self, cluster: Cluster, place: Place, upstream: Place, args: PutObject) -> None:
        self._cluster = cluster
        self._open: list[Exchange] = []
        self._early: list[ObjectReply] = []
        self._sent = 0
        down = cluster.avoided(place)
        while True:
            plan = write_plan(place, down)
            told = upstreams(upstream, [host for host, _ in plan])
            try:
                for host, spot in plan:
                    wish = msgspec.structs.replace(args, spot=spot, upstream=told[host])
                    self._open.append(cluster.pool.open(host, "put_object", wish, args.size))
                break
            except HostDown as e:
                log.warning("%s", e)
                self.drop()
                cluster.shun(host)
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
            exchange.patience(self._sent)
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
            self._cluster.shun(exchange.host)
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
            self._cluster.shun(exchange.host)


def quorum(place: Place) -> int:
    """More than half of the replicas."""
    return sum(len(own) for _, own, _ in place.hosts) // 2 + 1


def agreed(replies: list[R], place: Place) -> R:
    """What the replicas' answers mean together: success if a quorum of devices did it, else the commonest refusal."""
    wanted = quorum(place)
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
    raise Quorum(got=got, wanted=wanted)
