"""Lines of server access logs, for requests through either API.

Source: Amazon S3 User Guide, "Amazon S3 server access log format".
"""

import logging
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, quote

from pileus_kit import context
from pileus_kit.errors import Unavailable
from pileus_objectstore.api.http import Response
from pileus_objectstore.core.access_logs import LOGGING, Line, Source, Spool
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

log = logging.getLogger(__name__)
MAX_FIELD = 2048
LOGGED = "pileus.logged"  # the key of a request's environment under which is what it concerns
RESOURCES = {  # sub-resource -> what the operation's name calls it
    "delete": "MULTI_OBJECT_DELETE",
    "logging": "LOGGING_STATUS",
    "policy": "BUCKETPOLICY",
    "tagging": "OBJECT_TAGGING",
    "uploadId": "UPLOAD",
    "uploads": "UPLOADS",
    "versions": "BUCKETVERSIONS",
}
NAMED = frozenset(
    (*RESOURCES, "acl", "attributes", "cors", "encryption", "legal-hold", "lifecycle", "location", "notification")
) | {"object-lock", "ownershipControls", "publicAccessBlock", "retention", "versioning", "website"}


class Concerned(NamedTuple):
    """What a request concerns: a bucket or an object. `error` is S3's code of a refusal."""

    target: Target
    api: str
    error: str = ""


def note(tools: Tools, spool: Spool, environ: "WSGIEnvironment", response: Response, spent_s: float) -> None:
    """Write a line if the request concerns a bucket whose requests are logged.

    Whether it is one can't be asked while its storage hosts are away: such requests have no line.
    """
    concerned: Concerned | None = environ.get(LOGGED)
    if concerned is None or not concerned.target.container:
        return
    target = concerned.target
    bucket = Target(target.account, target.container)
    try:
        where = LOGGING.load(tools, bucket)
    except Unavailable as e:
        log.info("no line for %s: %s", bucket, e)
        return
    if where is not None:
        owner = target.account.removeprefix(tools.config.account_prefix)
        text = line_of(environ, concerned, response, owner, spent_s)
        spool.write(Line(Source(bucket.account, bucket.container, where), text))


def line_of(environ: "WSGIEnvironment", concerned: Concerned, response: Response, owner: str, spent_s: float) -> str:
    """One line, without its end."""
    caller, method = environ.get("pileus.caller"), environ["REQUEST_METHOD"]
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    path = quote(environ.get("PATH_INFO", "").encode("latin-1"), safe="/~%")
    uri = path + (f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else "")
    sent = "-" if method == "HEAD" else response.get("Content-Length") or "-"
    spent_ms = str(round(spent_s * 1000))
    fields = (
        owner,
        concerned.target.container,
        f"[{time.strftime('%d/%b/%Y:%H:%M:%S +0000', time.gmtime())}]",
        environ.get("REMOTE_ADDR", ""),
        (caller.project_id or "") if caller is not None else "",
        context.request_id.get(),
        operation(concerned, method, query, copies="HTTP_X_AMZ_COPY_SOURCE" in environ),
        quote(quote(concerned.target.object, safe="/~"), safe="/~"),
        quoted(f"{method} {uri} {environ.get('SERVER_PROTOCOL', 'HTTP/1.1')}"),
        str(response.status),
        concerned.error,
        sent if sent != "0" else "-",
        object_size(environ, method, response),
        spent_ms,
        spent_ms,
        quoted(environ.get("HTTP_REFERER", "")),
        quoted(environ.get("HTTP_USER_AGENT", "")),
        plain((query.get("versionId") or [""])[0]),
        context.request_id.get(),
        *signature(environ, query),
        plain(environ.get("HTTP_HOST", "")),
        "TLS" if environ.get("wsgi.url_scheme") == "https" else "",
        "",
        "",
    )
    return " ".join(field or "-" for field in fields)


def operation(concerned: Concerned, method: str, query: dict[str, list[str]], *, copies: bool) -> str:
    """The operation's name, such as REST.GET.OBJECT."""
    named = sorted(NAMED & query.keys()) if concerned.api == "REST" else []
    if "uploadId" in query and method == "PUT":
        return f"{concerned.api}.{'COPY.PART' if copies else 'PUT.PART'}"
    if named:
        what = "uploadId" if "uploadId" in named else named[0]
        return f"{concerned.api}.{method}.{RESOURCES.get(what, what.replace('-', '_').upper())}"
    if copies and concerned.target.object:
        return f"{concerned.api}.COPY.OBJECT"
    return f"{concerned.api}.{method}.{'OBJECT' if concerned.target.object else 'BUCKET'}"


def object_size(environ: "WSGIEnvironment", method: str, response: Response) -> str:
    """The whole object's size in bytes, as far as the headers tell it."""
    if method == "PUT":
        size: str = environ.get("HTTP_X_AMZ_DECODED_CONTENT_LENGTH") or environ.get("CONTENT_LENGTH") or ""
        return size if size.isdecimal() else ""
    if method not in ("GET", "HEAD") or response.status >= 300:
        return ""
    return response.get("Content-Range").rpartition("/")[2] or response.get("Content-Length")


def signature(environ: "WSGIEnvironment", query: dict[str, list[str]]) -> tuple[str, str, str]:
    """(signature's version, cipher suite, how the request was signed)."""
    given = environ.get("HTTP_AUTHORIZATION", "")
    if given.startswith("AWS4-") or "X-Amz-Signature" in query:
        return "SigV4", "", "AuthHeader" if given else "QueryString"
    if given.startswith("AWS ") or "Signature" in query:
        return "SigV2", "", "AuthHeader" if given else "QueryString"
    return "", "", ""


def quoted(text: str) -> str:
    """A field in quotation marks: what could end it, or the line, is encoded."""
    return f'"{_unbroken(text) if text else "-"}"'


def plain(text: str) -> str:
    """A field without quotation marks, which a space would end."""
    return _unbroken(text).replace(" ", "%20")


def _unbroken(text: str) -> str:
    """A text without what could end a line or a quoted field, and no longer than MAX_FIELD."""
    return "".join(c if c.isprintable() and c not in '"' else f"%{ord(c):02X}" for c in text[:MAX_FIELD])
