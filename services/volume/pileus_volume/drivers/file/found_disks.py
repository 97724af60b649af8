"""Disks in a directory of the file driver that it didn't make, and how they become disks of volumes.

Names come from administrators and contents from anybody. So a name is that of a regular file in the directory itself,
with no other name elsewhere, and its header is inspected as an upload's is before anything opens it.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from pileus_kit import formats
from pileus_volume.drivers.base import FoundDisk
from pileus_volume.drivers.file import qcow2_files
from pileus_volume.errors import DiskRefused
from pileus_volume.rpc import GIB

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
OURS = re.compile(r"copy-.*|.*\.(part|raw)")
"""Files that the driver is writing just now."""
MAX_DISKS = 10_000
MAX_BYTES = 1 << 56
"""No volume is larger, and no file system has such files: a header that says so is made up."""
MODE = 0o600


def list_disks(directory: Path) -> Iterator[FoundDisk]:
    """The disks in the directory, by name."""
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in entries if not entry.is_dir(follow_symlinks=False))
    for name in [name for name in names if NAME.fullmatch(name) and not OURS.fullmatch(name)][:MAX_DISKS]:
        try:
            yield FoundDisk(name, *_inspect(directory / name))
        except FileNotFoundError:  # it was deleted meanwhile
            continue


def adopt(directory: Path, name: str, path: Path) -> int:
    """Give the file the name of a volume's disk, if it has it not yet; returns its size in GiB, to which it is rounded
    up. Raises DiskRefused, or DiskBusy if a process has it open."""
    if not path.exists():
        _check(directory, name)
        (directory / name).rename(path)
        os.chown(path, os.geteuid(), os.getegid())
        path.chmod(MODE)
    size = max(-(-qcow2_files.virtual_size(path) // GIB), 1)
    qcow2_files.resize(path, size * GIB)  # also if it has that size already: a disk that is open somewhere is refused
    return size


def disown(directory: Path, name: str, path: Path) -> None:
    """Give an adopted file its name back. Raises DiskRefused if there is another file of that name by now."""
    if not path.exists() or not NAME.fullmatch(name):
        return
    if (directory / name).exists():
        raise DiskRefused(name=name, why="there is another file of that name by now")
    path.rename(directory / name)


def _check(directory: Path, name: str) -> None:
    if not NAME.fullmatch(name) or OURS.fullmatch(name):
        raise DiskRefused(name=name[:255], why="that is no name of a file in the backend's directory")
    try:
        unsafe = _inspect(directory / name)[1]
    except FileNotFoundError:
        unsafe = "there is no such file"
    if unsafe:
        raise DiskRefused(name=name, why=unsafe)


def _inspect(path: Path) -> tuple[int, str]:
    """The size in bytes that a guest would see, and why the file can't be adopted."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        return 0, "it is no regular file"
    if found.st_nlink > 1:
        return found.st_size, "it has another name, too"
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        image = formats.inspect(file)
    if image.unsafe:
        return image.virtual_size, image.unsafe
    if image.virtual_size > MAX_BYTES:
        return 0, f"it says to be larger than {MAX_BYTES} bytes"
    if image.format != "qcow2":
        return image.virtual_size, f"it is {image.format}, and only qcow2 files can be managed"
    return image.virtual_size, ""
