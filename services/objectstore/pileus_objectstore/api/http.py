"""One request and one response, as thin as WSGI lets them be."""

from collections.abc import Callable, Iterable
from email.utils import formatdate
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from pileus_kit.auth import Caller
from pileus_kit.errors import BadRequest, CloudError, LengthRequired, RequestTimeout
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.core.names import Target, target_of
from pileus_objectstore.errors import BadPath

REASONS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus} | {499: "499 Client Disconnect"}
TITLES: dict[str, str] = {}
PLAIN = frozenset({400, 406, 409, 411, 412, 413, 416, 422, 431, 501})
GENERIC = frozenset(
    {"There was a conflict when trying to complete your request.", "A precondition for this request was not met."}
)


class Request:
    """What a handler sees."""

    def __init__(self, environ: dict[str, Any], transaction: str) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.transaction = transaction
        self.caller: Caller | None = None
        self.owner = False  # may change the account, so is shown its keys and ACLs
        self.signed: Target | None = None  # what the key that signed its URL belongs to: an account, or a container
        self.path = text_of(environ.get("PATH_INFO", ""))

    @cached_property
    def target(self) -> Target:
        return target_of(self.path)

    @cached_property
    def headers(self) -> dict[str, str]:
        """All headers, Title-Cased, values as text."""
        found = {}
        for key, value in self.environ.items():
            if key.startswith("HTTP_"):
                name = TITLES.get(key)
                if name is None:
                    name = key[5:].replace("_", "-").title()
                    if len(TITLES) < 1000:
                        TITLES[key] = name
                found[name] = value if value.isascii() else text_of(value)
        if self.environ.get("CONTENT_TYPE"):
            found["Content-Type"] = text_of(self.environ["CONTENT_TYPE"])
        return found

    @cached_property
    def query(self) -> dict[str, str]:
        try:
            pairs = parse_qsl(
                self.environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="strict", max_num_fields=100
            )
        except ValueError as e:
            raise BadPath(why="Invalid UTF8 or contains NULL") from e
        return dict(pairs)

    def only(self, parameters: Iterable[str]) -> None:
        """Forget all other parameters of the URL: whoever signed it has not signed them."""
        self.query = {name: value for name, value in self.query.items() if name in parameters}

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

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

    def reader(self) -> Callable[[int], bytes]:
        """Reads the body in pieces; raises ClientGone if it ends early."""
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
        """A short body, whole. Raises TooLarge through the caller's own check of the length."""
        read, pieces, got = self.reader(), [], 0
        while piece := read(min(1 << 16, max_bytes + 1 - got)) if got <= max_bytes else b"":
            pieces.append(piece)
            got += len(piece)
        return b"".join(pieces)


class ClientGone(CloudError):
    status = 499
    text = "The client went away."


class Response:
    """Status, headers and a body that may be a stream."""

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
        return next((value for key, value in self.headers if key == name), "")

    def set(self, name: str, value: str) -> None:
        self.headers = [(key, old) for key, old in self.headers if key != name]
        self.headers.append((name, value))


def text_of(raw: str) -> str:
    """WSGI's bytes-as-latin-1 as the UTF-8 that they are. Raises BadPath."""
    if raw.isascii():
        return raw
    try:
        return raw.encode("latin-1").decode()
    except UnicodeError as e:
        raise BadPath(why="Invalid UTF8 or contains NULL") from e


def wire_of(value: str) -> str:
    return value if value.isascii() else value.encode().decode("latin-1")


def http_date(timestamp: str) -> str:
    """A timestamp as Last-Modified says it: whole seconds, rounded up, so that the object never seems older than it
    is."""
    seconds, _, fraction = timestamp.partition(".")
    return formatdate(int(seconds) + bool(fraction.strip("0")), usegmt=True)


def refusal(err: CloudError, status: int = 0) -> Response:
    """Swift's ways to say no: the reason as plain text, or a small HTML page where there is nothing to add."""
    status, why = status or err.status, str(err)
    later = () if err.retry_after is None else (("Retry-After", str(err.retry_after)),)
    if status in PLAIN and why not in GENERIC:
        return Response(status, later, why.encode(errors="replace"), "text/plain; charset=UTF-8")
    phrase = REASONS.get(status, f"{status} Error").partition(" ")[2]
    why = why.replace("&", "&amp;").replace("<", "&lt;")
    return Response(status, later, f"<html><h1>{phrase}</h1><p>{why}</p></html>".encode())
