"""HTTP as a guest may speak it to the metadata service: small requests, answered once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from pileus_kit.numbers import parse_whole_number

MAX_HEAD_BYTES, MAX_BODY_BYTES = 16 * 1024, 64 * 1024  # bytes of a request; a guest only ever sends a password
PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")  # RFC 3986


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    reason: str
    body: bytes = b""
    kind: str = "text/plain; charset=UTF-8"

    def encode(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {self.reason}", f"Content-Type: {self.kind}"]
        lines += [f"Content-Length: {len(self.body)}", "Connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace") + self.body


class Malformed(Exception):
    """What a guest sent is no HTTP request that we take."""


def parse(data: bytes) -> Request | None:
    """The request in `data`, or None while it is incomplete. Raises Malformed."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        if len(data) > MAX_HEAD_BYTES:
            raise Malformed("The head of the request is too long")
        return None
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not PATH.fullmatch(parts[1]) or not parts[2].startswith("HTTP/1."):
        raise Malformed("This is not an HTTP/1 request for metadata")
    if any(segment in (".", "..") for segment in unquote(parts[1].partition("?")[0]).split("/")):
        raise Malformed("The path leads out of the metadata")
    headers = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines[1:])
        if colon
    }
    length = parse_whole_number(headers.get("content-length", "0"))
    if length is None or length > MAX_BODY_BYTES or "transfer-encoding" in headers:
        raise Malformed("The body has no acceptable length")
    return Request(parts[0], parts[1], headers, body[:length]) if len(body) >= length else None
