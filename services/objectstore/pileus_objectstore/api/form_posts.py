"""Uploads from a web page's form: multipart/form-data to a prefix, signed with a temporary-URL key; fields first,
then the files.

The signature is over `path \\n redirect \\n max_file_size \\n max_file_count \\n expires`.
"""

import hmac
from collections.abc import Callable, Iterator
from email.message import Message
from urllib.parse import quote

from pileus_kit.errors import BadRequest, CloudError, TooLarge, Unauthorized
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api import storing, versions
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.temp_urls import keys_of
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core import quotas
from pileus_objectstore.core.names import Target, check
from pileus_objectstore.wire.contract import PutObject, timestamp

DIGESTS = {40: "sha1", 64: "sha256", 128: "sha512"}
MAX_FIELD_BYTES = 8192
MAX_PART_HEADERS = 16
MAX_FIELDS = 50
PIECE = 1 << 16


class FormRefused(Unauthorized):
    text = "FormPost: {why}"


def is_form(request: Request) -> bool:
    return request.method == "POST" and request.header("Content-Type").lower().startswith("multipart/form-data")


def take(tools: Tools, request: Request) -> Response:
    fields: dict[str, str] = {}  # as they were signed: what comes after the first file changes nothing
    count = 0
    try:
        for part in Parts(request.reader(), boundary_of(request.header("Content-Type"))):
            if part.file is None:
                if not count:
                    _field(fields, part)
                continue
            if not count:
                _judge(tools, request, fields)
            count += 1
            if count > _number(fields, "max_file_count"):
                raise BadRequest(why="max file count exceeded")
            _store(tools, request, part, fields)
        if not count:
            raise BadRequest(why="no files to process")
    except CloudError as e:
        if not fields.get("redirect") or not count:
            raise
        return _finished(fields, e.status, str(e))
    return _finished(fields, 201, "")


def _field(fields: dict[str, str], part: "Part") -> None:
    if len(fields) >= MAX_FIELDS:
        raise BadRequest(why="too many fields")
    fields[part.name.lower()] = part.text()


def _judge(tools: Tools, request: Request, fields: dict[str, str]) -> None:
    if (parse_whole_number(fields.get("expires")) or 0) < tools.now():
        raise FormRefused(why="Form Expired")
    signature = fields.get("signature", "").lower()
    digest = DIGESTS.get(len(signature), "")
    names = ("redirect", "max_file_size", "max_file_count", "expires")
    text = "\n".join([request.path, *(fields.get(name, "") for name in names)]).encode()
    for fresh in (False, True):
        for key, _ in keys_of(tools, request.target, fresh) if digest else ():
            if hmac.compare_digest(hmac.new(key.encode(), text, digest).hexdigest().encode(), signature.encode()):
                return
    raise FormRefused(why="Invalid Signature")


def _store(tools: Tools, request: Request, part: "Part", fields: dict[str, str]) -> None:
    base = request.target
    target = Target(base.account, base.container, base.object + (part.file or ""))
    if not target.object:
        raise BadRequest(why="a file without a name")
    check(target)
    container = storing.container_of(tools, target)
    room = quotas.check(tools.listing_cache, target, container, -1)
    limit = _number(fields, "max_file_size")
    if_delete_at = storing.moment(tools, fields.get("x_delete_after", ""), fields.get("x_delete_at", ""))
    args = PutObject(
        storing.NOWHERE, target.path, timestamp(tools.now()), {"Content-Type": part.media},
        delete_at=if_delete_at, max_bytes=min(limit, room) if room >= 0 else limit,
    )  # fmt: skip
    try:
        versions.save(tools, target, args, part.read, container)
    except TooLarge:
        raise TooLarge(why="max_file_size exceeded") from None


def _number(fields: dict[str, str], name: str) -> int:
    number = parse_whole_number(fields.get(name))
    if number is None:
        raise BadRequest(why=f"{name} not an integer")
    return number


def _finished(fields: dict[str, str], status: int, message: str) -> Response:
    redirect = fields.get("redirect")
    if not redirect:
        return Response(status)
    if not redirect.isprintable():
        raise BadRequest(why="redirect is no URL")
    mark = "&" if "?" in redirect else "?"
    return Response(303, [("Location", f"{redirect}{mark}status={status}&message={quote(message)}")])


def boundary_of(content_type: str) -> bytes:
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= 200:
        raise BadRequest(why="FormPost: invalid starting boundary")
    return boundary.encode()


class Part:
    """One part of a form: a field, or a file (`file` is its name) that is read in pieces."""

    def __init__(self, parts: "Parts", headers: Message) -> None:
        self._parts = parts
        self.name = str(headers.get_param("name", "", "content-disposition"))
        name = headers.get_filename()
        self.file = None if name is None else str(name)
        media = str(headers.get("Content-Type", "application/octet-stream"))
        self.media = media if media.isprintable() and media.isascii() else "application/octet-stream"

    def read(self, max_bytes: int) -> bytes:
        return self._parts.data(max_bytes)

    def text(self) -> str:
        data = self.read(MAX_FIELD_BYTES)
        if self.read(1):
            raise BadRequest(why=f"field {self.name} is too long")
        return data.decode(errors="replace")


class Parts:
    """A multipart body (RFC 2046, 5.1) in constant memory."""

    def __init__(self, read: Callable[[int], bytes], boundary: bytes) -> None:
        self._read = read
        self._mark = b"\r\n--" + boundary
        self._held = b"\r\n"

    def __iter__(self) -> Iterator[Part]:
        while True:
            while self.data(PIECE):
                pass
            if not self._next():
                return
            yield Part(self, self._headers())

    def data(self, max_bytes: int) -> bytes:
        """Up to `most` bytes of the current part, b'' at its end."""
        while self._mark not in self._held:
            if len(self._held) - len(self._mark) >= max_bytes:
                break
            self._fill(len(self._held) + 1)
        end = self._held.find(self._mark)
        size = min(max_bytes, len(self._held) - len(self._mark) if end < 0 else end)
        data, self._held = self._held[:size], self._held[size:]
        return data

    def _next(self) -> bool:
        self._fill(len(self._mark) + 2)
        after = self._held[len(self._mark) : len(self._mark) + 2]
        self._held = self._held[len(self._mark) + 2 :]
        return after == b"\r\n"

    def _headers(self) -> Message:
        message = Message()
        for _ in range(MAX_PART_HEADERS):
            name, _, value = self._line().decode(errors="replace").partition(":")
            if not name:
                return message
            message[name.strip()] = value.strip()
        raise BadRequest(why="a part's head is too long")

    def _line(self) -> bytes:
        while b"\r\n" not in self._held:
            if len(self._held) > MAX_FIELD_BYTES:
                raise BadRequest(why="a part's head is too long")
            self._fill(len(self._held) + 1)
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    def _fill(self, size: int) -> None:
        while len(self._held) < size:
            piece = self._read(PIECE)
            if not piece:
                raise BadRequest(why="the form ended early")
            self._held += piece
