"""After a crash, listings are updated with what was stored but perhaps not reported to them.

An object's file appears first and its row after it, and a process may die in between. Each device has a marker file,
whose mtime says: all earlier changes are in the listings, or in an async pending. The mtime moves on every half minute,
to the time at which the oldest change that is still under way began. A new process looks only at partitions and files
that changed since then, by their ctime, and updates the listings again; a row that is there already changes nothing.
The same is done for containers and their accounts.
"""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count

from pileus_objectstore.agent.host import Device
from pileus_objectstore.core.listing_rows import container_of, latest_row
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.device_objects import DeviceObjects
from pileus_objectstore.wire.contract import ListingRow, ObjectMeta

log = logging.getLogger(__name__)
MARKER = "told"  # the name of the file, part of the format on disk
SLACK_S = 2.0  # file systems' times lag a little behind the clock
BATCH = 500
UnsyncedRows = Iterator[tuple[str, list[ListingRow]]]


class InFlightChanges:
    """The changes under way in this process, by when they began. Thread-safe."""

    def __init__(self) -> None:
        self._numbers = count()
        self._began: dict[int, float] = {}

    @contextmanager
    def track(self) -> Iterator[float]:
        """A change is under way in this context; when it began, in epoch seconds."""
        began = time.time()
        number = self.begin(began)
        try:
            yield began
        finally:
            self.end(number)

    def begin(self, began: float) -> int:
        """A change that began then is under way, until `end` gets the number."""
        number = next(self._numbers)
        self._began[number] = began
        return number

    def end(self, number: int) -> None:
        """A change is finished: its rows are in the listings or in an async pending, and on disk."""
        del self._began[number]

    def oldest_start(self) -> float:
        """Epoch seconds: all changes that began earlier are finished."""
        now = time.time()
        return min([now, *list(self._began.values())])


def mark_synced(devices: Iterable[Device], until: float) -> None:
    """Record on each device that its changes up to a time (epoch seconds) are in the listings."""
    for device in devices:
        path = f"{device.disk.root}/{MARKER}"
        try:
            with device.disk.guard():
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o640))
                os.utime(path, (until, until))
        except DeviceFailed as e:
            log.info("%s", e)


def unsynced_rows(device: Device) -> UnsyncedRows:
    """(container, rows) of what changed on a device since its marker was set."""
    since = _synced_at(device) - SLACK_S
    rows: dict[str, list[ListingRow]] = {}
    number = 0
    for files, partition, digest in _changed_objects(device, since):
        meta = meta_of(files, partition, digest)
        if meta is None or meta.name.count("/") < 3:
            continue
        rows.setdefault(container_of(meta.name), []).append(latest_row(meta))
        number += 1
        if number % BATCH == 0:
            yield from rows.items()
            rows = {}
    yield from rows.items()
    if number:
        log.info("device %s: listings are updated again with %d objects that changed lately", device.name, number)


def unreported_containers(device: Device) -> Iterator[str]:
    """Names of containers that changed since the marker was set, so that their accounts may show old sums."""
    since = _synced_at(device) - SLACK_S
    for partition, digest in device.listings.changed("container", since):
        try:
            with device.listings.use("container", partition, digest) as listing:
                if listing is not None:
                    yield listing.info.name
        except (DeviceFailed, Damaged) as e:
            log.warning("%s", e)


def _synced_at(device: Device) -> float:
    try:
        return os.stat(f"{device.disk.root}/{MARKER}").st_mtime  # noqa: PTH116
    except OSError:
        return 0.0


def _changed_objects(device: Device, since: float) -> Iterator[tuple[DeviceObjects, int, str]]:
    for policy in device.policies():
        files = device.objects(policy)
        for partition in files.partitions():
            for digest in files.changed(partition, since):
                yield files, partition, digest
        files.forget_changed()


def meta_of(files: DeviceObjects, partition: int, digest: str) -> ObjectMeta | None:
    """What is stored with an object or tombstone; None if it is gone or can't be read."""
    try:
        file = files.open(partition, digest)
    except (DeviceFailed, Damaged) as e:
        log.warning("%s", e)
        return None
    if file is None:
        return None
    with file:
        return file.meta
