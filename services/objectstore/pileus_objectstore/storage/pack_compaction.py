"""Gives back the space of records that don't count any more, and writes hints.

What counts of a wasteful segment is written once more, at the end of the log like any other change; when it is durable
there, the segment is removed. A crash in between leaves both, and the later record counts. A note that an object was
removed has to be written again, too, as long as an older segment may have the object.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterator

from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.pack_index import Location
from pileus_objectstore.storage.pack_log import Change, Completion, PackLog, removal
from pileus_objectstore.storage.pack_records import REMOVED, STORED, Header

log = logging.getLogger(__name__)
BATCH = 64  # records that are moved with one commit
SMALL_BYTES = 8 << 20  # each restart begins a segment; those that stayed smaller than this are joined
MAX_SMALL = 16


class Compactor:
    """One thread of a device, which sleeps while there is nothing to do. `put_aside` gets what is damaged."""

    def __init__(self, packs: PackLog, put_aside: Callable[[int, str, Location], object]) -> None:
        self._packs, self._put_aside = packs, put_aside
        self._due: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._waiting: set[int] = set()
        self._thread: threading.Thread | None = None
        self._stopping = False
        packs.on_sealed = self.submit

    def submit(self, number: int) -> None:
        """A segment gets no more records, or has become wasteful. Called by the log's thread only."""
        if number in self._waiting or self._stopping:
            return
        self._waiting.add(number)
        self._due.put(number)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pack-compactor", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread after the batch that it is moving."""
        self._stopping = True
        if self._thread is not None:
            self._due.put(None)
            self._thread.join()

    def look(self, number: int) -> None:
        """Write a segment's hint, and move what counts elsewhere if that is worth it. Raises DeviceFailed."""
        packs = self._packs
        usage = packs.usage.get(number)
        if usage is None or number == packs.current:
            return
        with packs.disk.guard():
            if usage.wasteful:
                self._compact(number)
            elif packs.segments.hint(number) is None:
                packs.segments.write_hint(number)
        small = [n for n, usage in list(packs.usage.items()) if usage.size < SMALL_BYTES and n != packs.current]
        if len(small) > MAX_SMALL:
            for number in small:
                with packs.disk.guard():
                    self._compact(number)

    def _run(self) -> None:
        while (number := self._due.get()) is not None:
            self._waiting.discard(number)
            try:
                self.look(number)
            except (DeviceFailed, OSError) as e:
                log.warning("segment %d of %s is not compacted: %s", number, self._packs.disk.name, e)
            except Exception:  # a bug must leave one segment as it is, not end the thread
                log.exception("segment %d of %s is not compacted", number, self._packs.disk.name)

    def _compact(self, number: int) -> None:
        packs, batch = self._packs, list[Change]()
        for change in self._moves(number):
            batch.append(change)
            if len(batch) >= BATCH:
                self._apply(batch)
                batch = []
            if self._stopping:
                return
        self._apply(batch)
        if packs.usage[number].live > 0:
            self._put_rest_aside(number)
        del packs.usage[number]
        packs.segments.remove(number)

    def _moves(self, number: int) -> Iterator[Change]:
        """What has to be written again before a segment can be removed."""
        oldest = number == min(self._packs.usage)
        for offset, header in self._packs.segments.headers(number):
            digest = header.digest.hex()
            place = self._packs.find(header.partition, digest)
            if header.kind == REMOVED:
                if not oldest and place is None:
                    yield removal(header.partition, digest, lambda there: there is None)
            elif place is not None and (place.segment, place.offset) == (number, offset):
                payload = self._payload(header, digest, place)
                if payload is not None:
                    yield _copy(header, digest, payload, place)

    def _payload(self, header: Header, digest: str, place: Location) -> bytes | None:
        try:
            return self._packs.read(digest, place)
        except Damaged as e:
            log.error("%s", e)
            self._put_aside(header.partition, digest, place)
            return None

    def _apply(self, batch: list[Change]) -> None:
        completion = Completion(len(batch))
        self._packs.submit(batch, completion)
        completion.wait()
        for change in batch:
            change.result()

    def _put_rest_aside(self, number: int) -> None:
        """Records whose headers are damaged, so that only the index knows of them."""
        index = self._packs.index
        for partition in index.partitions():
            for digest, place in index.held(partition):
                if place.segment == number:
                    self._put_aside(partition, digest.hex(), place)


def _copy(header: Header, digest: str, payload: bytes, place: Location) -> Change:
    return Change(STORED, header.partition, digest, (place.stamp, place.posted), payload, lambda there: there == place)
