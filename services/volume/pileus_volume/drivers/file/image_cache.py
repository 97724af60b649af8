"""The image cache: images that volumes were created from, as qcow2 files that are ready to be copied."""

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pileus_kit import formats, qemu_img
from pileus_volume.drivers.base import ImageFile
from pileus_volume.drivers.file import qcow2_files
from pileus_volume.errors import ImageRefused

QEMU_NAMES = {"raw": "raw", "iso": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vpc": "vpc", "vhdx": "vhdx"}
DECLARED = {"vhd": "vpc"}  # the image service's names that differ from ours


class ImageCache:
    """Copies are named by image and content, so a changed image never meets an old copy.

    The copies that were used least recently are evicted when all take more than `limit_bytes`.
    """

    def __init__(self, directory: Path, limit_bytes: int) -> None:
        self._directory, self._limit = directory, limit_bytes
        self._conversion_locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._users: dict[Path, int] = defaultdict(int)
        self._lock = threading.Lock()

    def has(self, image_id: str, digest: str) -> bool:
        """Whether this content of the image is cached."""
        return self._path(image_id, digest).exists()

    @contextmanager
    def using(self, image_id: str, digest: str, source: ImageFile | None, max_bytes: int) -> Iterator[Path]:
        """The cached copy, which is converted from `source` if it doesn't exist, and not evicted during the block.

        Raises ImageRefused, before anything is converted, if a guest would see more than `max_bytes`.
        """
        path = self._path(image_id, digest)
        with self._lock:
            self._users[path] += 1
            conversion_lock = self._conversion_locks[path]
        try:
            with conversion_lock:
                if not path.exists():
                    if source is None:
                        raise ImageRefused(image=image_id, why="it was evicted meanwhile; ask again")
                    _convert(source, path, max_bytes)
            os.utime(path)
            yield path
        finally:
            with self._lock:
                self._users[path] -= 1
                self._evict()

    def _path(self, image_id: str, digest: str) -> Path:
        return self._directory / f"{image_id}-{digest[:32]}.qcow2"

    def _evict(self) -> None:
        kept_bytes = 0
        for path in sorted(self._directory.glob("*.qcow2"), key=lambda p: p.stat().st_mtime, reverse=True):
            kept_bytes += path.stat().st_blocks * 512
            if kept_bytes > self._limit and not self._users[path]:
                path.unlink(missing_ok=True)


def _convert(source: ImageFile, path: Path, max_bytes: int) -> None:
    part = path.with_suffix(".part")
    format, size = inspect_image(source)
    if size > max_bytes:  # a small file can become as large as its header says
        raise ImageRefused(image=source.image_id, why=f"its {size} bytes are larger than the volume")
    try:
        part.unlink(missing_ok=True)
        with qcow2_files.translated_errors(source.path):
            qemu_img.convert(qemu_img.Disk(source.path, format), qemu_img.Disk(part, "qcow2"), size)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def inspect_image(source: ImageFile) -> tuple[str, int]:
    """The format to name to qemu-img and the virtual size in bytes, by our own inspection. Raises ImageRefused."""
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
