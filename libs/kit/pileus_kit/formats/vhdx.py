"""Microsoft's vhdx."""

import struct
import uuid

from pileus_kit.formats.reading import Inspection, Reader

MAGIC = b"vhdxfile"
REGIONS_AT = 0x30000
MAX_ENTRIES = 2047
"""Entries of a region or metadata table ([MS-VHDX] 2.2.3, 2.6.1.1)."""
HAS_PARENT = 2


def _guid(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


METADATA = _guid("8B7CA206-4790-4B9A-B8FE-575F050F886E")
BLOCKS = _guid("2DC27766-F623-4200-9D64-115E9BFD4A08")
SIZE = _guid("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
PARAMETERS = _guid("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
PAGE_83 = _guid("BECA12AB-B2E6-4523-93EF-C309E000C746")
SECTOR_SIZES = (_guid("8141BF1D-A96F-4709-BA47-F233A8FAAB5F"), _guid("CDA348C7-445D-4471-9CC9-E9885251C556"))
ITEMS = {SIZE, PARAMETERS, PAGE_83, *SECTOR_SIZES}
"""All metadata that an image without a parent has, so not the parent locator."""


def recognise(read: Reader) -> Inspection | None:
    """Recognise a vhdx image. One with a parent, or with parts that are not known, is unsafe."""
    if read(0, 8) != MAGIC:
        return None
    regions = _table(read, REGIONS_AT, b"regi", count_at=8, entries_at=16, layout="<Q")
    if regions is None or METADATA not in regions:
        return Inspection("vhdx", 0, "it has no metadata region")
    if not regions.keys() <= {METADATA, BLOCKS}:
        return Inspection("vhdx", 0, "it has unknown regions")
    return _described(read, regions[METADATA])


def _described(read: Reader, region: int) -> Inspection:
    items = _table(read, region, b"metadata", count_at=10, entries_at=32, layout="<I")
    if items is None or SIZE not in items or PARAMETERS not in items:
        return Inspection("vhdx", 0, "its metadata is incomplete")
    (virtual,) = struct.unpack("<Q", read(region + items[SIZE], 8))
    (flags,) = struct.unpack("<I", read(region + items[PARAMETERS] + 4, 4))
    if flags & HAS_PARENT or not items.keys() <= ITEMS:
        return Inspection("vhdx", virtual, "it has a parent or unknown metadata")
    return Inspection("vhdx", virtual)


def _table(
    read: Reader, at: int, magic: bytes, *, count_at: int, entries_at: int, layout: str
) -> dict[bytes, int] | None:
    """Return the offset of each GUID of a table. None if there is no such table, or if it names a GUID twice, so that
    readers may differ."""
    head = read(at, entries_at)
    (count,) = struct.unpack_from("<H", head, count_at)
    if head[: len(magic)] != magic or count > MAX_ENTRIES:
        return None
    entries = read(at + entries_at, 32 * count)
    found = {entries[n : n + 16]: int(struct.unpack_from(layout, entries, n + 16)[0]) for n in range(0, 32 * count, 32)}
    return found if len(found) == count else None
