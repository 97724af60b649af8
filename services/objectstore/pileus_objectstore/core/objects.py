"""Objects as readers and writers know them: with links followed, large objects assembled, versions and quotas kept."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import TracebackType

from pileus_kit.errors import BadRequest, Conflict, NotFound, PreconditionFailed, TooLarge
from pileus_objectstore.core import (
    coded_heads,
    containers,
    event_queues,
    manifests,
    object_versioning,
    quotas,
    stored_objects,
    symlinks,
    sync_realms,
    versions,
)
from pileus_objectstore.core.access import READ_OBJECT, Access
from pileus_objectstore.core.conditions import resolve
from pileus_objectstore.core.content import Content, SegmentedContent, StoredContent
from pileus_objectstore.core.encryption import customer_keys, default_encryption
from pileus_objectstore.core.encryption.customer_keys import HEADER
from pileus_objectstore.core.names import NOT_FOUND, Target
from pileus_objectstore.core.object_stream import ObjectStream
from pileus_objectstore.core.object_versioning import Deletion
from pileus_objectstore.core.requests import MAX_OBJECT_BYTES, GetRequest, PostRequest, PutRequest
from pileus_objectstore.core.stored_objects import UNPLACED
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import VERSION
from pileus_objectstore.wire.contract import (
    HostReplicas,
    ListingHost,
    ListingInfo,
    ObjectMeta,
    ObjectReply,
    PostObject,
    PutObject,
    timestamp,
)

SHORT_BYTES = 1 << 18  # so much of an object is read into memory before the answer begins
WRONG_TIME = "X-If-Delete-At and X-Delete-At do not match"


class IsDeleteMarker(NotFound):
    """The version that is asked for is the marker of a deletion; `meta` describes it."""

    text = NOT_FOUND

    def __init__(self, meta: ObjectMeta) -> None:
        super().__init__()
        self.meta = meta


@dataclass(slots=True)
class FoundObject:
    """An object that was read.

    `status` is what RFC 9110 makes of the request's conditions and ranges: 200, 206, 304, 412 or 416. `spans` are the
    (first, last) bytes that the reader gets. `large`: it is a large object, so its ETag is not an MD5. `manifest`: it
    is a static manifest itself. `part` is the number of the segment that was asked for, of `parts`. `location` is the
    path of the target if a symbolic link was followed.
    """

    meta: ObjectMeta
    content: Content
    large: bool = False
    manifest: bool = False
    location: str = ""
    status: int = 200
    spans: list[tuple[int, int]] = field(default_factory=list)
    part: int = 0
    parts: int = 0
    stream: ObjectStream | None = None

    @property
    def changed(self) -> str:
        """The timestamp of the last change of its bytes or metadata."""
        return max(self.meta.timestamp, self.meta.posted)

    def body(self) -> bytes | Iterable[bytes]:
        """The bytes of the one span. The first piece is read at once, so a failure there can still be reported."""
        first, last = self.spans[0]
        if self.stream is not None:
            return self.stream.whole() if last - first < SHORT_BYTES else self.stream
        return started(self.content.read(first, last)) if self.content.size else b""

    def __enter__(self) -> "FoundObject":
        """An answer is built in a with statement: if that fails, the stream for its body is closed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        if err is not None and self.stream is not None:
            self.stream.close()


def put(tools: Tools, access: Access, request: PutRequest) -> ObjectReply:
    """Store an object. Status 201, or 409 if a newer version replaced it at once.

    Raises NotFound without a container, TooLarge, QuotaExceeded, BadRequest, PreconditionFailed, Unprocessable...
    """
    target = request.target
    container = containers.find(tools, target)
    if request.size > MAX_OBJECT_BYTES:
        raise TooLarge(why=f"An object may have at most {MAX_OBJECT_BYTES} bytes; larger ones are made of segments.")
    link = symlinks.headers_of(tools, access, request) if request.link else {}
    room = quotas.check(tools.listing_cache, target, container, request.size)
    marks, read = customer_keys.begin(request.customer_key, request.read)
    marks = marks or default_encryption.marks(container)
    stored = PutObject(
        UNPLACED,
        target.path,
        timestamp(tools.now()),
        {**marks, **request.headers, **link},
        request.size,
        request.etag,
        delete_at=request.delete_at,
        only_if_new=request.only_if_new,
        listed_etag=symlinks.listed_etag(link) if link else "",
        max_bytes=request.max_bytes if room == quotas.UNLIMITED else min(request.max_bytes, room),
    )
    reply = versions.save(tools, target, stored, read, container, request.footers)
    event_queues.created(tools, target, stored, reply, request.event)
    return stored_objects.with_headers(reply, stored.headers)


def get(tools: Tools, access: Access, request: GetRequest) -> FoundObject:
    """Read an object; in the common case this asks one host once. Raises NotFound, Forbidden, Conflict, BadRequest."""
    if request.version:
        meta = object_versioning.find(tools, request.target, request.version)
        if object_versioning.is_delete_marker(meta):
            raise IsDeleteMarker(meta)
        return _select(_interpret(tools, access, request, request.target, meta), request)
    if request.head or request.newest or request.conditions is not None or len(request.ranges or ()) > 1:
        return _select(_find(tools, access, request, request.target), request)
    return _open(tools, access, request, request.target)


def _open(tools: Tools, access: Access, request: GetRequest, place: Target) -> FoundObject:
    """Read the object that is stored at `place`, or what it stands for."""
    first, last = request.ranges[0] if request.ranges else (None, None)
    placement = tools.cluster.locate(place)
    reply, exchange, body = tools.cluster.open(placement, first=first, last=last)
    meta = _existing(tools, access, reply.meta)
    if reply.status >= 300 and not object_versioning.is_link(meta):
        return _select(_interpret(tools, access, request, request.target, meta), request)
    stream = ObjectStream(tools.cluster, placement, reply, exchange, body)
    if object_versioning.is_link(meta):
        stream.close()
        return _open(tools, access, request, object_versioning.target_of(request.target, meta))
    is_indirect = manifests.is_manifest(meta) or symlinks.is_link(meta) or coded_heads.is_coded(meta)
    if is_indirect or HEADER in meta.headers or access.customer_key is not None:
        stream.close()
        return _select(_interpret(tools, access, request, request.target, meta), request)
    return FoundObject(
        meta,
        StoredContent(tools.cluster, placement, meta),
        status=200 if reply.length == meta.size else 206,
        spans=[(reply.start, reply.start + reply.length - 1)],
        stream=stream,
    )


def update(tools: Tools, request: PostRequest) -> ObjectReply:
    """Replace an object's metadata. Status 202, or 409 if newer metadata was there. Raises NotFound.

    A symbolic link's own metadata is replaced; the reply's `meta` shows that it is one. A version's own X-Delete-At
    does not exist: when the time has come, the object has no current version any more.
    """
    reply = _update(tools, request)
    if request.event:
        event_queues.changed(tools, request.target, request.event)
    return reply


def _update(tools: Tools, request: PostRequest) -> ObjectReply:
    container = containers.find(tools, request.target)
    if not object_versioning.state(container):
        return _post(tools, request.target, request, listed=bool(container.value(sync_realms.TO)))
    link = object_versioning.present(tools, request.target).meta
    version = request.version or (link.headers.get(VERSION) if link else "")
    if not version:
        return _post(tools, request.target, request)
    meta = object_versioning.find(tools, request.target, version)
    if object_versioning.is_delete_marker(meta):
        raise IsDeleteMarker(meta)
    place = stored_objects.place_of(meta)
    reply = _post(tools, place, request if place == request.target else replace(request, delete_at=0))
    if not request.keeps_expiry and link and link.headers.get(VERSION) == object_versioning.id_of(meta):
        media = {name: value for name, value in request.headers.items() if name == "Content-Type"}
        _post(tools, request.target, replace(request, headers=media))
    return reply


def _post(tools: Tools, place: Target, request: PostRequest, *, listed: bool = False) -> ObjectReply:
    """Change what is stored at `place`. Container sync reads changes of listings, so it needs the change `listed`."""
    stamp, cluster = timestamp(tools.now()), tools.cluster
    headers, delete_at, ignored = dict(request.headers), request.delete_at, request.ignored_lock

    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> PostObject:
        return PostObject(
            replicas, place.path, stamp, headers, listing_hosts, delete_at, ignored, request.opens_expired, listed
        )

    reply = cluster.write("post_object", cluster.locate(place), cluster.locate(place.parent), ObjectReply, make)
    if reply.status == 404:
        raise NotFound(why=NOT_FOUND)
    if reply.status == 403:
        raise stored_objects.locked(reply.meta)
    return reply


def delete(tools: Tools, target: Target, if_delete_at: int | None = None) -> Deletion:
    """Delete an object. In a versioned container this leaves a delete marker, or restores the version before it.

    `if_delete_at`: only if the object expires at that time. Raises NotFound, Conflict or PreconditionFailed.
    """
    container = containers.find(tools, target)
    check_delete_at(tools, target, if_delete_at)
    if object_versioning.state(container):
        deletion = object_versioning.delete(tools, target, container)
    else:
        deletion = _delete(tools, target, container, if_delete_at)
    if deletion.existed or deletion.is_marker:
        event_queues.removed(tools, target, deletion.version, marker=deletion.is_marker)
    return deletion


def delete_in_place(tools: Tools, target: Target) -> Deletion:
    """Delete what the container itself holds: a null version, or the link to the current version, which stays."""
    deletion = _delete(tools, target, containers.find(tools, target))
    event_queues.removed(tools, target, deletion.version, marker=False)
    return deletion


def delete_version(tools: Tools, target: Target, version: str, *, promote: bool, ignored_lock: str = "") -> Deletion:
    """Delete a version, or a delete marker, for good: see `object_versioning.delete_version`."""
    deletion = object_versioning.delete_version(tools, target, version, promote=promote, ignored_lock=ignored_lock)
    event_queues.removed(tools, target, version, marker=False)
    return deletion


def _delete(tools: Tools, target: Target, container: ListingInfo, if_delete_at: int | None = None) -> Deletion:
    if versions.location(container):
        reply = versions.delete(tools, target, container)
    else:
        reply = stored_objects.delete(tools, target, if_delete_at or 0)
    if reply.status == 404:
        raise NotFound(why=NOT_FOUND)
    if reply.status == 409:
        raise Conflict(why="There is a newer version of the object.")
    if reply.status == 412:
        raise PreconditionFailed(why=WRONG_TIME)
    if not versions.location(container):
        object_versioning.delete_parts(tools, target, reply.meta)
    return Deletion(True)


def check_delete_at(tools: Tools, target: Target, if_delete_at: int | None) -> None:
    """Raise PreconditionFailed or NotFound unless the object expires at that time (0: never)."""
    if if_delete_at is None:
        return
    meta = tools.cluster.head(tools.cluster.locate(target), newest=True).meta
    if meta is None:
        raise NotFound(why=NOT_FOUND)
    if meta.delete_at != if_delete_at:
        raise PreconditionFailed(why=WRONG_TIME)


def started(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, the first of them read already: if that fails, the answer has not begun yet."""
    first = next(pieces, b"")

    def rest() -> Iterator[bytes]:
        yield first
        yield from pieces

    return rest()


def _find(tools: Tools, access: Access, request: GetRequest, target: Target) -> FoundObject:
    return _interpret(tools, access, request, target, _current(tools, access, target, request.newest))


def _interpret(
    tools: Tools, access: Access, request: GetRequest, target: Target, meta: ObjectMeta, hops: int = 0
) -> FoundObject:
    """The object that the reader means: the stored one, a link's target, or what a manifest stands for."""
    if symlinks.is_link(meta) and request.follow:
        return _follow(tools, access, request, target, meta, hops)
    stored = stored_objects.readable_content_of(tools, meta, access.customer_key)
    if not manifests.is_manifest(meta):
        return FoundObject(meta, stored)
    if request.manifest:
        if manifests.is_static(meta) and request.as_put:
            return FoundObject(meta, manifests.as_put(stored))
        return FoundObject(meta, stored, manifest=manifests.is_static(meta))
    return FoundObject(meta, manifests.open_large(tools, access, request, target, meta), large=True)


def _follow(
    tools: Tools, access: Access, request: GetRequest, link: Target, meta: ObjectMeta, hops: int
) -> FoundObject:
    """The object to which a link leads; the reader must be allowed to read that, too."""
    target = symlinks.target_of(link, meta)
    if hops >= symlinks.MAX_HOPS:
        raise Conflict(why=symlinks.TOO_MANY_HOPS)
    location = access.followed = symlinks.location_of(link, meta)  # a refusal says where the link led, too
    access.require(READ_OBJECT, target)
    there = _current(tools, access, target, request.newest)
    symlinks.check_version(meta, there.headers.get(symlinks.ETAG) or there.etag)
    found = _interpret(tools, access, request, target, there, hops + 1)
    found.location = found.location or location
    return found


def _current(tools: Tools, access: Access, target: Target, newest: bool) -> ObjectMeta:
    meta = stored_objects.find(tools, target, newest, even_expired=access.opens_expired)
    if meta is None:
        raise NotFound(why=NOT_FOUND)
    return meta


def _existing(tools: Tools, access: Access, meta: ObjectMeta | None) -> ObjectMeta:
    if meta is None or (stored_objects.expired(tools, meta) and not access.opens_expired):
        raise NotFound(why=NOT_FOUND)
    return meta


def _select(found: FoundObject, request: GetRequest) -> FoundObject:
    """Apply the request's conditions, then its part number or its ranges."""
    content = found.content
    if request.conditions is not None:
        found.status = request.conditions.evaluate(content.etag, float(found.changed))
        if found.status != 200:
            return found
    if request.part is not None and isinstance(content, SegmentedContent) and content.static:
        return _select_part(found, content, request)
    ranges = () if request.head else request.ranges or ()
    if len(ranges) > 1 and manifests.DYNAMIC in found.meta.headers and not manifests.is_static(found.meta):
        ranges = ()  # as in Swift, several ranges of a dynamic large object mean all of it
    spans = [span for span in (resolve(asked, content.size) for asked in ranges) if span]
    if ranges and not spans:
        found.status = 416
        return found
    found.status = 206 if spans else 200
    found.spans = spans or [(0, content.size - 1)]
    return found


def _select_part(found: FoundObject, content: SegmentedContent, request: GetRequest) -> FoundObject:
    if not request.part:
        raise BadRequest(why="Part number must be an integer greater than 0")
    if request.ranges is not None:
        raise BadRequest(why="Range requests are not supported with part number queries")
    span = content.part(request.part)
    found.part, found.parts = request.part, len(content.segments)
    found.status, found.spans = (416, []) if span is None else (206, [span])
    return found
