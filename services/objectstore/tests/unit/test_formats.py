"""Parsers and formats."""

import hashlib
import os
import socket
import zlib
from pathlib import Path

import pytest

from pileus_kit.errors import BadRequest
from pileus_objectstore.api.conditions import conditions, parse_ranges
from pileus_objectstore.api.listing_formats import media_type
from pileus_objectstore.core import acls
from pileus_objectstore.core.conditions import resolve
from pileus_objectstore.core.names import Target, target_of
from pileus_objectstore.core.replica_plans import assign_listing_hosts, read_plan, write_plan
from pileus_objectstore.core.timestamps import iso
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.storage.listing_scans import upper_bound
from pileus_objectstore.storage.object_files import BLOCK, Sums, stamp_of, timestamp_of
from pileus_objectstore.wire.contract import timestamp
from pileus_objectstore.wire.framing import Body, ConnectionBroken, Stream


def test_timestamps_survive_the_file_system(tmp_path: Path) -> None:
    for at in (0.0, 1.00001, 1795357278.64483, 9999999999.99999):
        text = timestamp(at)
        assert len(text) == 16
        path = tmp_path / "f"
        path.touch()
        os.utime(path, ns=(stamp_of(text), stamp_of(text)))
        assert timestamp_of(path.stat().st_mtime_ns) == text


def test_sums_of_any_pieces() -> None:
    data = os.urandom(3 * BLOCK + 17)
    wanted = b"".join(zlib.crc32(data[i : i + BLOCK]).to_bytes(4, "little") for i in range(0, len(data), BLOCK))
    for size in (1 << 20, BLOCK, BLOCK - 1, 100_003):
        sums = Sums()
        for at in range(0, len(data), size):
            sums.add(data[at : at + size])
        assert sums.packed() == wanted
    assert Sums().packed() == b""


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("a", "b"), ("a/", "a0"), ("\ud7ff", "\ue000"), ("a\U0010ffff", "b"), ("\U0010ffff", ""), ("", "")],
)
def test_upper_bounds(prefix: str, expected: str) -> None:
    assert upper_bound(prefix) == expected


@pytest.mark.parametrize(("path", "target"), [
    ("/v1/a", Target("a")), ("/v1/a/", Target("a")), ("/v1/a/c", Target("a", "c")), ("/v1/a/c/", Target("a", "c")),
    ("/v1/a/c/o", Target("a", "c", "o")), ("/v1/a/c/o/p//q/", Target("a", "c", "o/p//q/")),
    ("/v1/a/c//", Target("a", "c", "/")),
])  # fmt: skip
def test_paths(path: str, target: Target) -> None:
    assert target_of(path) == target


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


def verdict(headers: dict[str, str], etag: str, modified: float) -> int:
    asked = conditions(headers)
    return 200 if asked is None else asked.evaluate(etag, modified)


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


def test_acls_are_cleaned() -> None:
    assert (
        acls.clean("X-Container-Read", " .ref : * , .referrer:-*.evil.com ,, p : u ,.rlistings")
        == ".r:*,.r:-.evil.com,p:u,.rlistings"
    )
    for wrong in (".r:", ".r:-", ".unknown", ".r:.", ".rlistings:x"):
        with pytest.raises(BadRequest):
            acls.clean("X-Container-Read", wrong)
    with pytest.raises(BadRequest):
        acls.clean("X-Container-Write", ".r:*")


def test_accept() -> None:
    for accept, media in (
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("application/*", "application/json"),
        ("text/xml", "text/xml"),
        ("application/xml;q=0.4, application/json;q=0.5", "application/json"),
        ("image/png, */*;q=0.1", "text/plain"),
    ):
        assert media_type({}, accept) == media
    assert media_type({"format": "json"}, "text/plain") == "application/json"
    assert media_type({"format": "nonsense"}, "application/json") == "text/plain"


def test_iso() -> None:
    assert iso("1389804102.12345") == "2014-01-15T16:41:42.123450"


PLACE = Placement(7, "f" * 32, (("h1", ("a", "b"), ("x",)), ("h2", ("c",), ()), ("h3", (), ("y", "z"))))


def test_plans() -> None:
    assert [(host, replicas.devices) for host, replicas in write_plan(PLACE, ())] == [
        ("h1", ("a", "b")),
        ("h2", ("c",)),
    ]
    assert [(host, replicas.devices) for host, replicas in write_plan(PLACE, {"h2"})] == [("h1", ("a", "b", "x"))]
    assert [(host, replicas.devices) for host, replicas in write_plan(PLACE, {"h1"})] == [
        ("h2", ("c",)),
        ("h3", ("y", "z")),
    ]
    assert [host for host, _ in read_plan(PLACE, {"h1"})] == ["h2", "h3", "h1"]
    hosts = assign_listing_hosts(PLACE, ["h2", "h9"])
    assert sorted(up.host for ups in hosts.values() for up in ups) == ["h1", "h2"]
    assert [up.host for up in hosts["h2"]][-1] == "h2"


def test_bodies() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = Stream(ours)
        theirs.sendall(b"POST /x HTTP/1.1\r\nA: b\r\n\r\n12345rest5\r\nhello\r\n0\r\n\r\n")
        assert stream.read_head() == b"POST /x HTTP/1.1\r\nA: b"
        assert Body(stream, 5).read_all() == b"12345"
        assert stream.read_exactly(4) == b"rest"
        assert Body(stream, -1).read_all() == b"hello"
        theirs.sendall(b"12")
        theirs.close()
        with pytest.raises(ConnectionBroken):
            Body(stream, 5).read_all()
        assert hashlib.md5(b"").hexdigest() == "d41d8cd98f00b204e9800998ecf8427e"
