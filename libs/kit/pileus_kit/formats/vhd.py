"""Microsoft's vhd, which QEMU calls vpc: marked at its end, and at its beginning too unless it is of fixed size."""

import struct

from pileus_kit.formats.reading import SECTOR, Inspection, Reader

MAGIC, DYNAMIC_MAGIC = b"conectix", b"cxsparse"
FIXED, DYNAMIC = 2, 3
SIZED_BY_GEOMETRY = (b"vpc ", b"qemu")
"""Creators of images whose size readers compute from cylinders, heads and sectors. For others the size field counts."""
MAX_GEOMETRY = 65535 * 16 * 255
PARENT = slice(0x28, 0x38)
LOCATORS = slice(0x240, 0x300)


def recognise(read: Reader) -> Inspection | None:
    """Recognise a vhd image. One with a parent is unsafe."""
    for at in (0, read.rounded_size - SECTOR, read.size - SECTOR):
        footer = read(at, SECTOR)
        if footer[:8] == MAGIC:
            return Inspection("vpc", _virtual_size(footer), _unsafe(read, footer))
    return None


def _virtual_size(footer: bytes) -> int:
    size, cylinders, heads, sectors = struct.unpack_from(">QHBB", footer, 48)
    geometry = cylinders * heads * sectors
    by_geometry = footer[28:32] in SIZED_BY_GEOMETRY and geometry != MAX_GEOMETRY
    return geometry * SECTOR if by_geometry else int(size)


def _unsafe(read: Reader, footer: bytes) -> str:
    (at,) = struct.unpack_from(">Q", footer, 16)
    (kind,) = struct.unpack_from(">I", footer, 60)
    if kind == FIXED:
        return ""
    if kind != DYNAMIC:
        return "it is a differencing image"
    header = read(at, 1024)
    if header[:8] != DYNAMIC_MAGIC:
        return "its header is damaged"
    return "it has a parent" if any(header[PARENT]) or any(header[LOCATORS]) else ""
