"""Symbolic links: objects that stand for another object, or (static links) for one version of it only."""

from urllib.parse import quote, unquote

from pileus_kit.errors import BadRequest, Conflict
from pileus_objectstore.core import stored_objects
from pileus_objectstore.core.access import READ_OBJECT, Access
from pileus_objectstore.core.names import Target, check, split_pair
from pileus_objectstore.core.requests import PutRequest
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ObjectMeta

TARGET, ACCOUNT = "X-Symlink-Target", "X-Symlink-Target-Account"
ETAG, BYTES = "X-Symlink-Target-Etag", "X-Symlink-Target-Bytes"
MANIFEST_ETAG = "X-Object-Sysmeta-Symlink-Slo-Etag"  # of the large object whose manifest a static link leads to
SLO_ETAG = "X-Object-Sysmeta-Slo-Etag"
SLO_SIZE = "X-Object-Sysmeta-Slo-Size"
LISTED = ((TARGET, "symlink_target"), (ACCOUNT, "symlink_target_account"),
          (ETAG, "symlink_target_etag"), (BYTES, "symlink_target_bytes"), (MANIFEST_ETAG, "slo_etag"))  # fmt: skip
MAX_HOPS = 2
TOO_MANY_HOPS = f"Too many levels of symbolic links, maximum allowed is {MAX_HOPS}"


def headers_of(tools: Tools, access: Access, request: PutRequest) -> dict[str, str]:
    """The headers that make a new object a link, {} if it is none. Raises BadRequest or Conflict."""
    link, stored = request.link, plain_headers(request)
    if link is not None and link.etag:
        stored |= _static_headers(tools, access, link.target, link.etag, link.inherits_type)
    return stored


def plain_headers(request: PutRequest) -> dict[str, str]:
    """The headers that make a new object a link which isn't static, {} if it is none. Raises BadRequest."""
    link = request.link
    if link is None:
        return {}
    if request.size > 0 or (request.size < 0 and request.read(1)):
        raise BadRequest(why="Symlink requests require a zero byte body")
    check(link.target)
    if link.target == request.target:
        raise BadRequest(why="Symlink cannot target itself")
    stored = {TARGET: quote(f"{link.target.container}/{link.target.object}")}
    if link.target.account != request.target.account:
        stored[ACCOUNT] = quote(link.target.account)
    return stored


def _static_headers(tools: Tools, access: Access, target: Target, etag: str, inherits_type: bool) -> dict[str, str]:
    """What a static link stores besides. Its target must exist; static links on the way to it are followed."""
    for _ in range(MAX_HOPS + 1):
        access.require(READ_OBJECT, target)
        meta = stored_objects.find(tools, target, newest=True)
        if meta is None:
            raise Conflict(why=f"{TARGET} does not exist")
        if TARGET not in meta.headers or ETAG not in meta.headers:
            break
        if meta.headers[ETAG] != etag:
            raise Conflict(why=f"{ETAG} headers do not match")
        target = target_of(target, meta)
    else:
        raise Conflict(why=TOO_MANY_HOPS)
    _check_etag(etag, meta.etag)  # a manifest counts with its own ETag, not with its segments'
    media = {"Content-Type": meta.headers.get("Content-Type", "")} if inherits_type else {}
    whole = {MANIFEST_ETAG: meta.headers[SLO_ETAG]} if SLO_ETAG in meta.headers else {}
    return {ETAG: etag, BYTES: meta.headers.get(SLO_SIZE) or str(meta.size)} | media | whole


def resolve(tools: Tools, access: Access, target: Target) -> tuple[Target, ObjectMeta | None]:
    """The end of a chain of links; the caller must be allowed to read each. Raises Conflict and Forbidden."""
    for _ in range(MAX_HOPS + 1):
        access.require(READ_OBJECT, target)
        meta = stored_objects.find(tools, target, newest=True, even_expired=access.opens_expired)
        if meta is None or TARGET not in meta.headers:
            return target, meta
        target = target_of(target, meta)
    raise Conflict(why=TOO_MANY_HOPS)


def is_link(meta: ObjectMeta) -> bool:
    """Whether an object is a symbolic link."""
    return TARGET in meta.headers


def listed_etag(headers: dict[str, str]) -> str:
    """What the listing stores of a link, see `ObjectMeta.listed_etag`."""
    return "; ".join(f"{name}={headers[header]}" for header, name in LISTED if header in headers)


def target_of(link: Target, meta: ObjectMeta) -> Target:
    """The object to which a stored link leads."""
    container, name = split_pair(unquote(meta.headers[TARGET]), TARGET)
    return Target(unquote(meta.headers.get(ACCOUNT, "")) or link.account, container, name)


def location_of(link: Target, meta: ObjectMeta) -> str:
    """The URL path of a link's target."""
    return f"/v1/{meta.headers.get(ACCOUNT) or quote(link.account)}/{meta.headers[TARGET]}"


def check_version(link: ObjectMeta, etag: str) -> None:
    """Raise Conflict if a static link leads to a version that is gone; `etag` is that of the present one."""
    wanted = link.headers.get(ETAG)
    if wanted:
        _check_etag(wanted, etag)


def _check_etag(wanted: str, etag: str) -> None:
    if wanted != etag:
        raise Conflict(why=f"Object Etag {etag!r} does not match {ETAG} header {wanted!r}")
