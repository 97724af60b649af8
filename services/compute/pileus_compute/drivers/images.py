"""The host's image cache: each image once, as a base that no guest writes to."""

import fcntl
import hashlib
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import requests

from pileus_compute.drivers import qemu_img
from pileus_compute.rpc import HypervisorFailed, Image, ImageUnreachable, ImageUnusable
from pileus_kit.formats import Inspection, inspect
from pileus_kit.private import passage
from pileus_kit.spans import span

log = logging.getLogger(__name__)

CHUNK = 1 << 20
SECTOR = 512
MODE = 0o640
"""libvirt gives a base to each guest that starts on it; they share its group."""
CONNECT_S, SILENCE_S = 10, 60
SELF_CONTAINED = {"vmdk": "vmdk", "vdi": "vdi", "vhdx": "vhdx", "vhd": "vpc"}
"""Declared disk format -> qemu's name, of those that become a qcow2 base. Guests never run on them directly."""
BOOT_FILES = ("aki", "ari")
UNUSED_S = 24 * 3600
"""A base that no guest uses is kept for so long."""


@dataclass(frozen=True)
class Base:
    path: Path
    format: str
    """raw or qcow2."""
    virtual_size: int
    cdrom: bool = False


class Images:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        passage(directory)

    def base(self, image: Image) -> Base:
        """The image as a base, fetched if need be. Raises ImageUnusable, ImageUnreachable."""
        with self._alone(image.id):
            ready = self._find(image.id)
            if ready is None:
                self._fetch(image)
                ready = self._find(image.id)
            if ready is None:
                raise ImageUnusable(image=image.id, why="it can't be used as a disk")
            return ready

    def file(self, image: Image) -> Path:
        """A kernel or ramdisk: just its bytes."""
        with self._alone(image.id):
            path = self._path(image.id, "bin")
            if not path.exists():
                part = self._download(image)
                part.replace(path)
            return path

    def sweep(self, used: set[Path]) -> list[Path]:
        """Remove bases that nobody has used for a day and none of `used` is."""
        horizon = time.time() - UNUSED_S
        old = [path for path in self.directory.iterdir() if path.suffix in (".qcow2", ".raw", ".iso", ".bin", ".part")
               and path not in used and path.stat().st_mtime < horizon]
        for path in old:
            log.info("image cache: removing %s", path.name)
            path.unlink(missing_ok=True)
        return old

    def _find(self, image_id: str) -> Base | None:
        for suffix, format in (("qcow2", "qcow2"), ("raw", "raw"), ("iso", "raw")):
            path = self._path(image_id, suffix)
            if path.exists():
                os.utime(path)  # its last use, for `sweep`
                path.chmod(MODE)
                with path.open("rb") as file:
                    size = inspect(file).virtual_size if format == "qcow2" else path.stat().st_size
                return Base(path, format, size, cdrom=suffix == "iso")
        return None

    def _fetch(self, image: Image) -> None:
        part = self._download(image)
        try:
            with part.open("rb") as file:
                found = inspect(file)
            kind = accept(image, found)
            if kind in ("raw", "qcow2", "iso"):
                part.replace(self._path(image.id, kind))
            else:
                fresh = self._path(image.id, "converting.part")
                qemu_img.convert(part, kind, fresh, "qcow2", found.virtual_size)
                fresh.chmod(MODE)
                _flush(fresh)
                fresh.replace(self._path(image.id, "qcow2"))
        finally:
            part.unlink(missing_ok=True)

    def _download(self, image: Image) -> Path:
        """The bytes, checked against size and hash and safe on disk: a base that survives a power cut is whole."""
        part, whole = self._path(image.id, "part"), False
        try:
            with span("fetch the image", where="image"), requests.get(
                    image.url, headers={"X-Image-Ticket": image.ticket}, stream=True, allow_redirects=False,
                    timeout=(CONNECT_S, SILENCE_S)) as answer:
                _check_status(image, answer.status_code)
                with part.open("wb") as file:
                    os.fchmod(file.fileno(), MODE)
                    self._copy(image, answer.iter_content(CHUNK), file)
            whole = True
        except requests.RequestException as err:  # is an OSError too
            raise ImageUnreachable(image=image.id, why=str(err)) from err
        except OSError as err:
            raise HypervisorFailed(what=f"store image {image.id}", why=str(err)) from err
        finally:
            if not whole:
                part.unlink(missing_ok=True)
        return part

    def _copy(self, image: Image, chunks: Iterator[bytes], file: BinaryIO) -> None:
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

    def _path(self, image_id: str, suffix: str) -> Path:
        if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", image_id):
            raise ImageUnusable(image=image_id, why="its id is malformed")
        return self.directory / f"{image_id}.{suffix}"

    @contextmanager
    def _alone(self, image_id: str) -> Iterator[None]:
        """One fetch of an image at a time, whichever thread or process it is in."""
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
        return "raw"  # every byte is the guest's own; nothing on the host takes it for more
    if wanted != found.format:
        raise ImageUnusable(image=image.id, why=f"declared {image.format}, its content is {found.format}")
    if wanted not in ("raw", "qcow2", "iso", *SELF_CONTAINED.values()):
        raise ImageUnusable(image=image.id, why=f"{image.format} is not a disk format of this host")
    if image.virtual_size is not None and found.virtual_size > image.virtual_size + SECTOR - 1:
        raise ImageUnusable(image=image.id, why=f"its virtual size is {found.virtual_size}, not {image.virtual_size}")
    return wanted


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
