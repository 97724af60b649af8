"""Access control lists of the host's image cache: a base image is read only by the guests whose disks are overlays of
it.

The QEMUs of all guests are in one group, so the group gets no access: it would read every project's images.
"""

import errno
import fcntl
import logging
import os
import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)

ATTRIBUTE = "system.posix_acl_access"
VERSION, NO_ID = 2, 0xFFFFFFFF
OWNER, USER, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
READ, WRITE = 4, 2
PRIVATE, FOR_GROUP = 0o600, 0o640
SUFFIXES = (".qcow2", ".raw", ".iso")


class ImageAcls:
    """The access control lists of the files in one directory."""

    def __init__(self, directory: Path, group: int | None) -> None:
        """`group`: that of every guest's QEMU. It gets access only where the file system has no access control
        lists."""
        self.directory, self.group = directory, group
        self._warned = False

    def admit(self, user: int, wanted: Collection[Path]) -> None:
        """Let a guest's user read these base images and no others."""
        with self._alone():
            inodes = {path.stat().st_ino for path in wanted}
            for path in self._bases():
                with suppress(FileNotFoundError):  # it was removed meanwhile
                    if user in users(path) and path.stat().st_ino not in inodes:
                        self._set(path, users(path) - {user})
            for path in wanted:
                self._set(path, users(path) | {user})

    def restore(self, wanted: Callable[[], Mapping[Path, set[int]]]) -> None:
        """Let exactly these users read each base image: an earlier agent may have left other lists.

        `wanted` is called while no guest is admitted.
        """
        with self._alone():
            known = {path.stat().st_ino: found for path, found in wanted().items()}
            for path in self._bases():
                with suppress(FileNotFoundError):
                    self._set(path, known.get(path.stat().st_ino, set()))

    def _set(self, path: Path, readers: set[int]) -> None:
        if (
            readers != users(path)
            or path.stat().st_mode & 0o7777 != (FOR_GROUP if readers else PRIVATE)
            or (path.stat().st_gid != 0)
        ):
            os.chown(path, 0, 0)
            try:
                allow(path, readers)
            except OSError as err:
                if err.errno not in (errno.EOPNOTSUPP, errno.ENOSYS) or self.group is None:
                    raise
                if not self._warned:
                    log.warning("%s: every guest's QEMU may read every image: %s", self.directory, err)
                self._warned = True
                os.chown(path, 0, self.group)
                path.chmod(FOR_GROUP)

    def _bases(self) -> list[Path]:
        return [path for path in self.directory.iterdir() if path.suffix in SUFFIXES]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.directory / "readers.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def users(path: Path) -> set[int]:
    """The users that a file's access control list lets read it, beside its owner."""
    try:
        packed = os.getxattr(path, ATTRIBUTE)
    except OSError as err:
        if err.errno in (errno.ENODATA, errno.EOPNOTSUPP, errno.ENOSYS):
            return set()
        raise
    return {user for kind, rights, user in struct.iter_unpack("<HHI", packed[4:]) if kind == USER and rights & READ}


def allow(path: Path, readers: set[int]) -> None:
    """Let only these users and its owner read a file."""
    if not readers:
        path.chmod(PRIVATE)
        with suppress(OSError):  # there may be none
            os.removexattr(path, ATTRIBUTE)
        path.chmod(PRIVATE)
        return
    entries = [
        (OWNER, READ | WRITE, NO_ID),
        *((USER, READ, reader) for reader in sorted(readers)),
        (GROUP, 0, NO_ID),
        (MASK, READ, NO_ID),
        (OTHER, 0, NO_ID),
    ]
    packed = struct.pack("<I", VERSION) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(path, ATTRIBUTE, packed)
