"""vmdk: only sparse files that carry their descriptor inside, where QEMU looks for it."""

import re
import struct

from pileus_kit.formats import vmdk_descriptors
from pileus_kit.formats.reading import SECTOR, Inspection, Reader

MAGIC, ESX_MAGIC = b"KDMV", b"COWD"
DESCRIPTOR_AT = 1
"""The sector at which QEMU's driver looks for a sparse file's parent, whatever the header says."""
SECTORS_READ_BY_QEMU = 20
"""How far QEMU searches for the parent's name, whatever length of the descriptor the header states."""
MAX_DESCRIPTOR_SECTORS = 128
TABLES_AT_END = 0xFFFF_FFFF_FFFF_FFFF
FOOTER = 1536
"""Bytes from the footer's marker to the end of the file; the header's copy begins one sector later."""
ELSEWHERE = "its data is in other files"


def recognise(read: Reader) -> Inspection | None:
    """Recognise a sparse vmdk file. One that names another file is unsafe."""
    head = read(0, 64)
    if head[:4] != MAGIC:
        return None
    version, _, sectors, _, at, length = struct.unpack_from("<IIQQQQ", head, 4)
    return Inspection("vmdk", sectors * SECTOR, _unsafe(read, version, sectors, at, length))


def _unsafe(read: Reader, version: int, sectors: int, at: int, length: int) -> str:
    if version not in (1, 2, 3):
        return f"vmdk version {version} is unknown"
    if not sectors:  # readers take this for a descriptor without data, and open the files that it names
        return ELSEWHERE
    if at != DESCRIPTOR_AT:
        return "its descriptor is not where readers look for it"
    if not 0 < length <= MAX_DESCRIPTOR_SECTORS:
        return "its descriptor's length is out of bounds"
    region = read(DESCRIPTOR_AT * SECTOR, max(length, SECTORS_READ_BY_QEMU) * SECTOR)
    return vmdk_descriptors.unsafe(region, length * SECTOR) or _footer_unsafe(read)


def _footer_unsafe(read: Reader) -> str:
    """Return why the footer is unsafe. A stream-optimised image may have its tables at the end, and then the footer
    counts for readers instead of the header."""
    (tables,) = struct.unpack("<Q", read(56, 8))
    if tables != TABLES_AT_END:
        return ""
    header, footer = read(0, 44), read(read.rounded_size - FOOTER + SECTOR, 44)
    return "" if header == footer else "its footer contradicts its header"


def recognise_text(read: Reader) -> Inspection | None:
    """Recognise a descriptor without data, which begins with its version after comments and empty lines. It is
    unsafe."""
    lines = (line.strip() for line in read(0, 4096).split(b"\n"))
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    if read(0, 4) != ESX_MAGIC and not re.match(rb"version\s*=\s*\d", first, re.IGNORECASE):
        return None
    return Inspection("vmdk", 0, ELSEWHERE)
