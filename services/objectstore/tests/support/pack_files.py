"""Packs of a device, as tests write and read them."""

from pathlib import Path

from pileus_objectstore.errors import Damaged
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.storage.pack_log import Change, PackLog, newer
from pileus_objectstore.storage.pack_records import STORED

State = dict[str, tuple[int, int, bytes]]  # digest -> (version, later metadata, payload)


def digest(number: int) -> str:
    return f"{number:032x}"


def opened(root: Path) -> PackLog:
    packs = PackLog(Disk(root, 0), "packs")
    packs.open()
    return packs


def put(packs: PackLog, number: int, stamp: int, payload: bytes, posted: int = 0) -> bool:
    change = Change(STORED, number % 4, digest(number), (stamp, posted), payload, newer((stamp, posted)))
    return packs.apply(change)


def content(packs: PackLog) -> State:
    """What the index shows, read from the segments."""
    found: State = {}
    for partition in packs.index.partitions():
        for name, place in packs.index.held(partition):
            payload = packs.read(name.hex(), place)
            assert payload is not None
            found[name.hex()] = (place.stamp, place.posted, payload)
    return found


def readable(packs: PackLog) -> State:
    """The same without what is found to be damaged."""
    found: State = {}
    for partition in packs.index.partitions():
        for name, place in packs.index.held(partition):
            try:
                payload = packs.read(name.hex(), place)
            except Damaged:
                continue
            assert payload is not None
            found[name.hex()] = (place.stamp, place.posted, payload)
    return found


def reopened(packs: PackLog, root: Path) -> PackLog:
    packs.close()
    return opened(root)
