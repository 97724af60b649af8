"""The host's image cache: each image once, as a base image that no guest writes to.

A base image is named by the image's id and the hash of its content, so an id that comes back with other bytes gets
another file. The names can't be guessed without both, and the users of guests can't list the directory.
"""

import fcntl
import hashlib
import logging
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import requests

from pileus_compute.drivers.qemu import qemu_img
from pileus_compute.errors import DiskTooSmall, HypervisorFailed, ImageUnreachable, ImageUnusable
from pileus_compute.rpc import Image
from pileus_kit.file_modes import make_traversable
from pileus_kit.formats import Inspection, inspect
from pileus_kit.spans import span
from pileus_kit.tls import NO_CERTIFICATES, Certificates

log = logging.getLogger(__name__)

CHUNK = 1 << 20
SECTOR = 512
MODE = 0o600
"""Guests whose disks are overlays of a base image get access when they start; see `image_acls`."""
CONNECT_S, SILENCE_S = 10, 60
SELF_CONTAINED = {"vmdk": "vmdk", "vdi": "vdi", "vhdx": "vhdx", "vhd": "vpc"}
"""Declared disk format -> QEMU's name, of the formats that are converted to qcow2. Guests never run on them
directly."""
BOOT_FILES = ("aki", "ari")
UNUSED_S = 24 * 3600
"""How long a base image is kept that no guest uses."""
KINDS = (".qcow2", ".raw", ".iso", ".bin", ".part")
DEFAULT_LIMIT = 20 << 30


@dataclass(frozen=True)
class Base:
    """A base image: what overlays are made of."""

    path: Path
    format: str
    """raw or qcow2."""
    virtual_size: int
    cdrom: bool = False


class ImageCache:
    """The images in one directory, fetched when they are needed."""

    def __init__(
        self, directory: Path, limit: int = DEFAULT_LIMIT, certificates: Certificates = NO_CERTIFICATES
    ) -> None:
        """`limit`: how many bytes are kept beside the base images that guests use."""
        self.directory, self.limit, self._certificates = directory, limit, certificates
        self._held: Counter[Path] = Counter()
        self._lock = threading.Lock()
        make_traversable(directory)

    def base(self, image: Image) -> Base:
        """The base image, fetched if it isn't here. Raises ImageUnusable, ImageUnreachable."""
        with self._alone(image.id):
            return self._find(image.id, image.sha256) or self._fetch(image)

    @contextmanager
    def using(self, image: Image, max_bytes: int = 0) -> Iterator[Base]:
        """The base image. No sweep removes it before the guest's disk is made of it.

        Raises DiskTooSmall, before anything is converted, if a guest would see more than `max_bytes`; 0: any size.
        """
        with self._alone(image.id):
            base = self._find(image.id, image.sha256) or self._fetch(image, max_bytes)
            while not self._hold(base):
                base = self._fetch(image, max_bytes)
        try:
            yield base
        finally:
            with self._lock:
                self._held[base.path] -= 1

    def _hold(self, base: Base) -> bool:
        """False if a sweep has just removed it."""
        with self._lock:
            there = base.path.exists()
            self._held[base.path] += there
        return there

    def file(self, image: Image) -> Path:
        """A kernel or ramdisk, fetched if it isn't here: its bytes as they are."""
        with self._alone(image.id):
            if image.sha256 and (path := self._path(image.id, "bin", image.sha256)).exists():
                return path
            part, digest = self._download(image)
            return part.replace(self._path(image.id, "bin", digest))

    def too_large(self) -> bool:
        """Whether a sweep would help."""
        return sum(_allocated(path) for path in self._all()) > self.limit

    def sweep(self, used: Callable[[], set[Path]]) -> list[Path]:
        """Remove base images that no guest has used for a day, and the least recently used ones above the limit.

        Those of `used` stay, and those that a guest's disk is about to be made of. `used` is called after the latter
        are known.
        """
        with self._lock:
            idle = [path for path in self._all() if not self._held[path]]
            busy = used()
            free = [path for path in idle if path not in busy]
            horizon, kept, removed = time.time() - UNUSED_S, 0, []
            for path in sorted(free, key=_last_used, reverse=True):
                kept += _allocated(path)
                if _last_used(path) < horizon or (kept > self.limit and path.suffix != ".part"):
                    log.info("image cache: removing %s", path.name)
                    path.unlink(missing_ok=True)
                    removed.append(path)
        return removed

    def _all(self) -> list[Path]:
        return [path for path in self.directory.iterdir() if path.suffix in KINDS]

    def _find(self, image_id: str, digest: str | None) -> Base | None:
        """The base image with this content. Without a hash nothing says whether a file has it."""
        for suffix, format in (("qcow2", "qcow2"), ("raw", "raw"), ("iso", "raw")) if digest else ():
            path = self._path(image_id, suffix, digest)
            if path.exists():
                os.utime(path)  # remember the last use for `sweep`
                with path.open("rb") as file:
                    size = inspect(file).virtual_size if format == "qcow2" else path.stat().st_size
                return Base(path, format, size, cdrom=suffix == "iso")
        return None

    def _fetch(self, image: Image, max_bytes: int = 0) -> Base:
        part, digest = self._download(image)
        try:
            with part.open("rb") as file:
                found = inspect(file)
            kind = accept(image, found)
            if kind in ("raw", "qcow2", "iso"):
                part.replace(self._path(image.id, kind, digest))
            elif 0 < max_bytes < found.virtual_size:  # a small file can unfold to all that its header promises
                raise DiskTooSmall(disk="root", size=max_bytes, needed=found.virtual_size)
            else:
                fresh = self._path(image.id, "converting.part")
                fresh.unlink(missing_ok=True)
                qemu_img.convert(qemu_img.Disk(part, kind), qemu_img.Disk(fresh, "qcow2"), found.virtual_size)
                fresh.chmod(MODE)
                _flush(fresh)
                fresh.replace(self._path(image.id, "qcow2", digest))
        finally:
            part.unlink(missing_ok=True)
        ready = self._find(image.id, digest)
        assert ready is not None
        return ready

    def _download(self, image: Image) -> tuple[Path, str]:
        """Download the image, checked against its size and hash, and flushed to disk: a file that survives a power cut
        is whole. Returns the file and its SHA-256."""
        part, whole = self._path(image.id, "part"), False
        try:
            with (
                span("fetch the image", where="image"),
                self._certificates.open_session() as http,
                http.get(
                    image.url,
                    headers={"X-Image-Ticket": image.ticket},
                    stream=True,
                    allow_redirects=False,
                    timeout=(CONNECT_S, SILENCE_S),
                ) as answer,
            ):
                _check_status(image, answer.status_code)
                with part.open("wb") as file:
                    os.fchmod(file.fileno(), MODE)
                    digest = self._copy(image, answer.iter_content(CHUNK), file)
            whole = True
        except requests.RequestException as err:  # before OSError, which it is, too
            raise ImageUnreachable(image=image.id, why=str(err)) from err
        except OSError as err:
            raise HypervisorFailed(what=f"store image {image.id}", why=str(err)) from err
        finally:
            if not whole:
                part.unlink(missing_ok=True)
        return part, digest

    def _copy(self, image: Image, chunks: Iterator[bytes], file: BinaryIO) -> str:
        digest, size = hashlib.sha256(), 0
        for chunk in chunks:
            size += len(chunk)
            if image.size is not None and size > image.size:
                raise ImageUnusable(image=image.id, why=f"it has more than its {image.size} bytes")
            digest.update(chunk)
            _write_sparse(file, chunk)
        file.truncate(size)
        file.flush()
        os.fsync(file.fileno())
        if image.size is not None and size < image.size:
            raise requests.ConnectionError(f"it ended after {size} of {image.size} bytes")
        if image.sha256 and digest.hexdigest() != image.sha256:
            raise ImageUnusable(image=image.id, why="its SHA-256 is not the announced one")
        return digest.hexdigest()

    def _path(self, image_id: str, suffix: str, digest: str | None = None) -> Path:
        if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", image_id):
            raise ImageUnusable(image=image_id, why="its id is malformed")
        if digest is not None and not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise ImageUnusable(image=image_id, why="its SHA-256 is malformed")
        return self.directory / f"{image_id}{'-' + digest if digest else ''}.{suffix}"

    @contextmanager
    def _alone(self, image_id: str) -> Iterator[None]:
        """One fetch of an image at a time, in all threads and processes of the host."""
        with self._path(image_id, "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def accept(image: Image, found: Inspection) -> str:
    """The real format of an image whose bytes are what was declared. Raises ImageUnusable otherwise."""
    declared = {"ami": "raw", "aki": "raw", "ari": "raw"}.get(image.format, image.format)
    wanted = SELF_CONTAINED.get(declared, declared)
    if found.unsafe:
        raise ImageUnusable(image=image.id, why=found.unsafe)
    if wanted == "raw" and found.format in ("iso", "luks"):
        return "raw"  # the guest may hold any bytes: the host interprets none of them
    if wanted != found.format:
        raise ImageUnusable(image=image.id, why=f"declared {image.format}, its content is {found.format}")
    if wanted not in ("raw", "qcow2", "iso", *SELF_CONTAINED.values()):
        raise ImageUnusable(image=image.id, why=f"{image.format} is not a disk format of this host")
    if image.virtual_size is not None and found.virtual_size > image.virtual_size + SECTOR - 1:
        raise ImageUnusable(image=image.id, why=f"its virtual size is {found.virtual_size}, not {image.virtual_size}")
    return wanted


def _last_used(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0


def _allocated(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_blocks * SECTOR
    return 0


def _check_status(image: Image, status: int) -> None:
    if status == 200:
        return
    if status in (404, 410):
        raise ImageUnusable(image=image.id, why="the image service doesn't have it")
    raise ImageUnreachable(image=image.id, why=f"the image service answered {status}")


def _write_sparse(file: BinaryIO, chunk: bytes) -> None:
    if chunk.count(0) == len(chunk):
        file.seek(len(chunk), os.SEEK_CUR)
    else:
        file.write(chunk)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
