"""Multipart uploads: create, upload and copy parts, list, complete, abort."""

from pileus_objectstore.api.conditions import parse_ranges
from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3 import checksums, metadata, objects
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.listings import encoder, limit_of
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core import containers, multipart_uploads
from pileus_objectstore.core import objects as core_objects
from pileus_objectstore.core.access import CREATE_OBJECT, READ_CONTAINER, READ_OBJECT
from pileus_objectstore.core.conditions import resolve
from pileus_objectstore.core.multipart_uploads import MAX_PARTS, NoSuchUpload, PartTooSmall, PartWrong
from pileus_objectstore.core.requests import GetRequest
from pileus_objectstore.core.stored_objects import reader_of
from pileus_objectstore.core.timestamps import iso

MAX_PART_BYTES = 5 << 30


def create(s3: S3Request) -> Response:
    """CreateMultipartUpload."""
    s3.access.require(CREATE_OBJECT, s3.target)
    containers.find(s3.tools, s3.target)
    upload = multipart_uploads.begin(s3.tools, s3.target, metadata.stored(s3.headers))
    named = ("Bucket", s3.bucket), ("Key", s3.key), ("UploadId", upload)
    return response(Node("InitiateMultipartUploadResult", *named))


def put_part(s3: S3Request) -> Response:
    """UploadPart, or UploadPartCopy with a source."""
    s3.access.require(CREATE_OBJECT, s3.target)
    number = _number(s3)
    try:
        if "x-amz-copy-source" in s3.headers:
            return _copy_part(s3, number)
        if s3.payload.size < 0:
            raise S3Error("MissingContentLength")
        if s3.payload.size > MAX_PART_BYTES:
            raise S3Error("EntityTooLarge")
        s3.payload.check_if_empty()
        etag = multipart_uploads.put_part(
            s3.tools, s3.target, s3.query["uploadId"], number, s3.payload.read, s3.payload.size
        )
    except NoSuchUpload:
        raise S3Error("NoSuchUpload") from None
    shown = [("ETag", f'"{etag}"')]
    if s3.payload.checksum is not None:
        shown.append((checksums.PREFIX + s3.payload.checksum[0], s3.payload.checksum[1]))
    return Response(200, shown, b"", "")


def _copy_part(s3: S3Request, number: int) -> Response:
    source = objects.copy_source(s3)
    meta = objects.find(s3, source)
    objects.check_copy_conditions(s3, meta)
    s3.access.require(READ_OBJECT, source)
    found = core_objects.get(s3.tools, s3.access, GetRequest(source, newest=True))
    first, last = 0, found.content.size - 1
    asked = s3.headers.get("x-amz-copy-source-range")
    if asked:
        spans = parse_ranges(asked)
        span = resolve(spans[0], found.content.size) if len(spans) == 1 else None
        if span is None or None in spans[0] or (spans[0][1] or 0) > last:
            raise S3Error("InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last")
        first, last = span
    read = reader_of(found.content.read(first, last))
    etag = multipart_uploads.put_part(s3.tools, s3.target, s3.query["uploadId"], number, read, last - first + 1)
    modified = f"{iso(meta.timestamp)[:-3]}Z"
    return response(Node("CopyPartResult", ("ETag", f'"{etag}"'), ("LastModified", modified)))


def list_parts(s3: S3Request) -> Response:
    """ListParts."""
    s3.access.require(CREATE_OBJECT, s3.target)
    limit, after = limit_of(s3, "max-parts"), s3.query.get("part-number-marker", "0")
    if not after.isdecimal() or len(after) > 9:
        raise S3Error("InvalidArgument", "part-number-marker must be a number.")
    try:
        found = multipart_uploads.list_parts(s3.tools, s3.target, s3.query["uploadId"], int(after), limit + 1)
    except NoSuchUpload:
        raise S3Error("NoSuchUpload") from None
    parts = found[:limit]
    result = Node(
        "ListPartsResult",
        ("Bucket", s3.bucket),
        ("Key", encoder(s3)(s3.key)),
        ("UploadId", s3.query["uploadId"]),
        ("PartNumberMarker", int(after)),
        ("NextPartNumberMarker", parts[-1].number) if parts else None,
        ("MaxParts", limit),
        ("IsTruncated", len(found) > limit),
        ("StorageClass", "STANDARD"),
    )
    return response(
        result.extend(
            Node(
                "Part",
                ("PartNumber", part.number),
                ("LastModified", f"{iso(part.timestamp)[:-3]}Z"),
                ("ETag", f'"{part.etag}"'),
                ("Size", part.size),
            )
            for part in parts
        )
    )


def list_uploads(s3: S3Request) -> Response:
    """ListMultipartUploads."""
    s3.access.require(READ_CONTAINER, s3.container)
    containers.get(s3.tools, s3.container)
    limit, show = limit_of(s3, "max-uploads"), encoder(s3)
    key_marker, id_marker = s3.query.get("key-marker", ""), s3.query.get("upload-id-marker", "")
    found = []
    for upload in multipart_uploads.list_uploads(s3.tools, s3.container, s3.query.get("prefix", "")):
        if (upload.key, upload.id) > (key_marker, id_marker or "~"):
            found.append(upload)
        if len(found) > limit:
            break
    page = found[:limit]
    truncated = len(found) > limit
    result = Node(
        "ListMultipartUploadsResult",
        ("Bucket", s3.bucket),
        ("KeyMarker", show(key_marker)),
        ("UploadIdMarker", id_marker),
        ("NextKeyMarker", show(page[-1].key)) if truncated else None,
        ("NextUploadIdMarker", page[-1].id) if truncated else None,
        ("MaxUploads", limit),
        ("IsTruncated", truncated),
    )
    return response(
        result.extend(
            Node(
                "Upload",
                ("Key", show(upload.key)),
                ("UploadId", upload.id),
                ("StorageClass", "STANDARD"),
                ("Initiated", f"{iso(upload.timestamp)[:-3]}Z"),
            )
            for upload in page
        )
    )


def complete(s3: S3Request) -> Response:
    """CompleteMultipartUpload."""
    s3.access.require(CREATE_OBJECT, s3.target)
    wanted = _wanted(s3.body())
    try:
        etag = multipart_uploads.complete(s3.tools, s3.access, s3.target, s3.query["uploadId"], wanted)
    except NoSuchUpload:
        raise S3Error("NoSuchUpload") from None
    except PartWrong as err:
        raise S3Error("InvalidPart", str(err)) from None
    except PartTooSmall as err:
        raise S3Error("EntityTooSmall", str(err)) from None
    location = f"/{s3.bucket}/{s3.key}"
    named = ("Location", location), ("Bucket", s3.bucket), ("Key", s3.key), ("ETag", f'"{etag}"')
    return response(Node("CompleteMultipartUploadResult", *named))


def abort(s3: S3Request) -> Response:
    """AbortMultipartUpload."""
    s3.access.require(CREATE_OBJECT, s3.target)
    try:
        multipart_uploads.abort(s3.tools, s3.target, s3.query["uploadId"])
    except NoSuchUpload:
        raise S3Error("NoSuchUpload") from None
    return Response(204, (), b"", "")


def _number(s3: S3Request) -> int:
    given = s3.query.get("partNumber", "")
    if not given.isdecimal() or len(given) > 9 or not 1 <= int(given) <= MAX_PARTS:
        raise S3Error("InvalidArgument", f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive")
    return int(given)


def _wanted(body: bytes) -> list[tuple[int, str]]:
    """Read the list of parts. Raises S3Error."""
    found = []
    for one in parse(body, "CompleteMultipartUpload").findall("Part"):
        number, etag = text(one, "PartNumber").strip(), text(one, "ETag").strip().strip('"').lower()
        if not number.isdecimal() or len(number) > 9 or len(etag) != 32:
            raise S3Error("InvalidPart") if number.isdecimal() else S3Error("MalformedXML")
        found.append((int(number), etag))
    if not found or len(found) > MAX_PARTS:
        raise S3Error("MalformedXML")
    numbers = [number for number, _ in found]
    if numbers != sorted(set(numbers)):
        raise S3Error("InvalidPartOrder")
    return found
