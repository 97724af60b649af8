"""Versions of objects as S3 has them: a bucket's setting, listings, and which version a request names."""

from pileus_kit.errors import BadRequest, Conflict
from pileus_objectstore.api.http import Response, http_date
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.listings import encoder, limit_of
from pileus_objectstore.api.s3.metadata import listed_etag
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core import containers, object_versioning, objects, rate_limits
from pileus_objectstore.core.access import LIST_VERSIONS, SET_VERSIONING, read_setting
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.listing import VERSIONING
from pileus_objectstore.core.object_versioning import Deletion
from pileus_objectstore.core.timestamps import whole_seconds
from pileus_objectstore.core.version_listings import VersionQuery, list_versions
from pileus_objectstore.core.version_names import NULL, NULL_MARK, Version, id_of, split_name
from pileus_objectstore.wire.contract import ObjectMeta

STATES = {"Enabled": object_versioning.ENABLED, "Suspended": object_versioning.SUSPENDED}
SHOWN_STATES = {
    object_versioning.ENABLED: "Enabled",
    object_versioning.SUSPENDED: "Suspended",
    object_versioning.DISABLED: "Suspended",
}
VERSION_ID, IS_MARKER = "x-amz-version-id", "x-amz-delete-marker"


def show_versioning(s3: S3Request) -> Response:
    """GetBucketVersioning."""
    s3.access.require(read_setting("s3:GetBucketVersioning"), s3.container)
    state = object_versioning.state(containers.get(s3.tools, s3.container))
    return response(Node("VersioningConfiguration", ("Status", SHOWN_STATES[state]) if state else None))


def update_versioning(s3: S3Request) -> Response:
    """PutBucketVersioning."""
    s3.access.require(SET_VERSIONING, s3.container)
    document = parse(s3.body(), "VersioningConfiguration")
    if text(document, "MfaDelete", "Disabled") != "Disabled":
        raise S3Error("NotImplemented", "MfaDelete is not implemented.")
    state = STATES.get(text(document, "Status"))
    if state is None:
        raise S3Error("MalformedXML")
    try:
        containers.update(s3.tools, s3.container, {VERSIONING: state})
    except (BadRequest, Conflict) as err:
        raise S3Error("InvalidBucketState", str(err)) from None
    return Response(200, (), b"", "")


def index(s3: S3Request) -> Response:
    """ListObjectVersions."""
    s3.access.require(LIST_VERSIONS, s3.container)
    rate_limits.admit_listing(s3.tools, s3.container)
    limit, show = limit_of(s3, "max-keys"), encoder(s3)
    prefix, delimiter = s3.query.get("prefix", ""), s3.query.get("delimiter", "")
    marker, version_marker = s3.query.get("key-marker", ""), s3.query.get("version-id-marker", "")
    if version_marker and not marker:
        raise S3Error("InvalidArgument", "A version-id marker cannot be specified without a key marker.")
    rows = ListingQuery(limit=limit + 1, marker=marker, prefix=prefix, delimiter=delimiter)
    query = VersionQuery(rows, _real_id(s3, marker, version_marker) if version_marker else "")
    found = list_versions(s3.tools, s3.container, query)[1] if limit else []
    page, truncated = found[:limit], len(found) > limit
    last = page[-1] if truncated else None
    result = Node(
        "ListVersionsResult",
        ("Name", s3.bucket),
        ("Prefix", show(prefix)),
        ("KeyMarker", show(marker)),
        ("VersionIdMarker", version_marker),
        ("NextKeyMarker", show(last.name)) if last else None,
        ("NextVersionIdMarker", _shown_id(last)) if last and not last.is_group else None,
        ("MaxKeys", limit),
        ("Delimiter", show(delimiter)) if "delimiter" in s3.query else None,
        ("EncodingType", "url") if "encoding-type" in s3.query else None,
        ("IsTruncated", truncated),
    )
    result.extend(_entry(s3, version, show(version.name)) for version in page if not version.is_group)
    return response(result.extend(Node("CommonPrefixes", ("Prefix", show(v.name))) for v in page if v.is_group))


def _real_id(s3: S3Request, key: str, version: str) -> str:
    """The id under which the store keeps a version: that of a null version with a newer one is a timestamp."""
    if version != NULL or not key:
        return version
    target = s3.of_key(key)
    meta = object_versioning.present(s3.tools, target).meta
    if meta is not None and not object_versioning.is_link(meta):
        return NULL
    archived = object_versioning.find_archived_null(s3.tools, target)
    return split_name(archived.object)[1] if archived is not None else NULL


def _shown_id(version: Version) -> str:
    return NULL if version.is_null else version.id


def _entry(s3: S3Request, version: Version, key: str) -> Node:
    project = s3.project
    owner = Node("Owner", ("ID", project), ("DisplayName", project))
    named: list[Node | tuple[str, object] | None] = [
        ("Key", key),
        ("VersionId", _shown_id(version)),
        ("IsLatest", version.is_latest),
        ("LastModified", whole_seconds(version.timestamp)),
    ]
    if version.is_marker:
        return Node("DeleteMarker", *named, owner)
    etag = ("ETag", f'"{listed_etag(version.etag)}"')
    return Node("Version", *named, etag, ("Size", version.size), owner, ("StorageClass", "STANDARD"))


def id_shown(meta: ObjectMeta) -> str:
    """The id of a version as S3's clients know it."""
    return NULL if NULL_MARK in meta.headers else id_of(meta)


def headers(s3: S3Request, meta: ObjectMeta | None) -> list[tuple[str, str]]:
    """Which version was read or made; nothing in a bucket that never kept versions."""
    container = s3.tools.listing_cache.get(s3.container)
    if meta is None or not object_versioning.state(container):
        return []
    return [(VERSION_ID, id_shown(meta))]


def created_headers(meta: ObjectMeta | None) -> list[tuple[str, str]]:
    """Which version was made; nothing of a null version."""
    return [(VERSION_ID, id_of(meta))] if meta is not None and id_of(meta) != NULL else []


def deletion_headers(deletion: Deletion) -> list[tuple[str, str]]:
    """What a deletion has made, or removed for good."""
    shown = [(VERSION_ID, deletion.version)] if deletion.version else []
    return shown + ([(IS_MARKER, "true")] if deletion.is_marker else [])


def marker_met(s3: S3Request, marker: ObjectMeta) -> S3Error:
    """The refusal to read a delete marker: it was named, or the object was deleted."""
    error = S3Error("MethodNotAllowed" if "versionId" in s3.query else "NoSuchKey", Key=s3.key)
    error.headers = [
        (IS_MARKER, "true"),
        (VERSION_ID, id_shown(marker)),
        ("Last-Modified", http_date(marker.timestamp)),
    ]
    return error


def not_found(s3: S3Request) -> S3Error:
    """The refusal to read what isn't there: a version, or an object, which may have been deleted."""
    version = s3.query.get("versionId")
    if version:
        return S3Error("NoSuchVersion", Key=s3.key, VersionId=version)
    if object_versioning.state(s3.tools.listing_cache.get(s3.container)):
        newest = object_versioning.newest(s3.tools, s3.target)
        if newest is not None and object_versioning.is_delete_marker(newest):
            return marker_met(s3, newest)
    return S3Error("NoSuchKey", Key=s3.key)


def delete(s3: S3Request, version: str, ignored_lock: str) -> Deletion:
    """Delete the object of a request, or a version of it for good. That there is none is no error."""
    try:
        if not version:
            return objects.delete(s3.tools, s3.target)
        return objects.delete_version(s3.tools, s3.target, version, promote=True, ignored_lock=ignored_lock)
    except objects.NotFound:
        return Deletion(False, version)
