"""PUT ?extract-archive=tar|tar.gz|tar.bz2: every file of the archive becomes an object, read as a stream."""

import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from mimetypes import guess_type
from typing import IO
from urllib.parse import quote

from pileus_kit.errors import BadRequest, CloudError, NotFound, TooLarge
from pileus_objectstore.api import storing, versions
from pileus_objectstore.api.authorization import CREATE, judge
from pileus_objectstore.api.bulk import answer_of
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.info import MAX_FILE
from pileus_objectstore.api.metadata_headers import create_container
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core import quotas
from pileus_objectstore.core.names import Target, check
from pileus_objectstore.wire.contract import PutObject, timestamp

MODES = {"tar": "r|", "tar.gz": "r|gz", "tar.bz2": "r|bz2"}
MAX_FAILURES = 1000
MAX_ENDS = 10  # so often the end of a good one may be met


def extract(tools: Tools, request: Request) -> Response:
    """The path gives the container and a prefix; without a container, the first part of each name is one."""
    mode = MODES.get(request.query.get("extract-archive", ""))
    if mode is None:
        raise BadRequest(why="Unsupported archive format")
    created, failed = 0, list[tuple[str, int]]()
    try:
        for member, read in members(Upload(request.reader()), mode):
            if len(failed) >= MAX_FAILURES:
                continue
            try:
                _store(tools, request, member, read)
                created += 1
            except CloudError as e:
                failed.append((quote(member.name.encode(errors="surrogateescape")), e.status))
    except ConnectionBroken as e:
        return answer_of(request, {"Number Files Created": created}, failed, f"Invalid Tar File: {e}")
    return answer_of(request, {"Number Files Created": created}, failed, "", made=bool(created))


class ConnectionBroken(Exception):
    """It is no archive, or not all of one."""


@contextmanager
def parsing() -> Iterator[None]:
    """tarfile answers a broken archive with whatever its parser stumbles over."""
    try:
        yield
    except CloudError:  # of the upload itself
        raise
    except Exception as e:
        raise ConnectionBroken(ascii(str(e) or type(e).__name__)) from e


def members(upload: "Upload", mode: str) -> Iterator[tuple[tarfile.TarInfo, storing.Read]]:
    """The files in it, each with its reader. Raises Broken, and so do the readers."""
    with parsing():
        archive = tarfile.open(fileobj=upload, mode=mode)  # type: ignore[call-overload] # noqa: SIM115 - holds nothing
    while True:
        with parsing():
            member = archive.next()
            source = archive.extractfile(member) if member and member.isfile() else None
        if member is None:
            return

        def read(max_bytes: int, source: IO[bytes] | None = source) -> bytes:
            with parsing():
                return source.read(max_bytes) if source else b""

        if source:
            yield member, read


def _store(tools: Tools, request: Request, member: tarfile.TarInfo, read: storing.Read) -> None:
    if member.issparse():
        raise BadRequest(why="a file with holes: a few bytes that say they are many")
    if not 0 <= member.size <= MAX_FILE:
        raise TooLarge(why=f"an object may have at most {MAX_FILE} bytes")
    base = request.target
    path = "/".join(part for part in (base.container, base.object.strip("/"), member.name.strip("/")) if part)
    container, _, name = path.partition("/")
    if not container or not name:
        raise BadRequest(why="an object needs a container")
    target = Target(base.account, container, name)
    check(target)
    judge(tools, request, target, *CREATE)
    try:
        head = storing.container_of(tools, target)
    except NotFound:
        judge(tools, request, target.parent, "objectstore:container:create", "")
        create_container(tools, request, target.parent, {})
        head = storing.container_of(tools, target)
    quotas.check(tools.listing_cache, target, head, member.size)
    media = guess_type(name)[0] or "application/octet-stream"
    args = PutObject(storing.NOWHERE, target.path, timestamp(tools.now()), {"Content-Type": media}, member.size)
    versions.save(tools, target, args, read, head)


class Upload:
    """A request's body as the file that tarfile reads. It would look for the end of a file that says it is longer than
    the archive by reading on, and on."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._ends = 0

    def read(self, size: int) -> bytes:
        pieces = []
        while size > 0 and (piece := self._read(size)):
            pieces.append(piece)
            size -= len(piece)
        self._ends += not pieces
        if self._ends > MAX_ENDS:
            raise EOFError("it ends in the middle of a file")
        return b"".join(pieces)
