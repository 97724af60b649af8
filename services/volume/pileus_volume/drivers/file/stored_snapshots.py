"""The snapshots in qcow2 files, read from their tables without running anything (qemu docs/interop/qcow2.txt)."""

import logging
import re
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pileus_kit.formats.reading import Reader
from pileus_volume.drivers.base import FoundSnapshot
from pileus_volume.drivers.file import qcow2_files
from pileus_volume.errors import ToolFailed
from pileus_volume.rpc import file_name

log = logging.getLogger(__name__)

COUNT_AT, TABLE_AT = 60, 64
ENTRY = struct.Struct(">QIHHIIQII")
"""Place and size of the L1 table, lengths of id and name, seconds, nanoseconds, clock, lengths of the state and of what
follows the entry."""
SIZE_IN_REST = 8  # after the size of the state of the virtual machine
MAX_NAME = 255
NAME = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
"""Names that reach qemu-img and URLs as they are. A number may be the id of another snapshot. Others aren't listed."""
MAX_LISTED = 10_000


def list_snapshots(directory: Path, volume_id: str) -> list[FoundSnapshot]:
    """The snapshots in the volumes' files, or in one volume's, by file and name."""
    if volume_id:
        path = directory / file_name(volume_id)
        return [FoundSnapshot(path.name, name, size) for name, size in sorted(_named(path).items())]
    found: list[FoundSnapshot] = []
    for path in sorted(directory.glob(file_name("*"))):
        if path.suffix in (".part", ".raw") or path.is_symlink() or not path.is_file():
            continue
        try:
            found += [FoundSnapshot(path.name, name, size) for name, size in sorted(_named(path).items())]
        except (ToolFailed, OSError) as err:  # one bad file must not hide the others
            log.warning("the snapshots in %s can't be read: %s", path.name, err)
        if len(found) >= MAX_LISTED:
            break
    return found[:MAX_LISTED]


def count_snapshots(path: Path) -> int:
    """How many snapshots the file has, whatever their names are. Raises ToolFailed if its header is bad."""
    qcow2_files.inspect_disk(path)
    with path.open("rb") as file:
        return int(struct.unpack(">I", Reader(file)(COUNT_AT, 4))[0])


def _named(path: Path) -> dict[str, int]:
    """The size of each snapshot by its name, which no other one in the file has."""
    read = list(_read(path))
    names = Counter(name for name, _ in read)
    return {name: size for name, size in read if names[name] == 1 and NAME.fullmatch(name)}


def _read(path: Path) -> Iterator[tuple[str, int]]:
    """Name and size in bytes of each snapshot in the file."""
    virtual_size, count = qcow2_files.virtual_size(path), count_snapshots(path)
    with path.open("rb") as file:
        read = Reader(file)
        (at,) = struct.unpack(">Q", read(TABLE_AT, 8))
        for _ in range(min(count, qcow2_files.MAX_SNAPSHOTS)):
            _, _, id_length, name_length, _, _, _, _, rest_length = ENTRY.unpack(read(at, ENTRY.size))
            rest = read(at + ENTRY.size, SIZE_IN_REST + 8)
            name_at = at + ENTRY.size + rest_length + id_length
            name = read(name_at, min(name_length, MAX_NAME)).decode(errors="replace")
            has_size = rest_length >= SIZE_IN_REST + 8
            yield name, struct.unpack_from(">Q", rest, SIZE_IN_REST)[0] if has_size else virtual_size
            at = -(-(name_at + name_length) // 8) * 8
            if at >= read.size:
                return
