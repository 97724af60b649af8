"""Reads packed objects again: what is damaged goes to quarantine, and what was deleted long ago is removed."""

import logging
from dataclasses import dataclass

from pileus_objectstore.errors import Damaged
from pileus_objectstore.storage.device_objects import DeviceObjects
from pileus_objectstore.storage.object_files import modified
from pileus_objectstore.storage.object_format import check
from pileus_objectstore.storage.pack_log import removal, same
from pileus_objectstore.storage.pack_records import HEADER_BYTES

log = logging.getLogger(__name__)


@dataclass
class PackFindings:
    """How many were good, damaged, or tombstones that were removed; `size` is the number of bytes that were read."""

    good: int = 0
    damaged: int = 0
    old: int = 0
    size: int = 0


def audit_partition(objects: DeviceObjects, partition: int, before: int) -> PackFindings:
    """Verify the packed objects of a partition; remove tombstones that are older than `before` (nanoseconds)."""
    found = PackFindings()
    packs = objects.packs
    for digest, place in sorted(packs.index.held(partition), key=lambda pair: pair[1][2:]):
        name = digest.hex()
        found.size += HEADER_BYTES + place.length
        in_file = modified(objects.files.path(partition, name))
        if in_file >= place.stamp:  # a crash came between a large version and the removal of the small one before it
            packs.apply(removal(partition, name, same(place.stamp)))
            continue
        objects.files.remove_older(partition, name, place.stamp)
        try:
            version = objects.open(partition, name)
            if version is None:
                continue
            check(version)
        except Damaged as e:
            log.error("%s", e)
            found.damaged += 1
            continue
        if version.meta.deleted and place.stamp < before:
            objects.remove(partition, name, place.stamp, place.posted)
            found.old += 1
        else:
            found.good += 1
    return found


def audit_hints(objects: DeviceObjects) -> PackFindings:
    """Verify the hints of all segments; a damaged one is written again from its segment."""
    found = PackFindings()
    packs = objects.packs
    for number in packs.segments.numbers():
        if number >= packs.current:
            continue
        with objects.disk.guard():
            is_missing = not modified(packs.segments.path(number, "hint"))
            if packs.segments.hint(number) is not None:
                found.good += 1
                continue
            log.error("the hint of segment %d of %s is missing or damaged", number, objects.disk.name)
            packs.segments.write_hint(number)
            found.damaged += not is_missing
    return found
