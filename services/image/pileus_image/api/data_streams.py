"""Image data over HTTP: request bodies are read as they come, files go to the server's sendfile."""

import io
from collections.abc import Callable
from typing import BinaryIO

from flask import Response, request
from werkzeug.wsgi import wrap_file

from pileus_image.db.models import Image
from pileus_image.errors import WrongMedia
from pileus_kit.errors import BadRequest, CloudError

OCTETS = "application/octet-stream"
BLOCK_BYTES = 1 << 20
CLIENT_TIMEOUT_S = 60.0
"""Seconds without a byte after which a client counts as gone: TCP alone doesn't notice a machine that lost power."""


class UploadInterrupted(BadRequest):
    """The request's body ended early."""

    text = "The data broke off after {received} bytes: {why}"


class RangeNotSatisfiable(CloudError):
    """The requested range begins after the end of the data."""

    status = 416
    text = "The range lies outside the image's {size} bytes."


class DataMissing(CloudError):
    """The store has lost the image's data."""

    status = 404
    text = "The data of image {image} is gone."


def request_body() -> tuple[Callable[[int], bytes], int | None]:
    """Return a function that reads the request's body, and its announced length, None if it is chunked."""
    if request.mimetype != OCTETS:
        raise WrongMedia(given=request.mimetype, supported=OCTETS)
    source, length = request.environ["wsgi.input"], request.content_length
    if "gunicorn.socket" in request.environ:
        request.environ["gunicorn.socket"].settimeout(CLIENT_TIMEOUT_S)
    if length is None and not request.environ.get("wsgi.input_terminated"):
        length = 0
    received = 0

    def read(size: int) -> bytes:
        nonlocal received
        requested = size if length is None else min(size, length - received)
        try:
            data: bytes = source.read(requested) if requested else b""
        except OSError as err:  # a broken connection or chunk, or the timeout
            raise UploadInterrupted(received=received, why=str(err) or type(err).__name__) from err
        received += len(data)
        if not data and length is not None and received < length:
            raise UploadInterrupted(received=received, why=f"{length} were announced")
        return data

    return read, length


def send_blob(file: BinaryIO, image: Image) -> Response:
    """Return a response with the image's data, or with the range of it that the request asks for."""
    size = image.size or 0
    try:
        first, end = _range(size)
    except RangeNotSatisfiable:
        file.close()
        raise
    file.seek(first)
    content = wrap_file(request.environ, FileSection(file, end - first), BLOCK_BYTES)  # type: ignore[arg-type]
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
    """Return the first byte and the end of the range asked for.

    For several ranges, or a header that can't be read, the range is the whole.
    """
    requested = request.range
    if requested is None or requested.units != "bytes" or len(requested.ranges) != 1:
        return 0, size
    found = requested.range_for_length(size)
    if found is None:
        raise RangeNotSatisfiable(size=size)
    return found


class FileSection:
    """A file that ends after `length` bytes. The WSGI server finds its descriptor and sends it with sendfile."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file, self._left = file, length
        self.fileno, self.close = file.fileno, file.close

    def read(self, size: int = io.DEFAULT_BUFFER_SIZE) -> bytes:
        """Return at most `size` bytes, none at the end of the section."""
        data: bytes = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data
