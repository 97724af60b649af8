"""Objects: put, get, head, delete, copy, and their tags."""

from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import parse_qsl, quote, unquote, urlencode

import msgspec

from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api import byte_ranges
from pileus_objectstore.api.conditions import conditions, ranges
from pileus_objectstore.api.http import Response
from pileus_objectstore.api.metadata_headers import delete_at
from pileus_objectstore.api.s3 import acls, checksums, encryption, lifecycle, lock_headers, metadata
from pileus_objectstore.api.s3 import versions as object_versions
from pileus_objectstore.api.s3.buckets import account_of
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core import (
    copies,
    multipart_uploads,
    object_versioning,
    objects,
    stored_objects,
)
from pileus_objectstore.core.access import CREATE_OBJECT, READ_OBJECT, UPDATE_OBJECT, Action
from pileus_objectstore.core.bucket_rights import TAGGING
from pileus_objectstore.core.conditions import Conditions, resolve
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.requests import CopyRequest, GetRequest, PostRequest, PutRequest
from pileus_objectstore.core.timestamps import whole_seconds
from pileus_objectstore.wire.contract import Footers, ObjectMeta

MAX_PUT_BYTES = 5 << 30
COPY_CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")


def show(s3: S3Request) -> Response:
    """GetObject and HeadObject."""
    s3.access.require(READ_OBJECT, s3.target, s3.version)
    s3.access.customer_key = encryption.customer_key(s3)
    overrides = metadata.overrides(s3.query, signed=s3.caller is not None)
    try:
        with objects.get(s3.tools, s3.access, _get_request(s3)) as found:
            return _shown(s3, found, overrides)
    except objects.IsDeleteMarker as err:
        raise object_versions.marker_met(s3, err.meta) from None
    except NotFound:
        raise object_versions.not_found(s3) from None


def _get_request(s3: S3Request) -> GetRequest:
    headers = s3.http.headers
    part = part_number(s3) if "partNumber" in s3.query else None
    asked = conditions(headers)
    return GetRequest(
        s3.target,
        ranges(headers) if part is None else None,
        None,
        head=s3.method == "HEAD",
        newest=asked is not None,
        part=part,
        version=s3.version,
    )


def part_number(s3: S3Request) -> int:
    """The part that a request names. Raises S3Error."""
    number = parse_whole_number(s3.query.get("partNumber"))
    if number is None or not 1 <= number <= multipart_uploads.MAX_PARTS:
        why = f"Part number must be an integer between 1 and {multipart_uploads.MAX_PARTS}, inclusive"
        raise S3Error("InvalidArgument", why)
    return number


def _shown(s3: S3Request, found: objects.FoundObject, overrides: dict[str, str]) -> Response:
    headers = metadata.shown(found, overrides, s3.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED")
    headers += object_versions.headers(s3, found.meta) + lock_headers.shown(found.meta)
    headers += encryption.shown(found.meta.headers, s3.access.customer_key)
    asked = conditions(s3.http.headers)
    status = found.status
    if asked is not None:
        outcome = asked.evaluate(metadata.etag_of(found.meta), float(found.meta.timestamp))
        status = outcome if outcome != 200 else status
    if status == 304:
        return Response(304, [h for h in headers if h[0] in ("Accept-Ranges", "ETag", "Last-Modified")], b"", "")
    if status == 412:
        raise S3Error("PreconditionFailed")
    if status == 416:
        raise S3Error("InvalidPart" if found.part else "InvalidRange")
    if not found.part and "partNumber" in s3.query and part_number(s3) > 1:
        raise S3Error("InvalidPart")  # an object that was stored whole is its own first part
    headers += lifecycle.expiration_header(s3, found.meta)
    if found.parts:
        headers.append(("x-amz-mp-parts-count", str(found.parts)))
    if len(found.spans) > 1:  # S3 itself would send the whole object
        media = next(value for name, value in headers if name == "Content-Type")
        return byte_ranges.multipart(found, [one for one in headers if one[0] != "Content-Type"], media)
    if s3.method == "HEAD" and status == 200 and not found.part:
        found = _ranged(s3, found)
        status = found.status
    first, last = found.spans[0]
    if status == 206:
        headers.append(("Content-Range", f"bytes {first}-{last}/{found.content.size}"))
    body = b"" if s3.method == "HEAD" else found.body()
    return Response(status, headers, body, "", last - first + 1)


def _ranged(s3: S3Request, found: objects.FoundObject) -> objects.FoundObject:
    """What HEAD shows of one range: as S3 does, and Swift does not, what GET would deliver. Raises S3Error."""
    asked = ranges(s3.http.headers) or ()
    if len(asked) != 1:
        return found
    span = resolve(asked[0], found.content.size)
    if span is None:
        raise S3Error("InvalidRange")
    return replace(found, status=206, spans=[span])


def create(s3: S3Request) -> Response:
    """PutObject."""
    if s3.payload.size < 0:
        raise S3Error("MissingContentLength")
    if s3.payload.size > MAX_PUT_BYTES:
        raise S3Error("EntityTooLarge")
    return store(s3)


def store(s3: S3Request) -> Response:
    """Store the request's body, which may be of unknown length, as the object."""
    s3.access.require(CREATE_OBJECT, s3.target)
    only_if_new, ends = check_write_conditions(s3), _expiry(s3)
    s3.payload.check_if_empty()
    headers = metadata.stored(s3.headers) | acls.of_new_object(s3) | lock_headers.of_new_object(s3)
    key = encryption.customer_key(s3)
    expected = checksums.header(s3.headers)
    if expected is not None:
        headers[metadata.CHECKSUM] = expected.write()
    reply = objects.put(
        s3.tools,
        s3.access,
        PutRequest(
            s3.target,
            s3.payload.read,
            s3.payload.size,
            headers,
            delete_at=ends,
            only_if_new=only_if_new,
            event="Post" if s3.method == "POST" else "Put",
            footers=partial(_footers, s3) if expected is None and s3.payload.algorithm else None,
            customer_key=key,
        ),
    )
    etag = reply.meta.etag if reply.meta else ""
    shown = [("ETag", f'"{etag}"'), *checksums.headers(s3.payload.checksum())]
    if reply.meta is not None:
        kept = msgspec.structs.replace(reply.meta, headers=headers, delete_at=ends)
        shown += lifecycle.expiration_header(s3, kept)
        shown += encryption.shown(reply.meta.headers, key)
    return Response(200, shown + object_versions.created_headers(reply.meta), b"", "")


def _expiry(s3: S3Request) -> int:
    """When the object ends by Swift's X-Delete-At or X-Delete-After, in epoch seconds; 0 for never. Raises S3Error."""
    try:
        return delete_at(s3.tools.now, s3.headers.get("x-delete-after", ""), s3.headers.get("x-delete-at", ""))
    except BadRequest as err:
        raise S3Error("InvalidArgument", str(err)) from None


def _footers(s3: S3Request) -> Footers:
    """What a trailer has said of the body: its checksum."""
    found = s3.payload.checksum()
    return Footers({metadata.CHECKSUM: found.write()}) if found else Footers()


def check_write_conditions(s3: S3Request) -> bool:
    """Check If-Match and If-None-Match with ETags; return whether If-None-Match demands that there is no object."""
    none_match, match = s3.headers.get("if-none-match", "").strip(), s3.headers.get("if-match", "").strip()
    if not match and none_match in ("", "*"):
        return none_match == "*"
    meta = stored_objects.find(s3.tools, s3.target, newest=True)
    if meta is not None and object_versioning.is_delete_marker(meta):
        meta = None
    if match and meta is None:
        raise S3Error("NoSuchKey")
    etag = metadata.etag_of(meta) if meta is not None else ""
    if (match and match.strip('"') not in ("*", etag)) or (etag and none_match.strip('"') == etag):
        raise S3Error("PreconditionFailed")
    return none_match == "*"


def copy(s3: S3Request) -> Response:
    """CopyObject."""
    source = copy_source(s3)
    directive = s3.headers.get("x-amz-metadata-directive", "COPY").upper()
    if directive not in ("COPY", "REPLACE"):
        raise S3Error("InvalidArgument", "Unknown metadata directive.")
    marks = encryption.marks(s3.headers)
    s3.access.customer_key = encryption.customer_key(s3, encryption.COPY_SSE_C)
    key = encryption.customer_key(s3)
    changes_encryption = marks or key or s3.access.customer_key
    if source.target == s3.target and not source.version and directive == "COPY" and not changes_encryption:
        raise S3Error("InvalidRequest", "This copy request is illegal because it changes nothing of the object.")
    kept = find(s3, source.target, source.version)
    headers = metadata.stored(s3.headers) if directive == "REPLACE" else _copied_headers(kept)
    if s3.headers.get("x-amz-tagging-directive", "COPY").upper() == "COPY" and TAGGING in kept.headers:
        headers[TAGGING] = kept.headers[TAGGING]
    headers |= acls.of_new_object(s3) | lock_headers.of_new_object(s3) | marks
    check_copy_conditions(s3, kept)
    request = CopyRequest(
        GetRequest(source.target, version=source.version),
        s3.target,
        headers,
        _expiry(s3),
        fresh_metadata=True,
        customer_key=key,
    )
    copied = copies.copy(s3.tools, s3.access, request)
    meta = copied.reply.meta if copied.reply else None
    if meta is None:
        raise S3Error("InternalError")
    modified = whole_seconds(meta.timestamp)
    headers_shown = object_versions.created_headers(meta) + encryption.shown(meta.headers, key)
    if source.version:
        headers_shown.append(("x-amz-copy-source-version-id", source.version))
    result = Node("CopyObjectResult", ("LastModified", modified), ("ETag", f'"{meta.etag}"'))
    return response(result, headers=headers_shown)


def _copied_headers(meta: ObjectMeta) -> dict[str, str]:
    return {
        name: value
        for name, value in meta.headers.items()
        if name in (*metadata.KEPT, "Content-Type", metadata.CHECKSUM) or name.startswith(metadata.STORED_USER)
    }


@dataclass(frozen=True, slots=True)
class CopySource:
    """What x-amz-copy-source names. `version` is '' for the current one."""

    target: Target
    version: str = ""


def copy_source(s3: S3Request) -> CopySource:
    """Read x-amz-copy-source: `bucket/key`, quoted, perhaps with `?versionId=`. Raises S3Error."""
    path, _, query = s3.headers["x-amz-copy-source"].partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not key:
        raise S3Error("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    given = dict(parse_qsl(query, keep_blank_values=True))
    version = given.pop("versionId", "")
    if given:
        raise S3Error("InvalidArgument", "Unsupported copy source parameter.")
    target = Target(account_of(s3, bucket), bucket, key)
    s3.check_owner("x-amz-source-expected-bucket-owner", target.account)
    return CopySource(target, version)


def find(s3: S3Request, target: Target, version: str = "", action: Action = READ_OBJECT) -> ObjectMeta:
    """An object's metadata, or that of a version, for a caller who may do `action` to it. Raises S3Error."""
    s3.access.require(action, target, version)
    if version:
        try:
            meta: ObjectMeta | None = object_versioning.find(s3.tools, target, version)
        except NotFound:
            raise S3Error("NoSuchVersion", VersionId=version) from None
    else:
        meta = stored_objects.find(s3.tools, target, newest=True)
    if meta is None:
        raise S3Error("NoSuchKey", Key=target.object)
    if object_versioning.is_delete_marker(meta):
        raise object_versions.marker_met(s3, meta)
    return meta


def check_copy_conditions(s3: S3Request, meta: ObjectMeta) -> None:
    """Raise PreconditionFailed unless the source is as the x-amz-copy-source-if-* headers demand."""
    given = {
        name: s3.headers[f"x-amz-copy-source-{name.lower()}"]
        for name in COPY_CONDITIONS
        if f"x-amz-copy-source-{name.lower()}" in s3.headers
    }
    asked: Conditions | None = conditions(given)
    if asked is not None and asked.evaluate(metadata.etag_of(meta), float(meta.timestamp)) != 200:
        raise S3Error("PreconditionFailed")


def show_tags(s3: S3Request) -> Response:
    """GetObjectTagging."""
    meta = find(s3, s3.target, s3.version, READ_OBJECT.named("s3:GetObjectTagging"))
    tags = sorted(parse_qsl(meta.headers.get(TAGGING, ""), keep_blank_values=True))
    nodes = [Node("Tag", ("Key", key), ("Value", value)) for key, value in tags]
    return response(Node("Tagging", Node("TagSet").extend(nodes)))


def update_tags(s3: S3Request) -> Response:
    """PutObjectTagging."""
    tags = s3.access.facts.tags = parse_tags(s3.body())
    _set_tags(s3, urlencode(tags, quote_via=quote), "s3:PutObjectTagging")
    return Response(200, (), b"", "")


def delete_tags(s3: S3Request) -> Response:
    """DeleteObjectTagging."""
    _set_tags(s3, "", "s3:DeleteObjectTagging")
    return Response(204, (), b"", "")


def parse_tags(body: bytes) -> list[tuple[str, str]]:
    """Read a Tagging document. Raises S3Error."""
    found = parse(body, "Tagging").findall("TagSet/Tag")
    tags = [(text(one, "Key"), text(one, "Value")) for one in found]
    metadata.check_tags(tags)
    return tags


def _set_tags(s3: S3Request, tagging: str, action: str) -> None:
    meta = find(s3, s3.target, s3.version, UPDATE_OBJECT.named(action))
    event = "ObjectTagging:Put" if tagging else "ObjectTagging:Delete"
    kept = metadata.resent(meta) | {TAGGING: tagging}  # "" stands for no tags, as what isn't mentioned stays
    changed = PostRequest(s3.target, kept, meta.delete_at, s3.version, keeps_expiry=True, event=event)
    objects.update(s3.tools, changed)
