"""Conditional requests and ranges."""

from pileus_objectstore.api.conditions import conditions, parse_ranges
from pileus_objectstore.core.conditions import resolve


def verdict(headers: dict[str, str], etag: str, modified: float) -> int:
    asked = conditions(headers)
    return 200 if asked is None else asked.evaluate(etag, modified)


def test_ranges() -> None:
    assert parse_ranges("bytes=0-4, 7-,-3") == ((0, 4), (7, None), (None, 3))
    for nonsense in (
        "",
        "bytes",
        "bytes=",
        "bytes=a-b",
        "bytes=-",
        "bytes=5-2",
        "items=0-1",
        "bytes=1-2-3",
        "bytes=0-1,",
        "bytes=+1-2",
        "bytes=" + "9" * 30 + "-",
        "bytes=" + "0-1," * 60,
    ):
        assert parse_ranges(nonsense) == ()
    assert parse_ranges("bytes=20-29,-0,0-9") == ((20, 29), (None, 0), (0, 9))
    assert resolve((0, 4), 3) == (0, 2)
    assert resolve((None, 5), 3) == (0, 2)
    assert resolve((3, None), 3) is None
    assert resolve((None, 0), 3) is None
    assert resolve((None, 5), 0) is None


def test_conditions() -> None:
    assert verdict({"If-Match": "e"}, "e", 100.5) == 200
    assert verdict({"If-Match": '"a", "e"'}, "e", 100.5) == 200
    assert verdict({"If-Match": '"a"'}, "e", 100.5) == 412
    assert verdict({}, "e", 100.5) == 200
    assert verdict({"If-None-Match": 'W/"e"'}, "e", 100.5) == 304
    assert verdict({"If-Match": "*"}, "e", 100.5) == 200
    stamp = "Thu, 01 Jan 1970 00:01:41 GMT"
    assert verdict({"If-Modified-Since": stamp}, "e", 100.5) == 304
    assert verdict({"If-Modified-Since": stamp}, "e", 101.5) == 200
    assert verdict({"If-Unmodified-Since": stamp}, "e", 101.5) == 412
    assert verdict({"If-Modified-Since": "rubbish"}, "e", 101.5) == 200
