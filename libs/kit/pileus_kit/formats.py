"""What a disk image really is, told from its bytes alone: nothing runs here that could be tricked into opening others.

Sources of the layouts: qemu docs/interop/qcow2.txt; VMware "Virtual Disk Format 5.0"; VirtualBox VDICore.h; Microsoft
"VHD Image Format Specification" and [MS-VHDX]; ECMA-119 (ISO 9660); LUKS on-disk format.
"""

import re
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

SECTOR = 512
VMDK_DESCRIPTOR_LIMIT = 64 * 1024
VMDK_TABLES_AT_END = 0xFFFF_FFFF_FFFF_FFFF
VMDK_FOOTER = 1536
"""Bytes from the footer's marker to the end of the file; the header's copy begins one sector later."""
VHDX_TABLE_LIMIT = 2047
"""Entries of a VHDX region or metadata table ([MS-VHDX] 2.2.3, 2.6.1.1)."""


@dataclass(frozen=True)
class Inspection:
    """`format` is raw when nothing else is recognised. `unsafe` says why no host may open it; empty: it may."""

    format: str
    virtual_size: int
    """Bytes that a guest sees."""
    unsafe: str = ""


def inspect(file: BinaryIO) -> Inspection:
    """Look at a seekable file, in a few small reads. Raises nothing for any content; OSError for a bad file."""
    file.seek(0, 2)
    size = file.tell()
    read = _reader(file, size)
    for recognise in (_qcow2, _vmdk, _vmdk_text, _vdi, _vhdx, _vhd, _others, _iso):
        found = recognise(read, size)
        if found:
            return found
    return Inspection("raw", size)


Read = Callable[[int, int], bytes]


def _reader(file: BinaryIO, end: int) -> Read:
    def read(offset: int, length: int) -> bytes:
        """Exactly `length` bytes; what lies behind the end reads as zeros."""
        if not 0 <= offset < end:  # an image may claim any offset, also one that no file system could seek to
            return bytes(length)
        file.seek(offset)
        return file.read(length).ljust(length, b"\0")
    return read


def _qcow2(read: Read, size: int) -> Inspection | None:
    head = read(0, 104)
    if head[:4] != b"QFI\xfb":
        return None
    version, backing, _, cluster_bits, virtual, crypt = struct.unpack_from(">IQIIQI", head, 4)
    unsafe = ""
    if version not in (2, 3):
        unsafe = f"qcow2 version {version} is unknown"
    elif backing:
        unsafe = "it has a backing file"
    elif crypt:
        unsafe = "it is encrypted"
    elif not 9 <= cluster_bits <= 21:
        unsafe = "its cluster size is out of bounds"
    elif version == 3:
        incompatible, = struct.unpack_from(">Q", head, 72)
        if incompatible & 2:
            unsafe = "it is marked corrupt"
        elif incompatible & 4:
            unsafe = "it has an external data file"
        elif incompatible >> 5:
            unsafe = "it uses unknown features"
    return Inspection("qcow2", virtual, unsafe)


def _vmdk(read: Read, size: int) -> Inspection | None:
    head = read(0, 64)
    if head[:4] != b"KDMV":
        return None
    version, _, sectors, _, at, length = struct.unpack_from("<IIQQQQ", head, 4)
    virtual = sectors * SECTOR
    if version not in (1, 2, 3):
        return Inspection("vmdk", virtual, f"vmdk version {version} is unknown")
    if not sectors:  # a reader takes this for a bare descriptor and follows its extents
        return Inspection("vmdk", 0, "its data is in other files")
    if length * SECTOR > VMDK_DESCRIPTOR_LIMIT:
        return Inspection("vmdk", virtual, "its descriptor is too long")
    unsafe = _descriptor_unsafe(read(at * SECTOR, length * SECTOR)) or _footer_unsafe(read, size)
    return Inspection("vmdk", virtual, unsafe)


def _footer_unsafe(read: Read, size: int) -> str:
    """A stream-optimised image may keep its tables at the end; readers then believe the footer, not the header."""
    tables, = struct.unpack("<Q", read(56, 8))
    if tables != VMDK_TABLES_AT_END:
        return ""
    header, footer = read(0, 44), read(size - VMDK_FOOTER + SECTOR, 44)
    return "" if header == footer else "its footer contradicts its header"


def _vmdk_text(read: Read, size: int) -> Inspection | None:
    """A descriptor alone: after comments and empty lines comes its version."""
    lines = (line.strip() for line in read(0, 4096).split(b"\n"))
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    if read(0, 4) != b"COWD" and not re.match(rb"version\s*=\s*\d", first, re.IGNORECASE):
        return None
    return Inspection("vmdk", 0, "its data is in other files")


def _descriptor_unsafe(text: bytes) -> str:
    kind = re.search(rb'createType\s*=\s*"([^"]*)"', text)
    if not kind or kind[1] not in (b"monolithicSparse", b"streamOptimized"):
        return "only monolithicSparse and streamOptimized vmdk images are self-contained"
    parent = re.search(rb"parentCID\s*=\s*([0-9a-fA-F]+)", text)
    if parent and parent[1].lower() != b"ffffffff":
        return "it has a parent"
    extents = re.findall(rb'^\s*(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\w+)\s+"([^"]*)"', text, re.MULTILINE)
    if len(extents) > 1 or any(kind != b"SPARSE" or b"/" in name for kind, name in extents):
        return "its data is in other files"
    return ""


def _vdi(read: Read, size: int) -> Inspection | None:
    if read(0x40, 4) != b"\x7f\x10\xda\xbe":
        return None
    kind, = struct.unpack("<I", read(0x4C, 4))
    virtual, = struct.unpack("<Q", read(0x170, 8))
    return Inspection("vdi", virtual, "" if kind in (1, 2) else "it is a differencing image")


def _vhd(read: Read, size: int) -> Inspection | None:
    for at in (0, size - SECTOR):
        footer = read(at, SECTOR)
        if footer[:8] == b"conectix":
            virtual, = struct.unpack_from(">Q", footer, 48)
            kind, = struct.unpack_from(">I", footer, 60)
            return Inspection("vpc", virtual, "" if kind in (2, 3) else "it is a differencing image")
    return None


VHDX_METADATA = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E").bytes_le
VHDX_SIZE = uuid.UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8").bytes_le
VHDX_PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B").bytes_le


def _vhdx(read: Read, size: int) -> Inspection | None:
    if read(0, 8) != b"vhdxfile":
        return None
    region = _vhdx_entry(read, 0x30000, b"regi", count_at=8, entries_at=16, wanted=VHDX_METADATA, layout="<Q")
    if region is None:
        return Inspection("vhdx", 0, "it has no metadata region")
    items = {name: _vhdx_entry(read, region, b"metadata", count_at=10, entries_at=32, wanted=name, layout="<I")
             for name in (VHDX_SIZE, VHDX_PARAMETERS)}
    sized, parameters = items[VHDX_SIZE], items[VHDX_PARAMETERS]
    if sized is None or parameters is None:
        return Inspection("vhdx", 0, "its metadata is incomplete")
    virtual, = struct.unpack("<Q", read(region + sized, 8))
    flags, = struct.unpack("<I", read(region + parameters + 4, 4))
    return Inspection("vhdx", virtual, "it has a parent" if flags & 2 else "")


def _vhdx_entry(read: Read, table: int, magic: bytes, *, count_at: int, entries_at: int, wanted: bytes,
                layout: str) -> int | None:
    """The offset that the table gives for one GUID."""
    if read(table, len(magic)) != magic:
        return None
    count, = struct.unpack("<H", read(table + count_at, 2))
    for number in range(min(count, VHDX_TABLE_LIMIT)):
        entry = read(table + entries_at + 32 * number, 32)
        if entry[:16] == wanted:
            return int(struct.unpack_from(layout, entry, 16)[0])
    return None


def _others(read: Read, size: int) -> Inspection | None:
    head = read(0, 16)
    if head[:4] == b"QED\0":
        return Inspection("qed", 0, "qed images are not supported")
    if head in (b"WithoutFreeSpace", b"WithouFreSpacExt"):
        return Inspection("ploop", 0, "ploop images are not supported")
    if head[:6] == b"LUKS\xba\xbe":
        return Inspection("luks", size)
    return None


def _iso(read: Read, size: int) -> Inspection | None:
    return Inspection("iso", size) if read(0x8001, 5) == b"CD001" else None
