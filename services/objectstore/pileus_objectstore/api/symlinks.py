"""Objects that stand for another (X-Symlink-Target), possibly for one version of it only (X-Symlink-Target-Etag)."""

from urllib.parse import quote, unquote

from pileus_kit.errors import BadRequest, Conflict
from pileus_objectstore.api.exchange import Request
from pileus_objectstore.api.judging import READ, judge
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.names import Target, check, split_pair
from pileus_objectstore.rpc.contract import Meta

TARGET, ACCOUNT, ETAG = "X-Symlink-Target", "X-Symlink-Target-Account", "X-Symlink-Target-Etag"
MOST_HOPS = 2


def headers_of(tools: Tools, request: Request, size: int) -> dict[str, str]:
    """What a PUT stores to make its object a link; {} if it is none. Raises BadRequest or Conflict."""
    if TARGET not in request.headers:
        return {}
    if size != 0:
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
    if etag:
        judge(tools, request, real, *READ)
        meta = tools.cluster.head(tools.cluster.rings.place(*real.names), newest=True).meta
        if meta is None or meta.etag != etag:
            raise Conflict(why=f"The object's ETag is not the one in {ETAG}.")
        stored[ETAG] = etag
    return stored


def listed(link: Target, headers: dict[str, str]) -> str:
    """What the listing remembers of a link."""
    if not headers:
        return ""
    account = unquote(headers.get(ACCOUNT, "")) or link.account
    return f"symlink_target={quote(account)}/{headers[TARGET]}"


def target_of(link: Target, meta: Meta) -> Target:
    container, name = split_pair(unquote(meta.headers[TARGET]), TARGET)
    return Target(unquote(meta.headers.get(ACCOUNT, "")) or link.account, container, name)


def check_same(meta: Meta, etag: str) -> None:
    """Raises Conflict if the link means a version that is not there any more."""
    wanted = meta.headers.get(ETAG)
    if wanted and wanted != etag:
        raise Conflict(why="The object that the link means was changed.")
