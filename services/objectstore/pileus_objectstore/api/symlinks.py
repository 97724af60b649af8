"""Objects that stand for another (X-Symlink-Target), possibly for one version of it only (X-Symlink-Target-Etag)."""

from urllib.parse import quote, unquote

from pileus_kit.errors import BadRequest, Conflict
from pileus_objectstore.api.authorization import READ, judge
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.storing import meta_of
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.content import ETAG as SLO_ETAG
from pileus_objectstore.core.content import SIZE as SLO_SIZE
from pileus_objectstore.core.names import Target, check, split_pair
from pileus_objectstore.wire.contract import ObjectMeta

TARGET, ACCOUNT = "X-Symlink-Target", "X-Symlink-Target-Account"
ETAG, BYTES = "X-Symlink-Target-Etag", "X-Symlink-Target-Bytes"
WHOLE = "X-Object-Sysmeta-Symlink-Slo-Etag"  # of the large object whose manifest a link means
LISTED = ((TARGET, "symlink_target"), (ACCOUNT, "symlink_target_account"),
          (ETAG, "symlink_target_etag"), (BYTES, "symlink_target_bytes"), (WHOLE, "slo_etag"))  # fmt: skip
MAX_HOPS = 2


def headers_of(tools: Tools, request: Request, size: int) -> dict[str, str]:
    """What a PUT stores to make its object a link; {} if it is none. Raises BadRequest or Conflict."""
    if TARGET not in request.headers:
        return {}
    if size > 0 or (size < 0 and request.reader()(1)):
        raise BadRequest(why="Symlink requests require a zero byte body")
    container, name = split_pair(unquote(request.header(TARGET)), f"{TARGET} header")
    account = unquote(request.header(ACCOUNT)) or request.target.account
    real = Target(account, container, name)
    check(real)
    if real == request.target:
        raise BadRequest(why="Symlink cannot target itself")
    stored = {TARGET: quote(f"{container}/{name}")}
    if account != request.target.account:
        stored[ACCOUNT] = quote(account)
    etag = request.header(ETAG).strip('"').lower()
    return stored | (static_link(tools, request, real, etag) if etag else {})


def static_link(tools: Tools, request: Request, real: Target, etag: str) -> dict[str, str]:
    """What a link to one version stores besides: the version has to be there. Links to one version are followed."""
    for _ in range(MAX_HOPS + 1):
        judge(tools, request, real, *READ)
        meta = meta_of(tools, real, newest=True)
        if meta is None:
            raise Conflict(why=f"{TARGET} does not exist")
        if TARGET not in meta.headers or ETAG not in meta.headers:
            break
        if meta.headers[ETAG] != etag:
            raise Conflict(why=f"{ETAG} headers do not match")
        real = target_of(real, meta)
    else:
        raise Conflict(why=f"Too many levels of symbolic links, maximum allowed is {MAX_HOPS}")
    check_same(ObjectMeta("", "", headers={ETAG: etag}), meta.etag)  # of a manifest it is its own, not its segments'
    media = {} if request.header("Content-Type") else {"Content-Type": meta.headers.get("Content-Type", "")}
    whole = {WHOLE: meta.headers[SLO_ETAG]} if SLO_ETAG in meta.headers else {}
    return {ETAG: etag, BYTES: meta.headers.get(SLO_SIZE) or str(meta.size)} | media | whole


def resolved(tools: Tools, request: Request, target: Target) -> tuple[Target, ObjectMeta | None]:
    """What is at the end of a name's links, each of them judged as the caller's. Raises Conflict and Forbidden."""
    for _ in range(MAX_HOPS + 1):
        judge(tools, request, target, *READ)
        meta = meta_of(tools, target, newest=True)
        if meta is None or TARGET not in meta.headers:
            return target, meta
        target = target_of(target, meta)
    raise Conflict(why=f"Too many levels of symbolic links, maximum allowed is {MAX_HOPS}")


def listed(headers: dict[str, str]) -> str:
    """What the listing remembers of a link."""
    return "; ".join(f"{name}={headers[header]}" for header, name in LISTED if header in headers)


def target_of(link: Target, meta: ObjectMeta) -> Target:
    container, name = split_pair(unquote(meta.headers[TARGET]), TARGET)
    return Target(unquote(meta.headers.get(ACCOUNT, "")) or link.account, container, name)


def location_of(link: Target, meta: ObjectMeta) -> str:
    return f"/v1/{meta.headers.get(ACCOUNT) or quote(link.account)}/{meta.headers[TARGET]}"


def redirected(link: Target, meta: ObjectMeta) -> Response:
    """The answer to a POST, which a link keeps to itself."""
    why = "The requested POST was applied to a symlink. POST directly to the target to apply requested metadata."
    heads = [("Location", location_of(link, meta))]
    heads += [(ETAG, meta.headers[ETAG])] if ETAG in meta.headers else []
    return Response(307, heads, why.encode(), "text/plain")


def check_same(meta: ObjectMeta, etag: str) -> None:
    """Raises Conflict if the link means a version that is not there any more."""
    wanted = meta.headers.get(ETAG)
    if wanted and wanted != etag:
        raise Conflict(why=f"Object Etag {etag!r} does not match {ETAG} header {wanted!r}")
