"""The objects of a device: small ones in packs, larger ones in files. The newest version counts, wherever it is.

A version may be left where a newer one is not: a large object that replaces a small one, or the reverse, or a crash in
between. So each question looks at both, and what removes a version removes older ones first.
"""

import logging
import threading
import time

from pileus_objectstore.errors import Damaged
from pileus_objectstore.storage.disks import Disk, write_durably
from pileus_objectstore.storage.object_files import OBJECTS, Draft, ObjectFiles, modified
from pileus_objectstore.storage.object_format import StoredVersion, stamp_of, trailer
from pileus_objectstore.storage.pack_compaction import Compactor
from pileus_objectstore.storage.pack_index import Location
from pileus_objectstore.storage.pack_log import Change, PackLog, newer, removal, same
from pileus_objectstore.storage.pack_records import HEADER_BYTES, STORED
from pileus_objectstore.storage.packed_version import PackedVersion
from pileus_objectstore.wire.contract import ObjectMeta

log = logging.getLogger(__name__)
PACKS = "packs"  # the directory of packs; that of a storage policy other than 0 ends with its index
MAX_TRIES = 3  # to read a record that is moved meanwhile
Stamps = tuple[int, int]
NONE: Stamps = (0, 0)


class DeviceObjects:
    """The objects of one storage policy on one device, by partition and digest.

    Bodies of up to `pack_bytes` are packed; -1 packs nothing, tombstones included.
    """

    def __init__(self, disk: Disk, pack_bytes: int, objects: str = OBJECTS, packs: str = PACKS) -> None:
        self.disk = disk
        self.pack_bytes = pack_bytes
        self.files = ObjectFiles(disk, objects)
        self._packs_name = packs
        self._packs: PackLog | None = None
        self._compactor: Compactor | None = None
        self._opening = threading.Lock()
        self._recent: tuple[float, dict[int, set[str]]] | None = None

    @property
    def packs(self) -> PackLog:
        """The log of small objects; the first use reads what it holds. Raises DeviceFailed."""
        packs = self._packs
        if packs is None:
            with self._opening:
                packs = self._packs or self._open_packs()
        return packs

    def close(self) -> None:
        """Finish writes under way, and forget what is known: another disk may come to this place."""
        with self._opening:
            packs, compactor, self._packs, self._compactor = self._packs, self._compactor, None, None
        if compactor is not None:
            compactor.stop()
        if packs is not None:
            packs.close()

    def stamps(self, partition: int, digest: str) -> Stamps:
        """The timestamps of (version, later metadata) in nanoseconds; 0 for what is not there. Raises DeviceFailed."""
        in_file = self.files.stamps(partition, digest)
        place = self.packs.find(partition, digest)
        return in_file if place is None else max(in_file, (place.stamp, place.posted))

    def open(self, partition: int, digest: str) -> StoredVersion | None:
        """The stored version, which may be a tombstone, with its later metadata; None if there is none.

        A damaged one is moved to quarantine, and Damaged is raised.
        """
        for _ in range(MAX_TRIES):
            place = self._newest_packed(partition, digest)
            if place is None:
                return self.files.open(partition, digest)
            found = self._read(partition, digest, place)
            if found is not None:
                return found[0]
        raise Damaged(path=f"{self._packs_name}/{digest}", why="its segment is gone")

    def version(self, partition: int, digest: str, stamp: int) -> StoredVersion:
        """Open exactly this version. Raises Damaged if it is, or if something else is there by now."""
        place = self._newest_packed(partition, digest)
        if place is None:
            return self.files.version(partition, digest, stamp)
        found = self._read(partition, digest, place) if place.stamp == stamp else None
        if found is None:
            raise Damaged(path=self._path(place), why="it was replaced")
        return found[0]

    def packed(self, partition: int, digest: str, stamp: int) -> bytes | None:
        """A packed version as its file would be, for another device; None if it isn't packed, or was replaced.

        A damaged one is moved to quarantine: then it isn't there any more.
        """
        place = self._newest_packed(partition, digest)
        if place is None or place.stamp != stamp:
            return None
        try:
            found = self._read(partition, digest, place)
        except Damaged as e:
            log.error("%s", e)
            return None
        return found[1] if found is not None else None

    def draft(self, partition: int, digest: str, expect: int = 0) -> Draft:
        """Begin a file of about `expect` bytes. Raises DeviceFailed if there is no room."""
        return self.files.draft(partition, digest, expect)

    def commit(self, draft: Draft, stamp: int, suffix: str = "") -> bool:
        """Make a draft durable in its place. False if something newer is there, which stays. Raises DeviceFailed."""
        place = self.packs.find(draft.partition, draft.digest)
        if place is not None and not suffix and place.stamp >= stamp:
            return False
        if not draft.commit(stamp, suffix):
            return False
        if place is not None and not suffix:
            change = removal(draft.partition, draft.digest, same(place.stamp))
            change.idle = True
            self.packs.apply(change)
        return True

    def change(self, partition: int, digest: str, stamps: Stamps, payload: bytes) -> Change | None:
        """A change that packs a version; submit it to `packs`, then `settle`. None if something newer is in a file.

        The caller asks whether there is room, as a tombstone may take what is reserved. Raises DeviceFailed.
        """
        if modified(self.files.path(partition, digest)) >= stamps[0]:
            return None
        return Change(STORED, partition, digest, stamps, payload, newer(stamps))

    def settle(self, change: Change) -> bool:
        """After a change was committed: whether it was. What it replaces in a file is removed. Raises DeviceFailed."""
        if change.result():
            self.files.remove_older(change.partition, change.digest.hex(), change.stamps[0])
        return change.done

    def put(self, partition: int, digest: str, stamps: Stamps, payload: bytes) -> bool:
        """Pack a version and wait; False if something newer is there. Raises DeviceFailed."""
        change = self.change(partition, digest, stamps, payload)
        if change is None:
            return False
        self.packs.apply(change)
        return self.settle(change)

    def delete(self, partition: int, digest: str, meta: ObjectMeta) -> Change | None:
        """A change that packs a tombstone, like `change`; without packs it is written at once as a file."""
        if self.pack_bytes >= 0:
            return self.change(partition, digest, (stamp_of(meta.timestamp), 0), trailer(meta, 0, b""))
        self.files.write_tombstone(partition, digest, meta)
        return None

    def post(self, partition: int, digest: str, meta: ObjectMeta) -> bool:
        """Store later metadata; False if newer metadata or another version is there. Raises DeviceFailed or Damaged.

        A packed object is written again with it. A damaged one is moved to quarantine.
        """
        place = self._newest_packed(partition, digest)
        if place is None:
            return self.files.post(partition, digest, meta)
        stamps = stamp_of(meta.timestamp), stamp_of(meta.posted)
        if place.stamp != stamps[0] or place.posted >= stamps[1]:
            return False
        found = self._read(partition, digest, place)
        if found is None:
            return False
        version, old = found
        payload = old[: version.size] + trailer(meta, version.size, version.sums)
        self.disk.room_for(len(payload))
        return self.packs.apply(
            Change(STORED, partition, digest, stamps, payload, lambda there: _follows(there, stamps))
        )

    def quarantine(self, partition: int, digest: str) -> bool:
        """Move a version, or later metadata, to quarantine if it is damaged; it is read again to be certain."""
        if self.files.quarantine(partition, digest):
            return True
        place = self.packs.find(partition, digest)
        if place is None:
            return False
        try:
            payload = self.packs.read(digest, place)
            if payload is not None:
                PackedVersion(self.disk, self._path(place), payload)
        except Damaged:
            return self.put_aside(partition, digest, place)
        return False

    def put_aside(self, partition: int, digest: str, place: Location) -> bool:
        """Copy a damaged record to quarantine, for an operator to look at, and forget it. False if it is replaced."""
        with self.disk.guard():
            directory = self.disk.directory("quarantined", self._packs_name)
            try:
                data = self.packs.segments.segment(place.segment).read(HEADER_BYTES + place.length, place.offset)
            except OSError as e:
                log.warning("a damaged record of %s can't be read: %s", self.disk.name, e)
                data = b""
            write_durably(f"{directory}/{digest}.{time.time_ns()}", data)
        return self.packs.apply(removal(partition, digest, lambda there: there == place))

    def remove(self, partition: int, digest: str, stamp: int, posted: int = 0) -> bool:
        """Remove exactly this version and its later metadata; False if something else is there."""
        if self.stamps(partition, digest) != (stamp, posted):
            return False
        return self._remove(partition, digest, stamp, posted)

    def withdraw(self, partition: int, digest: str, stamp: int) -> bool:
        """Remove this version, whatever its later metadata; False if something else is there."""
        if self.stamps(partition, digest)[0] != stamp:
            return False
        return self._remove(partition, digest, stamp, None)

    def partitions(self) -> list[int]:
        """The partitions of which the device has objects."""
        return sorted(self.packs.index.partitions().union(self.files.partitions()))

    def held(self, partition: int) -> dict[str, Stamps]:
        """{digest: timestamps of (version, later metadata)} of a partition."""
        found = self.files.held(partition)
        for digest, place in self.packs.index.held(partition):
            name = digest.hex()
            found[name] = max(found.get(name, NONE), (place.stamp, place.posted))
        return found

    def changed(self, partition: int, since: float) -> list[str]:
        """Digests of a partition that were written since a time (epoch seconds)."""
        if self._recent is None or self._recent[0] != since:
            recent: dict[int, set[str]] = {}
            with self.disk.guard():
                for header in self.packs.changed(since):
                    recent.setdefault(header.partition, set()).add(header.digest.hex())
            self._recent = (since, recent)
        return sorted(self._recent[1].get(partition, set()).union(self.files.changed(partition, since)))

    def forget_changed(self) -> None:
        """Free the memory of what `changed` has found."""
        self._recent = None

    def _read(self, partition: int, digest: str, place: Location) -> tuple[PackedVersion, bytes] | None:
        """A packed version and its payload; None if its segment was removed meanwhile.

        A damaged one is moved to quarantine, and Damaged is raised.
        """
        try:
            payload = self.packs.read(digest, place)
            return None if payload is None else (PackedVersion(self.disk, self._path(place), payload), payload)
        except Damaged:
            self.put_aside(partition, digest, place)
            raise

    def _newest_packed(self, partition: int, digest: str) -> Location | None:
        """Where the object's newest version is if that is packed."""
        place = self.packs.find(partition, digest)
        if place is None or modified(self.files.path(partition, digest)) >= place.stamp:
            return None
        return place

    def _remove(self, partition: int, digest: str, stamp: int, posted: int | None) -> bool:
        place = self.packs.find(partition, digest)
        if place is None or place.stamp < stamp:
            if place is not None:
                self.packs.apply(removal(partition, digest, same(place.stamp)))
            if posted is None:
                return self.files.withdraw(partition, digest, stamp)
            return self.files.remove(partition, digest, stamp, posted)
        self.files.remove_older(partition, digest, stamp)
        return self.packs.apply(removal(partition, digest, same(stamp, posted)))

    def _path(self, place: Location) -> str:
        return f"{self.packs.segments.path(place.segment)}:{place.offset}"

    def _open_packs(self) -> PackLog:
        packs = PackLog(self.disk, self._packs_name)
        began = time.monotonic()
        packs.open()
        self._compactor = Compactor(packs, self.put_aside)
        self._packs = packs
        for number in sorted(packs.usage):
            self._compactor.submit(number)
        if packs.index.count:
            log.info(
                "device %s: %d packed objects, found in %.1f s",
                self.disk.name, packs.index.count, time.monotonic() - began,
            )  # fmt: skip
        return packs


def _follows(there: Location | None, stamps: Stamps) -> bool:
    """Whether it is the same version with older metadata."""
    return there is not None and there.stamp == stamps[0] and there.posted < stamps[1]
