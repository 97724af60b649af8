"""Stores a body as fragments. The object exists once its head is stored, so a PUT that fails changes nothing."""

import hashlib
import logging
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from pileus_kit.errors import HostDown
from pileus_objectstore.core import erasure
from pileus_objectstore.core.coded_heads import ETAG, SCHEME, SIZE, STAMP
from pileus_objectstore.core.quorums import QuorumNotReached
from pileus_objectstore.errors import ObjectTooLarge, Unprocessable
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.ring.storage_policies import ErasureCode, fragments_area
from pileus_objectstore.wire.client import Exchange
from pileus_objectstore.wire.contract import HostReplicas, ObjectReply, PutObject, WithdrawObject

if TYPE_CHECKING:
    from pileus_objectstore.core.cluster import Cluster

log = logging.getLogger(__name__)
PATH = "X-Object-Sysmeta-Ec-Path"
Read = Callable[[int], bytes]


def code(
    cluster: "Cluster", placement: Placement, request: PutObject, read: Read, how: ErasureCode
) -> tuple[PutObject, Read]:
    """Store the fragments of a body, and return the request that stores its head; a short body stays as it is.

    Raises QuorumNotReached, Unprocessable, ObjectTooLarge, and what `read` raises.
    """
    if 0 <= request.size < how.min_bytes:
        return request, read
    begun = _take(read, how.min_bytes)
    if len(begun) < how.min_bytes:
        rest = iter((begun,))
        return msgspec.structs.replace(request, size=len(begun)), lambda max_bytes: next(rest, b"")
    upload = CodedUpload(cluster, placement, request, how)
    try:
        size, etag = upload.store(_segments(begun, read, how.segment_bytes))
    except BaseException:
        upload.withdraw()
        raise
    marks = {SIZE: str(size), ETAG: etag, SCHEME: erasure.scheme_of(how), STAMP: request.timestamp}
    head = msgspec.structs.replace(request, headers=request.headers | marks, size=0, etag="", max_bytes=-1)
    return head, lambda max_bytes: b""


class CodedUpload:
    """Sends fragments to their devices as the body arrives."""

    def __init__(self, cluster: "Cluster", placement: Placement, request: PutObject, how: ErasureCode) -> None:
        self._cluster, self._placement, self._request, self._how = cluster, placement, request, how
        self._ring = cluster.rings.ring("object", fragments_area(placement.policy))
        self._handoffs = iter(self._ring.handoffs(placement.partition))
        self._open: dict[int, Exchange] = {}
        self._stored = 0
        self._wanted = min(how.data + 1, how.fragments)  # so that one may be lost at once

    def store(self, segments: Iterator[bytes]) -> tuple[int, str]:
        """Store all fragments; the body's size and MD5.

        The parts of the last segment are held back until the body was checked: a fragment that isn't complete is not
        stored.
        """
        for number, device in enumerate(self._ring.devices(self._placement.partition)):
            self._start(number, device)
        layout, md5, size = erasure.Layout(self._how, 0), hashlib.md5(usedforsecurity=False), 0
        held_back: list[bytes] = []
        for segment in segments:
            size += len(segment)
            if 0 <= self._request.max_bytes < size:
                raise ObjectTooLarge()
            md5.update(segment)
            self._send(held_back)
            held_back = layout.encode(segment)
        if self._request.etag and md5.hexdigest() != self._request.etag:
            raise Unprocessable(why="The body's MD5 is not what the ETag header says.")
        self._send(held_back)
        self._finish(size)
        return size, md5.hexdigest()

    def withdraw(self) -> None:
        """Give up what is under way. Fragments that are stored already are removed; what stays, the daemon removes."""
        for exchange in self._open.values():
            exchange.drop()
        for number, device in enumerate(self._ring.devices(self._placement.partition)) if self._stored else ():
            host, replicas = erasure.places(
                self._ring, self._placement.policy, self._placement.partition, self._digest(number), device
            )
            withdrawal = WithdrawObject(replicas, self._request.name, self._request.timestamp)
            try:
                self._cluster.pool.call(host, "withdraw_object", withdrawal, ObjectReply)
            except HostDown as e:
                log.info("%s", e)

    def _digest(self, number: int) -> str:
        return erasure.fragment_digest(self._placement.digest, self._request.timestamp, number)

    def _start(self, number: int, primary: Device) -> None:
        """Begin a fragment on its device, or on the first handoff whose host answers."""
        digest, size, area = self._digest(number), self._request.size, fragments_area(self._placement.policy)
        if size >= 0:
            size = erasure.Layout(self._how, size).fragment_size
        for device in chain((primary,), self._handoffs):
            if device.host in self._cluster.down():
                continue
            spare = tuple(d.name for d in self._ring.file.devices if d and d.host == device.host and d != device)
            replicas = HostReplicas(self._placement.partition, digest, (device.name,), spare, area)
            put = PutObject(replicas, digest, self._request.timestamp, {PATH: self._request.name}, size, min_devices=1)
            try:
                self._open[number] = self._cluster.pool.open(device.host, "put_object", put, size).start()
                return
            except HostDown as e:
                log.warning("%s", e)
                self._cluster.avoid(device.host)

    def _send(self, parts: list[bytes]) -> None:
        """Send each fragment its part of a segment. Raises QuorumNotReached if too few devices take theirs."""
        for number, part in enumerate(parts):
            if number in self._open:
                self._send_part(number, part)
        self._require(len(self._open))

    def _send_part(self, number: int, part: bytes) -> None:
        exchange = self._open[number]
        try:
            if exchange.has_answered():  # it refuses the rest
                raise HostDown(host=exchange.host, why=exchange.reply(ObjectReply)[0].why)
            exchange.send(part)
        except HostDown as e:
            log.warning("%s", e)
            exchange.drop()
            del self._open[number]

    def _finish(self, size: int) -> None:
        for exchange in list(self._open.values()):
            try:
                exchange.finish()
            except HostDown as e:
                log.warning("%s", e)
        for number, exchange in list(self._open.items()):
            del self._open[number]
            try:
                exchange.extend_timeout(size)
                reply, body = exchange.reply(ObjectReply)
            except HostDown as e:
                log.warning("%s", e)
                continue
            exchange.done(body)
            self._stored += reply.status == 201
        self._require(self._stored)

    def _require(self, fragments: int) -> None:
        if fragments < self._wanted:
            raise QuorumNotReached(got=fragments, wanted=self._wanted)


def _take(read: Read, size: int) -> bytes:
    """The first bytes of a body, fewer at its end."""
    data = b""
    while len(data) < size and (piece := read(size - len(data))):
        data += piece
    return data


def _segments(begun: bytes, read: Read, segment_bytes: int) -> Iterator[bytes]:
    """The body, of which `begun` was read already, in segments."""
    held = begun
    while True:
        held += _take(read, segment_bytes - len(held)) if len(held) < segment_bytes else b""
        if not held:
            return
        yield held[:segment_bytes]
        held = held[segment_bytes:]
