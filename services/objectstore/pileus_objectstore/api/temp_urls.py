"""Temporary URLs: their signature allows one method on one object (or prefix) until a time.

They are signed with a key of the account or of the container.
"""

import base64
import binascii
import hmac
import ipaddress
import time
from calendar import timegm
from urllib.parse import quote

from pileus_kit.errors import BadRequest, Unauthorized
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.timestamps import MAX_SHOWN_TIME
from pileus_objectstore.core.tools import Tools

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
DIGESTS = {40: "sha1", 64: "sha256", 128: "sha512"}  # by the length of the signature in hex
KEYS = ("Temp-Url-Key", "Temp-Url-Key-2")
PARAMETERS = ("temp_url_sig", "temp_url_expires", "temp_url_prefix", "temp_url_ip_range", "filename", "inline")
REACHING_HEADERS = ("X-Object-Manifest", "X-Copy-From", "X-Symlink-Target")  # they name another object
FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")


def admit(tools: Tools, request: Request) -> None:
    """Admit a request with a signed URL. Raises Unauthorized for a wrong signature, BadRequest for other objects."""
    query = request.query
    signature, expires = query.get("temp_url_sig", ""), _expiry(query.get("temp_url_expires", ""))
    target = request.target
    if (
        not signature
        or not expires
        or expires < tools.now()
        or not _may_be_signed(request, target)
        or request.method not in METHODS
    ):
        raise Unauthorized()
    prefix = query.get("temp_url_prefix")
    if prefix is not None and not target.object.startswith(prefix):
        raise Unauthorized()
    network = query.get("temp_url_ip_range", "")
    if network and not _within(request.environ.get("REMOTE_ADDR", ""), network):
        raise Unauthorized()
    path = request.path if prefix is None else f"prefix:/v1/{target.account}/{target.container}/{prefix}"
    signed_for = _signed_for(tools, request.method, target, signature, expires, path, network)
    if signed_for is None:
        raise Unauthorized()
    if any(name in request.headers for name in REACHING_HEADERS):
        raise BadRequest(why="A temporary URL reaches one object only.")
    request.access.caller, request.access.signed_for = None, signed_for
    request.keep_parameters(PARAMETERS)


def _may_be_signed(request: Request, target: Target) -> bool:
    """Whether a URL of this target may be signed: an object's, or a container's whose whole content is (prefix '')."""
    if target.kind != "container":
        return target.kind == "object"
    return request.method in ("GET", "HEAD") and request.query.get("temp_url_prefix") == ""


def link_parameters(request: Request) -> str:
    """What the links of a listing page need, so that they are signed as the page's own URL was; '' if it wasn't."""
    query = request.query
    if request.access.signed_for is None or "temp_url_prefix" not in query:
        return ""
    names = ("temp_url_prefix", "temp_url_expires", "temp_url_sig", "temp_url_ip_range")
    pairs = [f"{name}={quote(query[name])}" for name in names if query.get(name) or name == "temp_url_prefix"]
    return "?" + "&amp;".join([*pairs, "inline"] if "inline" in query else pairs)


def adapt(request: Request, response: Response) -> Response:
    """Let browsers save a download under its name instead of showing it, unless the URL says `inline`.

    The holder of a temporary URL is not shown the object's metadata, but for what is named public.
    """
    if request.access.signed_for is None:
        return response
    query = request.query
    response.headers = [(name, value) for name, value in response.headers if not _hidden(name)]
    if response.status not in (200, 206) or request.method not in ("GET", "HEAD"):
        return response
    expires = min(_expiry(query["temp_url_expires"]), MAX_SHOWN_TIME)
    response.set("Expires", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(expires)))
    name = query.get("filename") or request.target.object.rstrip("/").rpartition("/")[2]
    if "filename" not in query and ("inline" in query or response.get("Content-Disposition")):
        if "inline" in query:
            response.set("Content-Disposition", "inline")
        return response
    plain = name.replace("\\", "").replace('"', "%22")
    kind = "inline" if "inline" in query else "attachment"
    shown = "".join(c if " " <= c <= "~" else "_" for c in plain)
    response.set("Content-Disposition", f"{kind}; filename=\"{shown}\"; filename*=UTF-8''{quote(name)}")
    return response


def _hidden(name: str) -> bool:
    return name.startswith("X-Object-Meta-") and not name.startswith("X-Object-Meta-Public-")


def signing_keys(tools: Tools, target: Target, fresh: bool = False) -> list[tuple[str, Target]]:
    """The keys that may sign for an object, each with the account or container to which it belongs."""
    found = []
    for holder in (Target(target.account), Target(target.account, target.container)):
        info = tools.listing_cache.get(holder, fresh)
        keys = [info.value(f"X-{holder.kind.title()}-Meta-{key}") for key in KEYS] if info else []
        found += [(key, holder) for key in keys if key]
    return found


def _signed_for(
    tools: Tools, method: str, target: Target, signature: str, expires: int, path: str, network: str
) -> Target | None:
    """The account or container whose key made the signature; None if no key did."""
    digest, given = _signature(signature)
    if digest not in tools.config.temp_url_digests or digest not in DIGESTS.values():
        return None
    methods = ("HEAD", "GET", "PUT", "POST") if method == "HEAD" else (method,)
    head = f"ip={network}\n" if network else ""
    texts = [f"{head}{allowed}\n{expires}\n{path}".encode() for allowed in methods]
    for fresh in (False, True):
        for key, holder in signing_keys(tools, target, fresh):
            for text in texts:
                made = hmac.new(key.encode(), text, digest).hexdigest()
                if hmac.compare_digest(made.encode(), given.encode()):
                    return holder
    return None


def _signature(text: str) -> tuple[str, str]:
    """(digest, hex) of `hex` or `digest:base64`."""
    if ":" not in text:
        return DIGESTS.get(len(text), ""), text.lower()
    digest, _, encoded = text.partition(":")
    encoded = encoded.replace("-", "+").replace("_", "/")
    try:
        return digest, base64.b64decode(encoded + "=" * (-len(encoded) % 4)).hex()
    except (binascii.Error, ValueError):
        return "", ""


def _expiry(text: str) -> int:
    number = parse_whole_number(text)
    if number is not None:
        return number
    for form in FORMATS:
        try:
            return timegm(time.strptime(text, form))
        except ValueError:
            continue
    return 0


def _within(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network)
    except ValueError:
        return False
