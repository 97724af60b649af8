"""Images that volumes were made from, as plain qcow2 files ready to be copied; the least used go first."""

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pileus_kit import formats, qemu_img
from pileus_volume.drivers.base import Source
from pileus_volume.drivers.file import tool
from pileus_volume.errors import ImageRefused

QEMU_NAMES = {"raw": "raw", "iso": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vpc": "vpc", "vhdx": "vhdx"}
DECLARED = {"vhd": "vpc"}  # the image service's name: ours


class Bases:
    """Keyed by image and content, so a changed image never meets an old copy."""

    def __init__(self, directory: Path, limit_bytes: int) -> None:
        self._directory, self._limit = directory, limit_bytes
        self._turns: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._used: dict[Path, int] = defaultdict(int)
        self._lock = threading.Lock()

    def has(self, image_id: str, digest: str) -> bool:
        return self._path(image_id, digest).exists()

    @contextmanager
    def using(self, image_id: str, digest: str, source: Source | None, most: int) -> Iterator[Path]:
        """The base, converted from `source` once; it is not evicted meanwhile.

        Raises ImageRefused, before anything is converted, if a guest would see more than `most` bytes.
        """
        path = self._path(image_id, digest)
        with self._lock:
            self._used[path] += 1
            turn = self._turns[path]
        try:
            with turn:
                if not path.exists():
                    if source is None:
                        raise ImageRefused(image=image_id, why="it was evicted meanwhile; ask again")
                    _convert(source, path, most)
            os.utime(path)
            yield path
        finally:
            with self._lock:
                self._used[path] -= 1
                self._evict()

    def _path(self, image_id: str, digest: str) -> Path:
        return self._directory / f"{image_id}-{digest[:32]}.qcow2"

    def _evict(self) -> None:
        kept = 0
        for path in sorted(self._directory.glob("*.qcow2"), key=lambda p: p.stat().st_mtime, reverse=True):
            kept += path.stat().st_blocks * 512
            if kept > self._limit and not self._used[path]:
                path.unlink(missing_ok=True)


def _convert(source: Source, path: Path, most: int) -> None:
    part = path.with_suffix(".part")
    format, size = inspected(source)
    if size > most:  # a small file can unfold to all that its header promises
        raise ImageRefused(image=source.image_id, why=f"its {size} bytes are larger than the volume")
    try:
        part.unlink(missing_ok=True)
        with tool.failing(source.path):
            qemu_img.convert(qemu_img.Disk(source.path, format), qemu_img.Disk(part, "qcow2"), size)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def inspected(source: Source) -> tuple[str, int]:
    """The format to name to qemu-img and the virtual size, after our own look at the bytes. Raises ImageRefused."""
    with source.path.open("rb") as file:
        found = formats.inspect(file)
    declared = DECLARED.get(source.format, source.format)
    if found.unsafe:
        raise ImageRefused(image=source.image_id, why=found.unsafe)
    if found.format != declared and not (declared in ("raw", "iso") and found.format in ("raw", "iso")):
        raise ImageRefused(image=source.image_id, why=f"it is declared as {declared}, but is {found.format}")
    if found.format not in QEMU_NAMES:
        raise ImageRefused(image=source.image_id, why=f"volumes can't be made from format {found.format}")
    return QEMU_NAMES[found.format], found.virtual_size
