"""VirtualBox's vdi."""

import struct

from pileus_kit.formats.reading import SECTOR, Inspection, Reader

MAGIC = b"\x7f\x10\xda\xbe"
DYNAMIC, FIXED = 1, 2
LINK_AND_PARENT = 0x1A8
"""Two UUIDs of other images, which are null in a self-contained one."""


def recognise(read: Reader) -> Inspection | None:
    """Recognise a vdi image. One that depends on another image is unsafe."""
    head = read(0, 0x200)
    if head[0x40:0x44] != MAGIC:
        return None
    (kind,) = struct.unpack_from("<I", head, 0x4C)
    (size,) = struct.unpack_from("<Q", head, 0x170)
    virtual = -(-size // SECTOR) * SECTOR  # readers round up
    alone = kind in (DYNAMIC, FIXED) and not any(head[LINK_AND_PARENT : LINK_AND_PARENT + 32])
    return Inspection("vdi", virtual, "" if alone else "it is a differencing image")
