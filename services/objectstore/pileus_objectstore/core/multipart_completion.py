"""Completing an upload in parts: the parts that the client names become one static large object."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pileus_kit.errors import BadRequest
from pileus_objectstore.core import (
    checksums,
    containers,
    event_queues,
    manifest_uploads,
    multipart_uploads,
    stored_objects,
    versions,
)
from pileus_objectstore.core.checksums import Checksum
from pileus_objectstore.core.manifests import Line
from pileus_objectstore.core.multipart_uploads import CHECKSUM, ETAG, PART_TYPE, NoSuchUpload, Part, Upload
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.object_locks import OURS
from pileus_objectstore.core.requests import PutRequest
from pileus_objectstore.core.stored_objects import reader_of
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.upload_parts import UPLOAD
from pileus_objectstore.wire.contract import ObjectMeta

MIN_PART_BYTES = 5 << 20


class PartWrong(BadRequest):
    """A part of the list isn't there, or has another ETag or checksum."""

    text = "Part {number} is not there, or has another ETag or checksum."


class PartTooSmall(BadRequest):
    """A part other than the last one is smaller than MIN_PART_BYTES."""

    text = "Part {number} is smaller than {least} bytes."


class ChecksumWrong(BadRequest):
    """The object hasn't the checksum or the size that the client says."""

    text = "The object has not the {what} that the request says."


@dataclass(frozen=True, slots=True)
class NamedPart:
    """A part that the client names. `checksums` are {algorithm: base64}."""

    number: int
    etag: str
    checksums: dict[str, str]


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Make one object of `parts`, which are in ascending order.

    `checksum` is {algorithm: base64} and `size` a number of bytes that the object must have; `size` -1: any.
    """

    target: Target
    upload: str
    parts: Sequence[NamedPart]
    checksum: dict[str, str]
    size: int = -1
    only_if_new: bool = False


@dataclass(frozen=True, slots=True)
class CompletedUpload:
    """What was made of an upload."""

    etag: str
    checksum: Checksum | None
    meta: ObjectMeta


def complete(tools: Tools, request: CompletionRequest) -> CompletedUpload:
    """Make one object of the parts. A second call for the same upload returns the same.

    Raises NoSuchUpload, PartWrong, PartTooSmall, ChecksumWrong, PreconditionFailed.
    """
    try:
        return _complete(tools, request)
    except NoSuchUpload:
        done = stored_objects.find(tools, request.target, newest=True)
        if done is None or done.headers.get(UPLOAD) != request.upload:
            raise
        return CompletedUpload(done.headers[ETAG], checksums.read(done.headers.get(CHECKSUM, "")), done)


def _complete(tools: Tools, request: CompletionRequest) -> CompletedUpload:
    upload = multipart_uploads.find(tools, request.target, request.upload)
    known = {part.number: part for part in multipart_uploads.list_parts(tools, upload)}
    try:
        parts = [_checked(tools, upload, named, known.get(named.number)) for named in request.parts]
    except PartWrong:
        multipart_uploads.find(tools, request.target, request.upload)  # raises if the upload was ended meanwhile
        raise
    for part in parts[:-1]:
        if part.size < MIN_PART_BYTES:
            raise PartTooSmall(number=part.number, least=MIN_PART_BYTES)
    checksum = _whole_checksum(upload, parts, request)
    with multipart_uploads.completing(tools, upload):
        completed = _store(tools, upload, parts, checksum, request)
    used = {part.number for part in parts}
    for number in known.keys() - used:
        stored_objects.delete(tools, upload.part(number))
    stored_objects.delete(tools, upload.place, ignored_lock=OURS)
    return completed


def multipart_etag(etags: Sequence[str]) -> str:
    """The ETag of a completed upload: MD5 over the parts' MD5s, and their number."""
    joined = b"".join(bytes.fromhex(etag) for etag in etags)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


def _checked(tools: Tools, upload: Upload, named: NamedPart, listed: Part | None) -> Part:
    """The part that the client names; it is looked up if the listing doesn't know it like that. Raises PartWrong."""
    found = listed
    if found is None or found.etag != named.etag:
        found = multipart_uploads.find_part(tools, upload, named.number)
    if found is None or found.etag != named.etag:
        raise PartWrong(number=named.number)
    own = found.checksum
    for algorithm, value in named.checksums.items():
        if own is not None and own.algorithm == algorithm and own.value != value:
            raise PartWrong(number=named.number)
    return found


def _whole_checksum(upload: Upload, parts: list[Part], request: CompletionRequest) -> Checksum | None:
    size = sum(part.size for part in parts)
    if request.size not in (-1, size):
        raise ChecksumWrong(what=f"size {request.size}")
    wanted = upload.checksum
    if wanted is None:
        return None
    values = [(part.checksum.value, part.size) for part in parts if part.checksum is not None]
    if len(values) != len(parts):
        raise ChecksumWrong(what="checksum of each part")
    whole = checksums.whole(wanted.algorithm, wanted.type, values)
    given = request.checksum.get(wanted.algorithm)
    if given and given not in (whole.value, whole.value.partition("-")[0]):
        raise ChecksumWrong(what=f"checksum {wanted.algorithm}")
    return whole


def _store(
    tools: Tools, upload: Upload, parts: list[Part], checksum: Checksum | None, request: CompletionRequest
) -> CompletedUpload:
    target, etag = upload.target, multipart_etag([part.etag for part in parts])
    container = containers.find(tools, target)
    headers = {**(upload.headers or {}), ETAG: etag} | ({CHECKSUM: checksum.write()} if checksum else {})
    wanted = PutRequest(target, lambda _: b"", -1, headers, only_if_new=request.only_if_new)
    _, stored, data = manifest_uploads.build(tools, wanted, [_line(upload, part) for part in parts])
    stored.listed_etag += f"; s3_etag={etag}"
    reply = versions.save(tools, target, stored, reader_of(iter([data])), container)
    event_queues.created(tools, target, stored, reply, "CompleteMultipartUpload")
    meta = stored_objects.with_headers(reply, headers).meta
    return CompletedUpload(etag, checksum, meta or ObjectMeta(target.path, stored.timestamp))


def _line(upload: Upload, part: Part) -> Line:
    place = upload.part(part.number)
    return Line(
        f"/{place.container}/{place.object}",
        part.etag,
        part.size,
        PART_TYPE,
        part.timestamp,
        checksum=part.checksum.write() if part.checksum else "",
    )
