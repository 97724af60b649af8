"""Image data over HTTP: bodies read as they come, files handed to the server's sendfile."""

import io
from collections.abc import Callable
from typing import Any

from flask import Response, request
from werkzeug.wsgi import wrap_file

from pileus_image.db.models import Image
from pileus_image.drivers.base import BlobMissing, Store
from pileus_image.errors import WrongMedia
from pileus_kit.errors import BadRequest, CloudError

OCTETS = "application/octet-stream"
BLOCK = 1 << 20
LONGEST_SILENCE = 60.0
"""Seconds without a byte after which a client counts as gone: nobody else would notice one whose machine lost power."""


class BrokenOff(BadRequest):
    text = "The data broke off after {received} bytes: {why}"


class NotInRange(CloudError):
    status = 416
    text = "The range lies outside the image's {size} bytes."


class DataGone(CloudError):
    status = 404
    text = "The data of image {image} is gone."


def body() -> tuple[Callable[[int], bytes], int | None]:
    """A function that reads the request's body, and its announced length if it was (chunked bodies don't say)."""
    if request.mimetype != OCTETS:
        raise WrongMedia(given=request.mimetype, wanted=OCTETS)
    source, length = request.environ["wsgi.input"], request.content_length
    if "gunicorn.socket" in request.environ:
        request.environ["gunicorn.socket"].settimeout(LONGEST_SILENCE)
    if length is None and not request.environ.get("wsgi.input_terminated"):
        length = 0
    received = 0

    def read(size: int) -> bytes:
        nonlocal received
        wanted = size if length is None else min(size, length - received)
        try:
            data: bytes = source.read(wanted) if wanted else b""
        except OSError as err:  # a broken connection, a broken chunk, or the silence
            raise BrokenOff(received=received, why=str(err) or type(err).__name__) from err
        received += len(data)
        if not data and length is not None and received < length:
            raise BrokenOff(received=received, why=f"{length} were announced")
        return data

    return read, length


def send(store: Store, blob: str, image: Image) -> Response:
    """The image's data, or the range of it that was asked for."""
    size = image.size or 0
    first, end = _range(size)
    try:
        file = store.open(blob)
    except BlobMissing:
        raise DataGone(image=image.id) from None
    file.seek(first)
    content = wrap_file(request.environ, Section(file, end - first), BLOCK)  # type: ignore[arg-type]
    response = Response(
        content, status=200 if (first, end) == (0, size) else 206, mimetype=OCTETS, direct_passthrough=True
    )
    response.headers["Content-Length"] = str(end - first)
    response.headers["Accept-Ranges"] = "bytes"
    if response.status_code == 206:
        response.headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    elif image.checksum:
        response.headers["Content-MD5"] = image.checksum
    return response


def _range(size: int) -> tuple[int, int]:
    """First byte and end of what the Range header asks for; the whole when it asks for several pieces or nonsense."""
    wanted = request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return 0, size
    found = wanted.range_for_length(size)
    if found is None:
        raise NotInRange(size=size)
    return found


class Section:
    """A file that ends early; the WSGI server sees its descriptor and sends it without our help."""

    def __init__(self, file: Any, length: int) -> None:
        self._file, self._left = file, length
        self.fileno, self.close = file.fileno, file.close

    def read(self, size: int = io.DEFAULT_BUFFER_SIZE) -> bytes:
        data: bytes = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data
