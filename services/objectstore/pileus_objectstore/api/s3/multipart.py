"""Multipart uploads: create, upload and copy parts, complete, abort."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.conditions import parse_ranges
from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3 import (
    acls,
    checksums,
    encryption,
    lock_headers,
    metadata,
    object_acls,
    objects,
    versions,
)
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core import containers, multipart_completion, multipart_uploads
from pileus_objectstore.core import objects as core_objects
from pileus_objectstore.core.access import ABORT_UPLOAD, CREATE_OBJECT
from pileus_objectstore.core.checksums import ALGORITHMS, Checksum, encode
from pileus_objectstore.core.conditions import resolve
from pileus_objectstore.core.encryption.customer_keys import CustomerKey, CustomerKeyMissing, CustomerKeyWrong
from pileus_objectstore.core.multipart_completion import (
    ChecksumWrong,
    CompletionRequest,
    NamedPart,
    PartTooSmall,
    PartWrong,
)
from pileus_objectstore.core.multipart_uploads import MAX_PARTS, LateChecksum, NoSuchUpload, PartBody, Upload
from pileus_objectstore.core.requests import GetRequest, Read
from pileus_objectstore.core.stored_objects import reader_of
from pileus_objectstore.core.timestamps import whole_seconds
from pileus_objectstore.wire.contract import ObjectMeta

MAX_PART_BYTES = 5 << 30


def create(s3: S3Request) -> Response:
    """CreateMultipartUpload."""
    s3.access.require(CREATE_OBJECT, s3.target)
    containers.find(s3.tools, s3.target)
    checksum = checksums.of_upload(s3.headers)
    headers = metadata.stored(s3.headers) | acls.of_new_object(s3) | lock_headers.of_new_object(s3)
    key = encryption.customer_key(s3)
    if key is not None:
        headers[encryption.CUSTOMER] = key.begin()
    upload = multipart_uploads.begin(s3.tools, s3.target, headers, checksum, object_acls.owner(s3, headers))
    shown = encryption.shown(upload.headers or {}, key)
    if checksum is not None:
        shown += [("x-amz-checksum-algorithm", checksum.algorithm.upper()), ("x-amz-checksum-type", checksum.type)]
    named = ("Bucket", s3.bucket), ("Key", s3.key), ("UploadId", upload.id)
    return response(Node("InitiateMultipartUploadResult", *named), headers=shown)


def put_part(s3: S3Request) -> Response:
    """UploadPart, or UploadPartCopy with a source."""
    s3.access.require(CREATE_OBJECT, s3.target)
    number = objects.part_number(s3)
    if "x-amz-copy-source" in s3.headers:
        return _copy_part(s3, number)
    if s3.payload.size < 0:
        raise S3Error("MissingContentLength")
    if s3.payload.size > MAX_PART_BYTES:
        raise S3Error("EntityTooLarge")
    upload = find(s3)
    own, wanted = s3.payload.algorithm, upload.checksum.algorithm if upload.checksum else ""
    if wanted and own and own != wanted:
        why = f"Checksum Type mismatch occurred, expected checksum Type: {wanted}, actual checksum Type: {own}"
        raise S3Error("InvalidRequest", why)
    if wanted:
        s3.payload.count(wanted)
    s3.payload.check_if_empty()
    payload = s3.payload
    body, key = PartBody(payload.read, payload.size), encryption.customer_key(s3)
    meta = _store_part(s3, upload, number, body, payload.checksum, key)
    shown = [("ETag", f'"{meta.etag}"'), *checksums.headers(payload.checksum())[:1]]
    return Response(200, shown + encryption.shown(upload.headers or {}, key))


def _copy_part(s3: S3Request, number: int) -> Response:
    source = objects.copy_source(s3)
    meta = objects.find(s3, source.target, source.version)
    objects.check_copy_conditions(s3, meta)
    s3.access.customer_key = encryption.customer_key(s3, encryption.COPY_SSE_C)
    request = GetRequest(source.target, newest=True, version=source.version)
    found = core_objects.get(s3.tools, s3.access, request)
    first, last = 0, found.content.size - 1
    asked = s3.headers.get("x-amz-copy-source-range")
    if asked:
        spans = parse_ranges(asked)
        span = resolve(spans[0], found.content.size) if len(spans) == 1 else None
        if len(spans) != 1 or None in spans[0]:
            raise S3Error("InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last")
        if span is None or (spans[0][1] or 0) > last:
            raise S3Error("InvalidRange")
        first, last = span
    upload = find(s3)
    counted = CountedReader(reader_of(found.content.read(first, last)), upload)
    body, key = PartBody(counted.read, last - first + 1), encryption.customer_key(s3)
    made = _store_part(s3, upload, number, body, counted.checksum, key)
    result = Node("CopyPartResult", ("LastModified", whole_seconds(made.timestamp)), ("ETag", f'"{made.etag}"'))
    result.extend(checksums.nodes(counted.checksum(), with_type=False))
    return response(result, headers=encryption.shown(upload.headers or {}, key))


def _store_part(
    s3: S3Request, upload: Upload, number: int, body: PartBody, checksum: LateChecksum, key: CustomerKey | None
) -> ObjectMeta:
    try:
        return multipart_uploads.put_part(s3.tools, upload, number, body, checksum, key)
    except (CustomerKeyMissing, CustomerKeyWrong):
        why = "The provided encryption parameters did not match the ones used originally."
        raise S3Error("InvalidRequest", why) from None


class CountedReader:
    """A body that is copied into a part, and the checksum that its upload demands."""

    def __init__(self, read: Read, upload: Upload) -> None:
        self._read, self._algorithm = read, upload.checksum.algorithm if upload.checksum else ""
        self._digest = ALGORITHMS[self._algorithm]() if self._algorithm else None

    def read(self, max_bytes: int) -> bytes:
        """Return the next bytes, b'' at the end."""
        piece = self._read(max_bytes)
        if self._digest is not None:
            self._digest.update(piece)
        return piece

    def checksum(self) -> Checksum | None:
        """The checksum of what was read; None if the upload has none."""
        if self._digest is None:
            return None
        return Checksum(self._algorithm, encode(self._digest.digest()))


def complete(s3: S3Request) -> Response:
    """CompleteMultipartUpload."""
    s3.access.require(CREATE_OBJECT, s3.target)
    try:
        parts = list(_named_parts(s3.body()))
    except S3Error:
        find(s3)  # that there is no such upload goes before what is wrong with the list of its parts
        raise
    if not parts or len(parts) > MAX_PARTS:
        raise S3Error("MalformedXML")
    numbers = [part.number for part in parts]
    if numbers != sorted(set(numbers)):
        raise S3Error("InvalidPartOrder")
    size = parse_whole_number(s3.headers.get("x-amz-mp-object-size", ""))
    given = checksums.header(s3.headers)
    request = CompletionRequest(
        s3.target,
        s3.query["uploadId"],
        parts,
        {given.algorithm: checksums.parse_whole(given)} if given else {},
        -1 if size is None else size,
        only_if_new=objects.check_write_conditions(s3),
    )
    try:
        done = multipart_completion.complete(s3.tools, request)
    except NoSuchUpload:
        raise S3Error("NoSuchUpload") from None
    except PartWrong as err:
        raise S3Error("InvalidPart", str(err)) from None
    except PartTooSmall as err:
        raise S3Error("EntityTooSmall", str(err)) from None
    except ChecksumWrong as err:
        raise S3Error("BadDigest", str(err)) from None
    named = ("Location", s3.location), ("Bucket", s3.bucket), ("Key", s3.key), ("ETag", f'"{done.etag}"')
    result = Node("CompleteMultipartUploadResult", *named).extend(checksums.nodes(done.checksum))
    return response(result, headers=versions.created_headers(done.meta) + encryption.shown(done.meta.headers))


def abort(s3: S3Request) -> Response:
    """AbortMultipartUpload."""
    s3.access.require(ABORT_UPLOAD, s3.target)
    multipart_uploads.abort(s3.tools, find(s3))
    return Response(204, (), b"", "")


def find(s3: S3Request) -> Upload:
    """The upload that a request names. Raises S3Error."""
    try:
        return multipart_uploads.find(s3.tools, s3.target, s3.query["uploadId"])
    except NoSuchUpload:
        raise S3Error("NoSuchUpload") from None


def _named_parts(body: bytes) -> Iterator[NamedPart]:
    """Read the list of parts. Raises S3Error."""
    for one in parse(body, "CompleteMultipartUpload").findall("Part"):
        number, etag = text(one, "PartNumber").strip(), text(one, "ETag").strip().strip('"').lower()
        if not number.isdecimal() or not number.isascii() or len(number) > 9:
            raise S3Error("MalformedXML")
        yield NamedPart(int(number), etag, dict(_checksums(one)))


def _checksums(part: Element) -> Iterator[tuple[str, str]]:
    for algorithm in ALGORITHMS:
        value = text(part, f"Checksum{algorithm.upper()}").strip()
        if value:
            yield algorithm, value
