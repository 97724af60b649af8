"""vmdk: only sparse files that carry their descriptor inside, where QEMU looks for it."""

import re
import struct

from pileus_kit.formats import vmdk_descriptors
from pileus_kit.formats.reading import SECTOR, Inspection, Reader

MAGIC, ESX_MAGIC = b"KDMV", b"COWD"
DESCRIPTOR_AT = 1
"""In sectors. QEMU's driver looks nowhere else for a sparse file's parent, whatever the header says."""
READ_BY_QEMU = 20
"""Sectors that QEMU searches for the parent's name, however long the header says that the descriptor is."""
LONGEST_DESCRIPTOR = 128
TABLES_AT_END = 0xFFFF_FFFF_FFFF_FFFF
FOOTER = 1536
"""Bytes from the footer's marker to the end of the file; the header's copy begins one sector later."""
ELSEWHERE = "its data is in other files"


def recognise(read: Reader) -> Inspection | None:
    head = read(0, 64)
    if head[:4] != MAGIC:
        return None
    version, _, sectors, _, at, length = struct.unpack_from("<IIQQQQ", head, 4)
    return Inspection("vmdk", sectors * SECTOR, _unsafe(read, version, sectors, at, length))


def _unsafe(read: Reader, version: int, sectors: int, at: int, length: int) -> str:
    if version not in (1, 2, 3):
        return f"vmdk version {version} is unknown"
    if not sectors:  # a reader takes this for a bare descriptor and follows its extents
        return ELSEWHERE
    if at != DESCRIPTOR_AT:
        return "its descriptor is not where readers look for it"
    if not 0 < length <= LONGEST_DESCRIPTOR:
        return "its descriptor's length is out of bounds"
    region = read(DESCRIPTOR_AT * SECTOR, max(length, READ_BY_QEMU) * SECTOR)
    return vmdk_descriptors.unsafe(region, length * SECTOR) or _footer_unsafe(read)


def _footer_unsafe(read: Reader) -> str:
    """A stream-optimised image may keep its tables at the end; readers then believe the footer, not the header."""
    (tables,) = struct.unpack("<Q", read(56, 8))
    if tables != TABLES_AT_END:
        return ""
    header, footer = read(0, 44), read(read.rounded_size - FOOTER + SECTOR, 44)
    return "" if header == footer else "its footer contradicts its header"


def recognise_text(read: Reader) -> Inspection | None:
    """A descriptor alone: after comments and empty lines comes its version."""
    lines = (line.strip() for line in read(0, 4096).split(b"\n"))
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    if read(0, 4) != ESX_MAGIC and not re.match(rb"version\s*=\s*\d", first, re.IGNORECASE):
        return None
    return Inspection("vmdk", 0, ELSEWHERE)
