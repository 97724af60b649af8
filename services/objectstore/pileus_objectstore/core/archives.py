"""Every file of a tar archive becomes an object. The archive is read as a stream, so its size doesn't matter."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from mimetypes import guess_type
from typing import IO

from pileus_kit.errors import BadRequest, CloudError, NotFound, TooLarge
from pileus_objectstore.core import containers, objects
from pileus_objectstore.core.access import CREATE_CONTAINER, CREATE_OBJECT, Access
from pileus_objectstore.core.names import Target, check
from pileus_objectstore.core.requests import MAX_OBJECT_BYTES, PutRequest, Read
from pileus_objectstore.core.tools import Tools

MODES = {"tar": "r|", "tar.gz": "r|gz", "tar.bz2": "r|bz2"}
MAX_FAILURES = 1000
MAX_READS_AT_END = 10  # tarfile reads at the end of a good archive only a few times


@dataclass
class Extraction:
    """What became of an archive: objects created, (name, error) of each failure, and why the rest is unreadable."""

    created: int = 0
    failed: list[tuple[str, CloudError]] = field(default_factory=list)
    broken: str = ""


class ArchiveBroken(Exception):
    """The body is not an archive, or not a whole one."""


def extract(tools: Tools, access: Access, base: Target, read: Read, kind: str) -> Extraction:
    """Store an archive's files below `base`: a container and a prefix, or an account.

    In an account the first part of each name is a container, which is created if it doesn't exist. `kind` is a key of
    MODES. Raises BadRequest for an unknown one, and what reading the body raises.
    """
    if kind not in MODES:
        raise BadRequest(why="Unsupported archive format")
    outcome = Extraction()
    try:
        for member, read_member in _members(ArchiveFile(read), MODES[kind]):
            if len(outcome.failed) >= MAX_FAILURES:
                continue
            try:
                _store(tools, access, base, member, read_member)
                outcome.created += 1
            except CloudError as e:
                outcome.failed.append((member.name, e))
    except ArchiveBroken as e:
        outcome.broken = f"Invalid Tar File: {e}"
    return outcome


class ArchiveFile:
    """A request's body as the file that tarfile reads.

    If a member claims to be longer than the archive, tarfile would search for its end for ever; so the number of reads
    at the end of the body is limited.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._reads_at_end = 0

    def read(self, size: int) -> bytes:
        """`size` bytes, or fewer at the end. Raises EOFError when tarfile keeps on reading there."""
        pieces = []
        while size > 0 and (piece := self._read(size)):
            pieces.append(piece)
            size -= len(piece)
        self._reads_at_end += not pieces
        if self._reads_at_end > MAX_READS_AT_END:
            raise EOFError("it ends in the middle of a file")
        return b"".join(pieces)


@contextmanager
def _parsing() -> Iterator[None]:
    """tarfile raises errors of many types for a broken archive; here they become ArchiveBroken."""
    try:
        yield
    except CloudError:  # the upload itself failed
        raise
    except Exception as e:
        raise ArchiveBroken(ascii(str(e) or type(e).__name__)) from e


def _members(file: ArchiveFile, mode: str) -> Iterator[tuple[tarfile.TarInfo, Read]]:
    """The regular files of an archive, each with its reader. Both the iterator and the readers raise ArchiveBroken."""
    with _parsing():
        archive = tarfile.open(fileobj=file, mode=mode)  # type: ignore[call-overload] # noqa: SIM115 - holds nothing
    while True:
        with _parsing():
            member = archive.next()
            source = archive.extractfile(member) if member and member.isfile() else None
        if member is None:
            return

        def read(max_bytes: int, source: IO[bytes] | None = source) -> bytes:
            with _parsing():
                return source.read(max_bytes) if source else b""

        if source:
            yield member, read


def _store(tools: Tools, access: Access, base: Target, member: tarfile.TarInfo, read: Read) -> None:
    if member.issparse():
        raise BadRequest(why="sparse files are refused: a few bytes of the archive could stand for very many")
    if not 0 <= member.size <= MAX_OBJECT_BYTES:
        raise TooLarge(why=f"an object may have at most {MAX_OBJECT_BYTES} bytes")
    path = "/".join(part for part in (base.container, base.object.strip("/"), member.name.strip("/")) if part)
    container, _, name = path.partition("/")
    if not container or not name:
        raise BadRequest(why="an object needs a container")
    target = Target(base.account, container, name)
    check(target)
    access.require(CREATE_OBJECT, target)
    try:
        containers.find(tools, target)
    except NotFound:
        access.require(CREATE_CONTAINER, target.parent)
        containers.create(tools, access.caller, target.parent, {})
    media = guess_type(name)[0] or "application/octet-stream"
    objects.put(tools, access, PutRequest(target, read, member.size, {"Content-Type": media}))
