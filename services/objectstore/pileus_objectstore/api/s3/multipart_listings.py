"""Lists of multipart uploads and of their parts, and GetObjectAttributes."""

from collections.abc import Iterable

from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.http import Response, http_date
from pileus_objectstore.api.s3 import checksums, metadata, multipart, object_acls, objects, versions
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.listings import encoder, limit_of
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, response
from pileus_objectstore.core import containers, manifests, multipart_uploads, stored_objects
from pileus_objectstore.core.access import LIST_PARTS, LIST_UPLOADS
from pileus_objectstore.core.checksums import Checksum, read
from pileus_objectstore.core.timestamps import whole_seconds
from pileus_objectstore.wire.contract import ObjectMeta

ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


def list_parts(s3: S3Request) -> Response:
    """ListParts."""
    s3.access.require(LIST_PARTS, s3.target)
    limit, after = limit_of(s3, "max-parts"), _marker(s3.query.get("part-number-marker", ""))
    upload = multipart.find(s3)
    found = multipart_uploads.list_parts(s3.tools, upload, after, limit + 1)
    parts, owner = found[:limit], object_acls.owner(s3, upload.headers or {})
    result = Node(
        "ListPartsResult",
        ("Bucket", s3.bucket),
        ("Key", encoder(s3)(s3.key)),
        ("UploadId", upload.id),
        _project("Initiator", owner),
        _project("Owner", owner),
        ("StorageClass", "STANDARD"),
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", parts[-1].number) if parts else None,
        ("MaxParts", limit),
        ("IsTruncated", len(found) > limit),
        *_kind(upload.checksum),
    )
    return response(
        result.extend(
            Node(
                "Part",
                ("PartNumber", part.number),
                ("LastModified", whole_seconds(part.timestamp)),
                ("ETag", f'"{part.etag}"'),
                ("Size", part.size),
                *checksums.nodes(part.checksum, with_type=False),
            )
            for part in parts
        )
    )


def list_uploads(s3: S3Request) -> Response:
    """ListMultipartUploads."""
    s3.access.require(LIST_UPLOADS, s3.container)
    containers.get(s3.tools, s3.container)
    if s3.query.get("delimiter"):
        raise S3Error("NotImplemented", "Uploads can't be grouped by a delimiter; use a prefix.")
    limit, show, prefix = limit_of(s3, "max-uploads"), encoder(s3), s3.query.get("prefix", "")
    key_marker, id_marker = s3.query.get("key-marker", ""), s3.query.get("upload-id-marker", "")
    marker = f"{key_marker}/{id_marker or '~'}" if key_marker else ""
    found = multipart_uploads.list_uploads(s3.tools, s3.container, marker, prefix, limit + 1)
    page = found[:limit]
    truncated = bool(page) and len(found) > limit
    result = Node(
        "ListMultipartUploadsResult",
        ("Bucket", s3.bucket),
        ("KeyMarker", show(key_marker)),
        ("UploadIdMarker", id_marker),
        ("NextKeyMarker", show(page[-1].target.object)) if truncated else None,
        ("NextUploadIdMarker", page[-1].id) if truncated else None,
        ("Prefix", show(prefix)),
        ("EncodingType", "url") if "encoding-type" in s3.query else None,
        ("MaxUploads", limit),
        ("IsTruncated", truncated),
    )
    return response(
        result.extend(
            Node(
                "Upload",
                ("Key", show(upload.target.object)),
                ("UploadId", upload.id),
                _project("Initiator", upload.owner or s3.project),
                _project("Owner", upload.owner or s3.project),
                ("StorageClass", "STANDARD"),
                ("Initiated", whole_seconds(upload.timestamp)),
                *_kind(upload.checksum),
            )
            for upload in page
        )
    )


def show_attributes(s3: S3Request) -> Response:
    """GetObjectAttributes: only those that the request names."""
    wanted = {name.strip() for name in s3.headers.get("x-amz-object-attributes", "").split(",") if name.strip()}
    if not wanted or wanted - set(ATTRIBUTES):
        raise S3Error("InvalidArgument", "Invalid attribute name specified.")
    meta = objects.find(s3, s3.target, s3.version)
    checksum = read(meta.headers.get(metadata.CHECKSUM, ""))
    is_multipart = metadata.ETAG in meta.headers and manifests.is_static(meta)
    shown: dict[str, Node | tuple[str, object] | None] = {
        "ETag": ("ETag", metadata.etag_of(meta)),
        "Checksum": Node("Checksum").extend(checksums.nodes(checksum)) if checksum else None,
        "ObjectParts": _object_parts(s3, meta) if is_multipart and "ObjectParts" in wanted else None,
        "StorageClass": ("StorageClass", "STANDARD"),
        "ObjectSize": ("ObjectSize", meta.size if meta.listed_size < 0 else meta.listed_size),
    }
    result = Node("GetObjectAttributesResponse", *(node for name, node in shown.items() if name in wanted))
    return response(result, headers=[("Last-Modified", http_date(meta.timestamp)), *versions.headers(s3, meta)])


def _object_parts(s3: S3Request, meta: ObjectMeta) -> Node:
    after = _marker(s3.headers.get("x-amz-part-number-marker", ""))
    limit = parse_whole_number(s3.headers.get("x-amz-max-parts", "") or "1000")
    if limit is None:
        raise S3Error("InvalidArgument", "x-amz-max-parts must be a number.")
    limit = min(limit, 1000)
    lines = manifests.read_lines(stored_objects.content_of(s3.tools, meta))
    page = list(enumerate(lines, 1))[after : after + limit]
    result = Node(
        "ObjectParts",
        ("IsTruncated", after + limit < len(lines)),
        ("MaxParts", limit),
        ("NextPartNumberMarker", page[-1][0]) if page else None,
        ("PartNumberMarker", after),
        ("PartsCount", len(lines)),
    )
    return result.extend(
        Node(
            "Part",
            ("PartNumber", number),
            ("Size", line.bytes),
            *checksums.nodes(read(line.checksum), with_type=False),
        )
        for number, line in page
    )


def _marker(given: str) -> int:
    number = parse_whole_number(given or "0")
    if number is None or number > 2**31 - 1:
        raise S3Error("InvalidArgument", "The part number marker must be a number.")
    return min(number, multipart_uploads.MAX_PARTS)


def _project(name: str, project: str) -> Node:
    return Node(name, ("ID", project), ("DisplayName", project))


def _kind(checksum: Checksum | None) -> Iterable[tuple[str, object]]:
    if checksum is None:
        return ()
    return ("ChecksumAlgorithm", checksum.algorithm.upper()), ("ChecksumType", checksum.type)
