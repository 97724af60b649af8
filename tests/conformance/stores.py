"""A world of the object store: plain WSGI, names of one's own in paths, most of what is asked in headers."""

import json
import random
import re
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from worlds import World

from pileus_kit.testing import TokenBook

ACCOUNT = "AUTH_p1"
OURS = ("x-auth-token", "x-storage-token", "x-service-token", "host", "content-length", "transfer-encoding")
CONTAINERS = ("box", "větší krabice", "versions")
OBJECTS = ("plain", "a/b/c", "a/b", "ü %2F?#\u202e", "link", "parts", "gone\n")
NUMBERS = ("0", "1", "-1", "10001", "99999999999999999999", "1e5", "٣", "", "NaN", "0x10")
TIMES = ("0", "1", "9999999999", "99999999999999999999", "-5", "tomorrow", "2026-01-01T00:00:00Z")
ODD_QUERIES: dict[str, tuple[str, ...]] = {
    "limit": NUMBERS,
    "marker": OBJECTS,
    "end_marker": OBJECTS,
    "prefix": ("a/", "ü", "\u0000"),
    "delimiter": ("/", "ab"),
    "path": ("a", "", "/"),
    "format": ("json", "xml", "plain", "yaml"),
    "reverse": ("true", "x"),
    "multipart-manifest": ("put", "get", "delete", "x"),
    "temp_url_sig": ("0" * 64, "sha512:x", "é"),
    "temp_url_expires": TIMES,
    "temp_url_prefix": ("", "a"),
    "temp_url_ip_range": ("1.2.3.4/99",),
    "symlink": ("get",),
    "bulk-delete": ("",),
    "extract-archive": ("tar", "tar.gz", "zip"),
    "versions": ("", "x"),
    "version-id": ("null", "x"),
}
ODD_HEADERS: dict[str, tuple[str, ...]] = {
    "Range": (
        "bytes=0-0",
        "bytes=-1",
        "bytes=5-1",
        "bytes=0-,0-,0-",
        "bytes=99999999999999999999-",
        "lines=1-2",
        "bytes=",
    ),
    "If-None-Match": ("*", '"x"', ","),
    "If-Match": ("*", "x"),
    "If-Modified-Since": ("x", "Thu, 01 Jan 1970 00:00:00 GMT"),
    "X-Delete-At": TIMES,
    "X-Delete-After": NUMBERS,
    "X-Object-Manifest": ("box/a", "box", "/", "box/%zz"),
    "X-Symlink-Target": ("box/plain", "box/link", "x", "/", "box/%00"),
    "X-Symlink-Target-Account": ("AUTH_p2", "é"),
    "X-Copy-From": ("box/plain", "/box/plain", "box", "%zz"),
    "Destination": ("box/copy", "x", "/", "box/%00"),
    "X-Copy-From-Account": ("AUTH_p2",),
    "ETag": ("x", "d41d8cd98f00b204e9800998ecf8427e"),
    "Content-Type": ("", "a/b;x"),
    "X-Container-Read": (".r:*,.rlistings", "p2:*", ".r:", ",,", ".x:y"),
    "X-Container-Write": ("p2:u", ".r:*"),
    "X-Container-Meta-Quota-Bytes": NUMBERS,
    "X-Container-Meta-Quota-Count": NUMBERS,
    "X-Versions-Enabled": ("true", "x"),
    "X-Versions-Location": ("versions", "no/such", ""),
    "X-History-Location": ("versions",),
    "X-Storage-Policy": ("x", ""),
    "X-Account-Meta-Temp-Url-Key": ("k",),
    "X-Container-Meta-Web-Index": ("plain", "x" * 300),
    "X-Newest": ("x",),
    "X-Container-Meta-Web-Listings": ("true",),
    "X-Timestamp": TIMES,
    "X-Object-Meta-A": ("x" * 5000, "é"),
    "X-Remove-Container-Read": ("x",),
    "Origin": ("http://a",),
    "Access-Control-Request-Method": ("GET",),
    "X-Detect-Content-Type": ("true",),
    "Content-Encoding": ("gzip",),
    "Content-Disposition": ("attachment", "\x7f"),
}
BODIES: tuple[bytes, ...] = (
    b"",
    b"data",
    b"x" * 100_000,
    b"box/plain\nbox/none\n%zz\n/\n",
    b"[]",
    b"{}",
    b"[[[[",
    b'[{"path": "/box/plain"}]',
    b'[{"path": "/box/plain", "range": "0-9999999999999999999999"}]',
    b'[{"path": "box/plain", "size_bytes": "x"}]',
    b'[{"data": "AAAA"}]',
    b'[{"data": "%"}]',
    b'[{"path": "/box/parts"}]',
    b'[{"path": 5}]',
    b"\x1f\x8b\x08\x00junk",
    b"PK\x03\x04junk",
    bytes(1024),
    '[{"path": "/box/\u0000"}]'.encode(),
)


class Store(World):
    """Each request is one of the schema's, and half of them carry something odd besides. What there is is made anew
    now and then, for requests delete and lock it."""

    EVERY = 25  # requests

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        from pileus_objectstore.testing import ObjectStoreFixture

        self.book, self.dice, self.versions = TokenBook(), random.Random(2), [""]
        self.store = ObjectStoreFixture(folder / "store", devices=3, book=self.book)
        stack.callback(self.store.close)
        self.sent = 0
        self._furnish()

    def answers(self, method: str, path: str) -> bool:
        return True

    def ids(self, template: str, parameter: str) -> list[str]:
        names = {"account": (ACCOUNT,), "container": CONTAINERS, "object": OBJECTS}[parameter]
        return [quote(name) for name in names]

    def send(
        self,
        method: str,
        path: str,
        body: Any,
        query: dict[str, Any],
        version: str,
        admin: bool,
        headers: dict[str, Any],
    ) -> Any:
        self.sent += 1
        if self.sent % self.EVERY == 0:
            self._furnish()
        if self.dice.random() < 0.9:  # one's own account
            path = re.sub("^/v1/[^/]*", f"/v1/{ACCOUNT}", path)
        asked = {key: str(value) for key, value in query.items()}
        told = {key: str(value) for key, value in headers.items()}
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        if self.dice.random() < 0.5:
            self._odd(asked, ODD_QUERIES)
            self._odd(told, ODD_HEADERS)
            data = self.dice.choice(BODIES)
        if method == "PUT" and path.count("/") > 3 and self.dice.random() < 0.1:
            method = "COPY"
        who = (
            self.book.admin if admin else self.dice.choice([self.book.member] * 4 + [self.book.reader, self.book.other])
        )
        answer = self.store.client.request(
            method, path, as_=who, query_string=asked, headers=_sendable(told), data=data
        )
        answer.get_data()
        return answer

    def _odd(self, into: dict[str, str], table: dict[str, tuple[str, ...]]) -> None:
        for name in self.dice.sample(sorted(table), self.dice.randint(0, 3)):
            into[name] = self.dice.choice(table[name])

    def _furnish(self) -> None:
        def put(path: str, **more: Any) -> None:
            self.store.client.put(f"/v1/{ACCOUNT}/{quote(path)}", as_=self.book.member, **more)

        for container in CONTAINERS:
            self.store.client.post(
                f"/v1/{ACCOUNT}/{quote(container)}",
                as_=self.book.member,
                headers={
                    f"X-Remove-Container-{name}": "x"
                    for name in ("Meta-Quota-Bytes", "Meta-Quota-Count", "Read", "Write")
                },
            )
            put(container)
        for name in OBJECTS:
            put(f"box/{name}", data=name.encode())
        put("box/link", headers={"X-Symlink-Target": "box/plain"})
        put(
            "box/parts",
            query_string={"multipart-manifest": "put"},
            data=json.dumps([{"path": "/box/plain"}, {"path": "/box/a/b"}]),
        )
        with suppress(KeyError):
            self.store.drain()


def _sendable(headers: dict[str, str]) -> dict[str, str]:
    """What a web server would let through to us at all: latin-1 without control characters, names that are tokens. Who
    asks, and how much, is ours to say."""
    return {
        name: value.encode("latin-1", "replace").decode("latin-1")
        for name, value in headers.items()
        if re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name)
        and not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value)
        and name.lower() not in OURS
    }
