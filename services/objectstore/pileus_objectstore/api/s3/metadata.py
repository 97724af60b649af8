"""Metadata of objects: S3's headers and what is stored, both ways."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from pileus_objectstore.api.http import http_date
from pileus_objectstore.api.s3 import checksums, encryption
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.core.bucket_rights import TAGGING
from pileus_objectstore.core.checksums import Checksum, read
from pileus_objectstore.core.content import SegmentedContent
from pileus_objectstore.core.multipart_uploads import CHECKSUM, ETAG
from pileus_objectstore.core.objects import FoundObject
from pileus_objectstore.wire.contract import ObjectMeta

KEPT = ("Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires", "X-Robots-Tag")
USER, STORED_USER = "x-amz-meta-", "X-Object-Meta-"
REDIRECT = "X-Object-Sysmeta-S3-Website-Redirect-Location"
DEFAULT_TYPE = "binary/octet-stream"
MAX_USER_BYTES = 2048
MAX_TAGS = 10
UNBUILT = ("x-amz-write-offset-bytes",)
RESPONSE_OVERRIDES = {
    "response-content-type": "Content-Type",
    "response-content-language": "Content-Language",
    "response-expires": "Expires",
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
}


def stored(headers: Mapping[str, str]) -> dict[str, str]:
    """The metadata to store with an object. Raises S3Error for what is too large, or isn't built."""
    for name in headers:
        if name.startswith(UNBUILT):
            raise S3Error("NotImplemented", f"{name} is not implemented.")
    if headers.get("x-amz-storage-class", "STANDARD") != "STANDARD":
        raise S3Error("InvalidRequest", "The only storage class is STANDARD.")
    user = {name: value for name, value in headers.items() if name.startswith(USER)}
    if sum(len(name.removeprefix(USER)) + len(value.encode()) for name, value in user.items()) > MAX_USER_BYTES:
        raise S3Error("MetadataTooLarge")
    found = {STORED_USER + name.removeprefix(USER).title(): value for name, value in user.items()}
    found |= {name: headers[name.lower()] for name in KEPT if headers.get(name.lower())}
    encodings = [part.strip() for part in found.get("Content-Encoding", "").split(",") if part.strip()]
    if "aws-chunked" in encodings:
        found.pop("Content-Encoding")
        found |= {"Content-Encoding": ",".join(kept)} if (kept := [e for e in encodings if e != "aws-chunked"]) else {}
    found |= encryption.marks(headers)
    found["Content-Type"] = headers.get("content-type") or DEFAULT_TYPE
    if headers.get("x-amz-tagging"):
        tags = parse_qsl(headers["x-amz-tagging"], keep_blank_values=True)
        check_tags(tags)
        found[TAGGING] = headers["x-amz-tagging"]
    if "x-amz-website-redirect-location" in headers:
        found[REDIRECT] = checked_redirect(headers["x-amz-website-redirect-location"])
    return found


def resent(meta: ObjectMeta) -> dict[str, str]:
    """What a change of an object's metadata has to send again; system metadata that it doesn't send stays."""
    return {name: value for name, value in meta.headers.items() if "-Sysmeta-" not in name}


def checked_redirect(location: str) -> str:
    """Where a website sends visitors of an object: a path, or a URL. Raises S3Error."""
    if not location.startswith(("/", "http://", "https://")) or len(location) > 2048 or not location.isprintable():
        raise S3Error("InvalidRedirectLocation")
    return location


def check_tags(tags: list[tuple[str, str]], most: int = MAX_TAGS) -> None:
    """Raise S3Error for tags that S3 refuses."""
    if len(tags) > most:
        raise S3Error("InvalidTag", f"Object tags cannot be greater than {most}")
    if len({key for key, _ in tags}) != len(tags):
        raise S3Error("InvalidTag", "Cannot provide multiple Tags with the same key")
    for key, value in tags:
        if not key or len(key) > 128 or len(value) > 256:
            raise S3Error("InvalidTag", "The TagKey or TagValue you have provided is invalid")


def etag_of(meta: ObjectMeta) -> str:
    """The ETag that S3's clients see."""
    return meta.headers.get(ETAG) or meta.headers.get("X-Object-Sysmeta-Slo-Etag", "") or meta.etag


def listed_etag(etag: str) -> str:
    """The same of a row in a listing."""
    own, *more = etag.split("; ")
    values = dict(part.partition("=")[::2] for part in more)
    return values.get("s3_etag") or values.get("slo_etag") or own


def _checksum(found: FoundObject) -> Checksum | None:
    """The checksum of what is delivered: of the whole object, or of the part that was asked for."""
    whole = read(found.meta.headers.get(CHECKSUM, ""))
    if found.part and found.status == 206 and isinstance(found.content, SegmentedContent):
        part = read(found.content.segments[found.part - 1].checksum)
        return Checksum(part.algorithm, part.value, whole.type) if part and whole else None
    return whole if found.status == 200 else None


def overrides(query: Mapping[str, str], *, signed: bool) -> dict[str, str]:
    """The headers that a request wants instead of an object's own. Raises S3Error: only the owner of a key may ask."""
    found = {RESPONSE_OVERRIDES[name]: value for name, value in query.items() if name in RESPONSE_OVERRIDES}
    if found and not signed:
        raise S3Error("InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests.")
    if not all(value.isprintable() for value in found.values()):
        raise S3Error("InvalidArgument", "A response header can't have control characters.")
    return found


def shown(found: FoundObject, replaced: Mapping[str, str], with_checksum: bool) -> list[tuple[str, str]]:
    """The headers of an object that was read; `replaced` are those that the request wants instead."""
    meta = found.meta
    headers = [
        ("ETag", f'"{etag_of(meta)}"'),
        ("Last-Modified", http_date(found.meta.timestamp)),
        ("Accept-Ranges", "bytes"),
    ]
    for name, value in meta.headers.items():
        if name.startswith(STORED_USER):
            headers.append((USER + name.removeprefix(STORED_USER).lower(), value))
        elif name in KEPT or name == "Content-Type":
            headers.append((name, value))
    if meta.headers.get(REDIRECT):
        headers.append(("x-amz-website-redirect-location", meta.headers[REDIRECT]))
    tags = parse_qsl(meta.headers.get(TAGGING, ""), keep_blank_values=True)
    if tags:
        headers.append(("x-amz-tagging-count", str(len(tags))))
    headers += checksums.headers(_checksum(found)) if with_checksum else []
    return [(name, value) for name, value in headers if name not in replaced] + list(replaced.items())
