"""DeleteObject and DeleteObjects, of objects and of versions, also on condition."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from pileus_kit.errors import CloudError, NotFound
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.conditions import date_of
from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3 import checksums, lock_headers, metadata, versions
from pileus_objectstore.api.s3.errors import S3Error, error_of
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core import containers, object_versioning, stored_objects
from pileus_objectstore.core.access import DELETE_OBJECT
from pileus_objectstore.core.object_versioning import Deletion
from pileus_objectstore.wire.contract import ObjectMeta

MAX_DELETES = 1000


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be true of what is deleted; None where nothing is demanded. `modified` has whole seconds."""

    etag: str | None = None
    modified: datetime | None = None
    size: int | None = None

    def holds(self, meta: ObjectMeta) -> bool:
        """Whether it is true of this version. The only thing that a delete marker has is that it exists."""
        if object_versioning.is_delete_marker(meta):
            return self.etag in (None, "*") and self.modified is None and self.size is None
        size = meta.listed_size if meta.listed_size >= 0 else meta.size
        changed = int(float(meta.timestamp) + 0.99999)  # rounded up, as Last-Modified is
        return (
            self.etag in (None, "*", metadata.etag_of(meta))
            and (self.modified is None or int(self.modified.timestamp()) in (changed, int(float(meta.timestamp))))
            and self.size in (None, size)
        )


NO_CONDITION = Condition()


def delete(s3: S3Request) -> Response:
    """DeleteObject: it succeeds whether or not there is such an object."""
    s3.access.require(DELETE_OBJECT, s3.target, s3.version)
    names = ("if-match", "x-amz-if-match-last-modified-time", "x-amz-if-match-size")
    deletion = _delete(s3, s3.version, _condition(*(s3.headers.get(name) for name in names)))
    return Response(204, versions.deletion_headers(deletion), b"", "")


def delete_many(s3: S3Request) -> Response:
    """DeleteObjects: each key has its own outcome."""
    if "content-md5" not in s3.headers and not _has_checksum(s3):
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5 or a checksum")
    document = parse(_document(s3), "Delete")
    wanted = document.findall("Object")
    if not wanted or len(wanted) > MAX_DELETES or any(one.find("Key") is None for one in wanted):
        raise S3Error("MalformedXML")
    if not all(text(one, "Key") for one in wanted):
        raise S3Error("UserKeyMustBeSpecified")
    quiet = text(document, "Quiet").lower() == "true"
    result = Node("DeleteResult")
    for element in wanted:
        key, version = text(element, "Key"), text(element, "VersionId")
        named = ("Key", key), ("VersionId", version) if version else None
        try:
            deletion = _delete_one(replace(s3, key=key), version, element)
        except CloudError as err:
            error = error_of(err, for_object=True)
            result.add(Node("Error", *named, ("Code", error.code), ("Message", str(error))))
        else:
            if not quiet:
                result.add(Node("Deleted", *named, *_marker_nodes(deletion)))
    return response(result)


def _document(s3: S3Request) -> bytes:
    """The request's body; one that is too long is no list of MAX_DELETES keys. Raises S3Error."""
    try:
        return s3.body()
    except S3Error as err:
        raise S3Error("MalformedXML") if err.code == "MaxMessageLengthExceeded" else err from None


def _delete_one(s3: S3Request, version: str, element: Element) -> Deletion:
    s3.access.require(DELETE_OBJECT, s3.target, version)
    given = (element.findtext(name) for name in ("ETag", "LastModifiedTime", "Size"))
    return _delete(s3, version, _condition(*given))


def _delete(s3: S3Request, version: str, condition: Condition) -> Deletion:
    """Delete, if what is there is as demanded; what isn't there gets no delete marker then. Raises S3Error."""
    if condition != NO_CONDITION:
        meta = _find(s3, version)
        if meta is None:
            return Deletion(False)
        if not condition.holds(meta):
            raise S3Error("PreconditionFailed")
    return versions.delete(s3, version, lock_headers.bypass(s3, version))


def _condition(etag: str | None, modified: str | None, size: str | None) -> Condition:
    """Parse what a request demands. Raises S3Error."""
    number, moment = parse_whole_number(size), _moment(modified)
    if (size is not None and number is None) or (modified is not None and moment is None):
        raise S3Error("InvalidArgument", "The size or the time of a condition can't be read.")
    return Condition(etag.strip().strip('"') if etag is not None else None, moment, number)


def _moment(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        moment = date_of(given) or datetime.fromisoformat(given)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _find(s3: S3Request, version: str) -> ObjectMeta | None:
    """The version that would be deleted, or the one that a delete marker would hide, which may be a marker itself."""
    if version:
        try:
            return object_versioning.find(s3.tools, s3.target, version)
        except NotFound:
            return None
    meta = stored_objects.find(s3.tools, s3.target, newest=True)
    if meta is None and object_versioning.state(containers.find(s3.tools, s3.target)):
        return object_versioning.newest(s3.tools, s3.target)
    return meta


def _marker_nodes(deletion: Deletion) -> list[tuple[str, object]]:
    if not deletion.is_marker:
        return []
    return [("DeleteMarker", True), ("DeleteMarkerVersionId", deletion.version)]


def _has_checksum(s3: S3Request) -> bool:
    names = {name for name in s3.headers if name.startswith(checksums.PREFIX)}
    return bool(names) or checksums.PREFIX in s3.headers.get("x-amz-trailer", "")
