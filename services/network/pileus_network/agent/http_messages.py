"""HTTP as guests may speak it to the metadata service: small requests, each answered once on its own connection.

What guests send is untrusted. h11 parses it; this module bounds it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import h11

from pileus_kit.numbers import parse_whole_number

MAX_HEAD_BYTES, MAX_BODY_BYTES = 16 * 1024, 64 * 1024
"""The most bytes of a request; the only body that guests send is a password."""
PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
"""Paths and queries by RFC 3986."""


@dataclass(frozen=True)
class Request:
    """A whole request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """What a guest is answered before its connection is closed."""

    status: int
    reason: str
    body: bytes = b""
    content_type: str = "text/plain; charset=UTF-8"

    def encode(self) -> bytes:
        """Return the bytes of the response."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}", f"Content-Type: {self.content_type}"]
        lines += [f"Content-Length: {len(self.body)}", "Connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace") + self.body


class Malformed(Exception):
    """A guest sent something that is not an HTTP/1 request for metadata."""


class RequestReader:
    """Assembles one request from the pieces in which it arrives."""

    def __init__(self) -> None:
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._head: h11.Request | None = None
        self._body = bytearray()

    def feed(self, data: bytes) -> Request | None:
        """Take the next piece, which isn't empty. Return the request once it is complete, None before.

        Raises Malformed. What follows the request is ignored.
        """
        try:
            self._connection.receive_data(data)
            return self._next()
        except h11.RemoteProtocolError as err:
            raise Malformed(f"This is not an HTTP/1 request: {err}") from None

    def _next(self) -> Request | None:
        while True:
            event = self._connection.next_event()
            if isinstance(event, h11.Request):
                self._head = event
                _check_head(event)
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage) and self._head:
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._head.headers}
                return Request(self._head.method.decode(), self._head.target.decode(), headers, bytes(self._body))
            else:  # more is needed, or the guest wants another protocol, which it doesn't get
                return None


def _check_head(head: h11.Request) -> None:
    """Raise Malformed unless this is HTTP/1, for metadata, and the announced length of the body is small."""
    path = head.target.decode("latin-1")
    if not head.http_version.startswith(b"1."):
        raise Malformed("This is not an HTTP/1 request")
    if not PATH.fullmatch(path):
        raise Malformed("The path is not one of metadata")
    if any(segment in (".", "..") for segment in unquote(path.partition("?")[0]).split("/")):
        raise Malformed("The path leads out of the metadata")
    headers = dict(head.headers)
    length = parse_whole_number(headers.get(b"content-length", b"0").decode("latin-1"))
    if length is None or length > MAX_BODY_BYTES or b"transfer-encoding" in headers:
        raise Malformed("The body has no acceptable length")


def parse(data: bytes) -> Request | None:
    """Return the request in `data`, None if it is incomplete. Raises Malformed."""
    return RequestReader().feed(data)
