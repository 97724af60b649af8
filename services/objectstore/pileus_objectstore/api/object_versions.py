"""?version-id and ?versions: object versioning as Swift's API has it."""

import msgspec

from pileus_kit.errors import BadRequest, NotAcceptable
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.listing_formats import Shown, listing_query, media_type, show_objects
from pileus_objectstore.core import containers, object_versioning, objects, stored_objects
from pileus_objectstore.core.access import DELETE_OBJECT
from pileus_objectstore.core.listing import Entry
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.object_versioning import Deletion
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_listings import VersionQuery, list_versions
from pileus_objectstore.core.version_names import (
    DELETE_MARKER,
    NULL,
    Version,
    id_of,
    version_target,
    versions_container,
)
from pileus_objectstore.wire.contract import ListingInfo, ObjectMeta

HEADER = "X-Object-Version-Id"


def named(request: Request) -> str:
    """The version that a request names, which need not be one; '' if it names none."""
    return request.query.get("version-id", "") if request.environ.get("QUERY_STRING") else ""


def version_of(tools: Tools, request: Request, target: Target) -> str:
    """The version of an object that a request names, '' if it names none. Raises BadRequest."""
    version = named(request)
    if version and version != NULL:
        version_target(target, version)
        if not object_versioning.state(containers.find(tools, target)):
            raise BadRequest(why="version-aware operations require that the container is versioned")
    return version


def shown_headers(tools: Tools, target: Target, meta: ObjectMeta) -> list[tuple[str, str]]:
    """Which version of the object at `target` was read; nothing if its container never kept versions."""
    container = tools.listing_cache.get(target.parent)
    if not object_versioning.state(container):
        return []
    if stored_objects.place_of(meta).container != versions_container(target.parent).container:
        return [(HEADER, NULL)]
    return [(HEADER, id_of(meta)), ("Content-Location", f"/v1{target}?version-id={id_of(meta)}")]


def marker_shown(err: objects.IsDeleteMarker) -> Response:
    """The answer to a request for a delete marker."""
    return Response(404, [(HEADER, id_of(err.meta))], b"", DELETE_MARKER)


def created_headers(meta: ObjectMeta | None) -> list[tuple[str, str]]:
    """Which version a PUT has stored, if it was one."""
    return [(HEADER, id_of(meta))] if meta is not None and id_of(meta) != NULL else []


def restore(tools: Tools, request: Request, version: str) -> Response:
    """PUT: make a version the current one."""
    if request.size > 0 or (request.size < 0 and request.reader()(1)):
        raise BadRequest(why="PUT version-id requests require a zero byte body")
    meta = object_versioning.restore(tools, request.target, version)
    return Response(201, [("Etag", meta.etag), (HEADER, version)])


def delete(tools: Tools, request: Request, version: str) -> Response:
    """DELETE: delete a version for good. "null" means what the container itself holds, be it a link."""
    if version == NULL:
        request.access.require(DELETE_OBJECT, request.target)  # what is current ends, too
        deletion = objects.delete_in_place(tools, request.target)
        return deleted(deletion)
    objects.delete_version(tools, request.target, version, promote=False)
    there = object_versioning.present(tools, request.target).meta
    current = object_versioning.linked_id(there)
    return Response(204, [(HEADER, version), ("X-Object-Current-Version-Id", current)])


def deleted(deletion: Deletion) -> Response:
    """The answer to a DELETE that made a delete marker, or none."""
    headers = [(HEADER, deletion.version)] if deletion.is_marker and deletion.version else []
    return Response(204 if deletion.existed else 404, headers)


def index(tools: Tools, request: Request) -> tuple[ListingInfo, bytes, str]:
    """The head of the container, and its versions as JSON with their media type. Raises NotAcceptable for others."""
    accept = request.header("Accept")
    if (accept or "format" in request.query) and media_type(request.query, accept) != "application/json":
        raise NotAcceptable(why="Versions are listed as application/json.")
    query = VersionQuery(listing_query(request.query), request.query.get("version_marker", ""))
    info, versions = list_versions(tools, request.target, query)
    return info, msgspec.json.encode(_shown(request.target, versions)), "application/json"


def _shown(container: Target, versions: list[Version]) -> list[Shown]:
    entries = [Entry(one.name, one.timestamp, one.size, one.etag, one.content_type, 0) for one in versions]
    return [
        row if one.is_group else row | {"version_id": one.id, "is_latest": one.is_latest}
        for one, row in zip(versions, show_objects(container, entries), strict=True)
    ]
