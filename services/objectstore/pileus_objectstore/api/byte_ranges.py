"""Several ranges of one object in one answer."""

import secrets
from collections.abc import Iterator

from pileus_objectstore.api.http import Response
from pileus_objectstore.core import objects
from pileus_objectstore.core.objects import FoundObject


def multipart(found: FoundObject, headers: list[tuple[str, str]], media: str) -> Response:
    """multipart/byteranges (RFC 9110, 14.6); its length is known before the first byte is read."""
    boundary, size, spans = secrets.token_hex(16), found.content.size, found.spans
    intros = [
        f"--{boundary}\r\nContent-Type: {media}\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n".encode()
        for first, last in spans
    ]
    end = f"--{boundary}--".encode()
    length = sum(len(intro) + last - first + 3 for intro, (first, last) in zip(intros, spans, strict=True)) + len(end)
    bodies = [found.content.read(first, last) for first, last in spans]
    bodies[0] = objects.started(bodies[0])

    def pieces() -> Iterator[bytes]:
        for intro, body in zip(intros, bodies, strict=True):
            yield intro
            yield from body
            yield b"\r\n"
        yield end

    return Response(206, headers, pieces(), f"multipart/byteranges;boundary={boundary}", length)
