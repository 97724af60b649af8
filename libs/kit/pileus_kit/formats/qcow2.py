"""qcow2, versions 2 and 3."""

import struct

from pileus_kit.formats.reading import Inspection, Reader

MAGIC = b"QFI\xfb"
V2_HEADER, V3_HEADER = 72, 104
MAX_SNAPSHOTS = 64
"""QEMU reads the whole table of snapshots whenever it opens an image, and takes 65,536 of them."""
MAX_EXTENSIONS = 64
DIRTY, ZSTD, EXTENDED_L2 = 1 << 0, 1 << 3, 1 << 4
CORRUPT, DATA_FILE = 1 << 1, 1 << 2
BITMAPS = 1 << 0
END, FEATURE_NAMES, BITMAPS_EXTENSION = 0, 0x6803F857, 0x23852875
BACKING_FORMAT, DATA_FILE_NAME = 0xE2792ACA, 0x44415441


def recognise(read: Reader, max_snapshots: int = MAX_SNAPSHOTS) -> Inspection | None:
    """Recognise a qcow2 image. One with more than `max_snapshots` internal snapshots is unsafe."""
    head = read(0, V3_HEADER)
    if head[:4] != MAGIC:
        return None
    version, virtual = struct.unpack_from(">I", head, 4)[0], struct.unpack_from(">Q", head, 24)[0]
    if version not in (2, 3):
        return Inspection("qcow2", virtual, f"qcow2 version {version} is unknown")
    features = _features(head) if version == 3 else ""
    unsafe = _fixed_part(head, max_snapshots) or features or _extensions(read, head, version)
    return Inspection("qcow2", virtual, unsafe)


def _fixed_part(head: bytes, max_snapshots: int) -> str:
    backing_at, backing_length, cluster_bits = struct.unpack_from(">QII", head, 8)
    (crypt,) = struct.unpack_from(">I", head, 32)
    (snapshots,) = struct.unpack_from(">I", head, 60)
    if backing_at or backing_length:
        return "it has a backing file"
    if crypt:
        return "it is encrypted"
    if not 9 <= cluster_bits <= 21:
        return "its cluster size is out of bounds"
    if snapshots > max_snapshots:
        return f"it has more than {max_snapshots} snapshots"
    return ""


def _features(head: bytes) -> str:
    incompatible, _, autoclear = struct.unpack_from(">QQQ", head, 72)
    if incompatible & CORRUPT:
        return "it is marked corrupt"
    if incompatible & DATA_FILE:
        return "it has an external data file"
    if incompatible & ~(DIRTY | ZSTD | EXTENDED_L2) or autoclear & ~BITMAPS:
        return "it uses unknown features"
    return ""


def _extensions(read: Reader, head: bytes, version: int) -> str:
    """Return why the header extensions, which lie between the header and the end of the first cluster, are unsafe."""
    at = struct.unpack_from(">I", head, 100)[0] if version == 3 else V2_HEADER
    end = 1 << struct.unpack_from(">I", head, 20)[0]
    if version == 3 and not V3_HEADER <= at <= end:
        return "its header's length is out of bounds"
    for _ in range(MAX_EXTENSIONS):
        if at + 8 > end:
            return ""
        kind, length = struct.unpack(">II", read(at, 8))
        if kind == END:
            return ""
        if kind == BACKING_FORMAT:
            return "it has a backing file"
        if kind == DATA_FILE_NAME:
            return "it has an external data file"
        if kind not in (FEATURE_NAMES, BITMAPS_EXTENSION) or length > end - at - 8:
            return "its header has an unknown extension"
        at += 8 + -(-length // 8) * 8
    return "its header has too many extensions"
