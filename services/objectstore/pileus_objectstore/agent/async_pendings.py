"""Async pendings: updates of listings that could not be made yet, each a file on a device that has taken the change.

So an async pending is as durable as the change itself. A file holds a checksum of the rest in hex, a line feed, and a
MergeRows message as JSON.
"""

import logging
import os
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pileus_kit import decoding
from pileus_objectstore.agent.host import Device
from pileus_objectstore.errors import DeviceFailed
from pileus_objectstore.storage.disks import sync_directory, write_durably
from pileus_objectstore.wire.contract import MergeRows

log = logging.getLogger(__name__)
DIRECTORY = "pending"
CRC_DIGITS = 8
OLD_FIELD, FIELD = b'"spot":', b'"replicas":'  # the field's name before version 2 of the contract


def save(update: MergeRows, devices: Iterable[Device]) -> bool:
    """Store an update on the first device that takes it; False if none does."""
    data = msgspec.json.encode(update)
    data = b"%08x\n" % zlib.crc32(data) + data
    for device in devices:
        try:
            with device.disk.guard():
                directory = device.disk.directory(DIRECTORY)
                write_durably(f"{directory}/{time.time_ns()}-{os.urandom(4).hex()}", data)
                sync_directory(directory)
        except DeviceFailed as e:
            log.warning("%s", e)
            continue
        return True
    return False


def paths(device: Device) -> list[str]:
    """The device's async pendings, oldest first."""
    try:
        with os.scandir(f"{device.disk.root}/{DIRECTORY}") as entries:
            return sorted(entry.path for entry in entries)
    except OSError:
        return []


def load(path: str) -> MergeRows | None:
    """Read an async pending; None if it is damaged."""
    data = Path(path).read_bytes()
    head, _, body = data.partition(b"\n")
    if len(head) != CRC_DIGITS or head != b"%08x" % zlib.crc32(body):
        log.error("the async pending %s is damaged", path)
        return None
    return decoding.decode(body if FIELD in body else body.replace(OLD_FIELD, FIELD, 1), MergeRows)


def written_at(path: str) -> float:
    """When an async pending was stored, in epoch seconds; 0 if its name doesn't contain that."""
    written = Path(path).name.partition("-")[0]
    return int(written) / 1e9 if written.isdecimal() else 0.0


def quarantine(device: Device, path: str) -> None:
    """Move a damaged async pending out of the way."""
    device.disk.put_aside(path, DIRECTORY)
