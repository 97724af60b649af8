"""Cross-origin requests of browsers (CORS), as a container's owner allows them by metadata; and /crossdomain.xml."""

from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ListingInfo

ALLOW, EXPOSE, AGE = (
    f"X-Container-Meta-Access-Control-{name}" for name in ("Allow-Origin", "Expose-Headers", "Max-Age")
)
SHOWN = (
    "cache-control", "content-language", "content-type", "expires", "last-modified", "pragma", "etag", "x-timestamp",
    "x-trans-id", "x-openstack-request-id",
)  # fmt: skip
CROSSDOMAIN = b"""<?xml version="1.0"?>
<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd" >
<cross-domain-policy>
</cross-domain-policy>"""


def crossdomain(tools: Tools, request: Request) -> Response:
    """Show a policy that admits no domain; a container's CORS headers are the way to admit one."""
    return Response(200, (), CROSSDOMAIN, "application/xml")


def preflight(tools: Tools, request: Request, allow: str) -> Response:
    """The answer to OPTIONS: with an Origin header, whether that may do what it asks for; without, the methods."""
    origin, method = request.header("Origin"), request.header("Access-Control-Request-Method")
    if not origin or not request.target.container:
        return Response(200, [("Allow", allow)])
    info = _info(tools, request.target)
    if not method or info is None or not allowed(info, origin) or method not in allow.split(", "):
        return Response(401, [("Allow", allow)])
    headers = [("Allow", allow), ("Access-Control-Allow-Methods", allow)]
    headers.append(("Access-Control-Allow-Origin", "*" if info.value(ALLOW).strip() == "*" else origin))
    if info.value(AGE):
        headers.append(("Access-Control-Max-Age", info.value(AGE)))
    asked = request.header("Access-Control-Request-Headers")
    if asked:
        headers.append(("Access-Control-Allow-Headers", ", ".join(name.strip() for name in asked.split(","))))
        headers.append(("Vary", "Access-Control-Request-Headers"))
    return Response(200, headers)


def adapt(tools: Tools, request: Request, response: Response) -> None:
    """Add the headers with which a browser gives the answer to a page of an allowed origin."""
    origin = request.header("Origin")
    info = _info(tools, request.target) if origin else None
    if info is None or not allowed(info, origin):
        return
    exposed = set(SHOWN) | {
        name.lower() for name, _ in response.headers if name.startswith(("X-Object-", "X-Container-"))
    }
    exposed |= {name.strip().lower() for name in info.value(EXPOSE).split() if name.strip()}
    if request.method != "OPTIONS":
        response.set("Access-Control-Expose-Headers", ", ".join(sorted(exposed)))
    response.set("Access-Control-Allow-Origin", "*" if info.value(ALLOW).strip() == "*" else origin)


def allowed(info: ListingInfo, origin: str) -> bool:
    """Whether the container's owner admits pages of this origin."""
    return bool({"*", origin} & set(info.value(ALLOW).split()))


def _info(tools: Tools, target: Target) -> ListingInfo | None:
    return tools.listing_cache.get(Target(target.account, target.container)) if target.container else None
