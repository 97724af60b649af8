"""?part-number=N: one segment of a static large object, counted from 1."""

from pileus_kit.errors import BadRequest
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.core.content import Content, Segmented

BEYOND = b"The requested part number is not satisfiable"


def asked(request: Request, content: Content) -> int:
    """The number; 0 if none is asked for, or the object has no parts. Raises BadRequest."""
    if "part-number" not in request.query or not isinstance(content, Segmented) or not content.static:
        return 0
    number = parse_whole_number(request.query["part-number"])
    if not number:
        raise BadRequest(why="Part number must be an integer greater than 0")
    if request.header("Range"):
        raise BadRequest(why="Range requests are not supported with part number queries")
    return number


def span(content: Content, number: int) -> tuple[int, int] | None:
    """(first, last) byte of a part; None if there are fewer."""
    assert isinstance(content, Segmented)
    sizes = [segment.size for segment in content.segments]
    if number > len(sizes):
        return None
    first = sum(sizes[: number - 1])
    return first, first + sizes[number - 1] - 1


def answer(request: Request, content: Content, number: int, heads: list[tuple[str, str]], media: str) -> Response:
    """The part, with how many there are."""
    assert isinstance(content, Segmented)
    heads = [*heads, ("X-Parts-Count", str(len(content.segments)))]
    found = span(content, number)
    if found is None:
        heads.append(("Content-Range", f"bytes */{content.size}"))
        return Response(416, heads, BEYOND if request.method == "GET" else b"", "text/plain")
    first, last = found
    heads.append(("Content-Range", f"bytes {first}-{last}/{content.size}"))
    body = content.read(first, last) if request.method == "GET" else b""
    return Response(206, heads, body, media, last - first + 1)
