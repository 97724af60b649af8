"""One request and one response of WSGI, with nothing parsed that the call doesn't need."""

from collections.abc import Iterable
from email.utils import formatdate
from functools import cached_property, lru_cache
from http import HTTPStatus
from urllib.parse import parse_qsl
from wsgiref.types import WSGIEnvironment

from pileus_kit import context
from pileus_kit.auth import Caller
from pileus_kit.errors import BadRequest, CloudError, LengthRequired, RequestTimeout
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.core.access import Access
from pileus_objectstore.core.event_queues import Origin
from pileus_objectstore.core.metadata import TRUE
from pileus_objectstore.core.names import BAD_TEXT, CONFLICT, MALFORMED, Target, target_of
from pileus_objectstore.core.request_facts import RequestFacts
from pileus_objectstore.core.requests import Read
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.errors import BadPath, ClientGone, NameTooLong, ShortRefusal

REASONS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus} | {
    497: "497 Blacklisted",
    498: "498 Rate Limited",
    499: "499 Client Disconnect",
}
MAX_QUERY_FIELDS = 100
MAX_CONDITION_FIELDS = 1000
MAX_KNOWN_HEADERS = 1000
HEADER_NAMES: dict[str, str] = {}  # WSGI's name of a header -> the name in Title-Case
PLAIN = frozenset({400, 406, 409, 411, 412, 413, 416, 422, 431, 501})
GENERIC = frozenset({CONFLICT, MALFORMED, "A precondition for this request was not met."})


class Request:
    """What a handler is given. `access` is what its sender may do.

    `owner` is whether the sender may change the account, and so is shown its keys and ACLs.
    """

    def __init__(self, environ: WSGIEnvironment, access: Access) -> None:
        self.environ = environ
        self.access = access
        self.method: str = environ["REQUEST_METHOD"]
        self.owner = False
        self.path = text_of(environ.get("PATH_INFO", ""))

    @cached_property
    def target(self) -> Target:
        """The account, container or object that the path names. Raises NotFound or BadPath."""
        return target_of(self.path)

    @cached_property
    def headers(self) -> dict[str, str]:
        """All headers by their names in Title-Case, values as text. Raises BadPath for bytes that are not UTF-8."""
        found = {}
        for key, value in self.environ.items():
            if key.startswith("HTTP_"):
                name = HEADER_NAMES.get(key)
                if name is None:
                    name = key[5:].replace("_", "-").title()
                    if len(HEADER_NAMES) < MAX_KNOWN_HEADERS:
                        HEADER_NAMES[key] = name
                found[name] = value if value.isascii() else text_of(value)
        if self.environ.get("CONTENT_TYPE"):
            found["Content-Type"] = text_of(self.environ["CONTENT_TYPE"])
        return found

    @cached_property
    def query(self) -> dict[str, str]:
        """The URL's parameters; of those with the same name the last. Raises BadPath."""
        try:
            pairs = parse_qsl(
                self.environ.get("QUERY_STRING", ""),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=MAX_QUERY_FIELDS,
            )
        except ValueError as e:
            raise BadPath(why=BAD_TEXT) from e
        return dict(pairs)

    def keep_parameters(self, names: Iterable[str]) -> None:
        """Ignore all other parameters of the URL: a signature doesn't cover them."""
        self.query = {name: value for name, value in self.query.items() if name in names}

    def header(self, name: str) -> str:
        """A header's value, '' if it is absent."""
        return self.headers.get(name, "")

    def flag(self, name: str) -> bool:
        """Whether a header's value means yes."""
        return self.headers.get(name, "").lower() in TRUE

    @cached_property
    def size(self) -> int:
        """Bytes of the body; -1 for a chunked one of unknown length. Raises LengthRequired."""
        if self.environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
            return -1
        given = self.environ.get("CONTENT_LENGTH") or ""
        if not given:
            raise LengthRequired(why="Missing Content-Length header.")
        size = parse_whole_number(given)
        if size is None:
            raise BadRequest(why=f"Invalid Content-Length header value: {given!r}")
        return size

    def reader(self) -> Read:
        """Reads the body in pieces. Raises ClientGone if it ends early, RequestTimeout if it stalls."""
        stream, left = self.environ["wsgi.input"], self.size

        def read(max_bytes: int) -> bytes:
            nonlocal left
            try:
                piece: bytes = stream.read(max_bytes if left < 0 else min(max_bytes, left))
            except OSError as e:
                if isinstance(e.__cause__, TimeoutError):
                    raise RequestTimeout(why="The body did not come in time.") from e
                raise ClientGone() from e
            if left > 0 and not piece:
                raise ClientGone()
            if left > 0:
                left -= len(piece)
            return piece

        return read

    def body(self, max_bytes: int) -> bytes:
        """A short body in memory; of a longer one `max_bytes` and one byte more, for which the caller checks."""
        read, pieces, got = self.reader(), [], 0
        while piece := read(min(1 << 16, max_bytes + 1 - got)) if got <= max_bytes else b"":
            pieces.append(piece)
            got += len(piece)
        return b"".join(pieces)


class Response:
    """Status, headers and a body that may be a stream. `length` is the body's, unless the body is bytes."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | Iterable[bytes] = b"",
        media: str = "text/html; charset=UTF-8",
        length: int | None = None,
    ) -> None:
        self.status = status
        self.headers: list[tuple[str, str]] = [("Content-Type", media)] if media else []
        if isinstance(body, bytes):
            length = len(body) if length is None else length
            body = (body,) if body else ()
        if length is not None and status != 304:
            self.headers.append(("Content-Length", str(length)))
        self.headers += headers
        self.body: Iterable[bytes] = body

    def get(self, name: str) -> str:
        """A header's value, '' if it is absent."""
        return next((value for key, value in self.headers if key == name), "")

    def set(self, name: str, value: str) -> None:
        """Replace a header, or add it."""
        self.headers = [(key, old) for key, old in self.headers if key != name]
        self.headers.append((name, value))


def access_of(tools: Tools, environ: WSGIEnvironment, *, s3: bool) -> Access:
    """The rights of a request whose sender isn't known yet, with what bucket policies may ask about it."""

    def header(name: str) -> str | None:
        value: str | None = environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        return value

    def parameter(name: str) -> str | None:
        try:
            pairs = parse_qsl(
                environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=MAX_CONDITION_FIELDS
            )
        except ValueError as e:
            raise BadPath(why="The URL has too many parameters.") from e
        return next((value for key, value in reversed(pairs) if key == name), None)

    secure = environ.get("wsgi.url_scheme") == "https"
    facts = RequestFacts(header, parameter, environ.get("REMOTE_ADDR", ""), secure=secure, s3=s3)
    return Access(tools, referrer=environ.get("HTTP_REFERER", ""), facts=facts)


def origin_of(environ: WSGIEnvironment, caller: Caller | None) -> Origin:
    """Who has sent a request, for those who are notified of what it does."""
    principal = (caller.project_id or "") if caller is not None else ""
    return Origin(principal, environ.get("REMOTE_ADDR", ""), context.request_id.get())


def text_of(raw: str) -> str:
    """Decode a WSGI string, which holds bytes as Latin-1 characters, as UTF-8. Raises BadPath."""
    if raw.isascii():
        return raw
    try:
        return raw.encode("latin-1").decode()
    except UnicodeError as e:
        raise BadPath(why=BAD_TEXT) from e


def wire_of(value: str) -> str:
    """A header's value in WSGI's form: its UTF-8 bytes as Latin-1 characters."""
    return value if value.isascii() else value.encode().decode("latin-1")


def http_date(timestamp: str) -> str:
    """A timestamp in the form of Last-Modified: whole seconds, rounded up, so that nothing seems older than it is."""
    seconds, _, fraction = timestamp.partition(".")
    return _date(int(seconds) + bool(fraction.strip("0")))


@lru_cache(maxsize=1024)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def refusal(err: CloudError, status: int = 0) -> Response:
    """An error as Swift shows it: the reason as plain text, or a small HTML page where there is no specific reason."""
    status, why = status or err.status, str(err)
    if isinstance(err, NameTooLong) and err.facts["what"] != "Object":
        return Response(status, (), why.encode())  # Swift says so of text, too
    later = () if err.retry_after is None else (("Retry-After", str(err.retry_after)),)
    if isinstance(err, ShortRefusal):
        return Response(status, later, why.encode())
    if status in PLAIN and why not in GENERIC:
        return Response(status, later, why.encode(errors="replace"), "text/plain; charset=UTF-8")
    phrase = REASONS.get(status, f"{status} Error").partition(" ")[2]
    why = why.replace("&", "&amp;").replace("<", "&lt;")
    return Response(status, later, f"<html><h1>{phrase}</h1><p>{why}</p></html>".encode())
