"""A world of the object store: plain WSGI, names of one's own in paths, most of what is asked in headers."""

import json
import random
import re
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from store_answers import kind_of, misfit
from store_oddities import ACCOUNT, BODIES, CONTAINERS, KEY, OBJECTS
from store_requests import Maker, Sent
from worlds import World

from pileus_kit.errors import CloudError
from pileus_kit.testing import TokenBook

OURS = ("x-auth-token", "x-storage-token", "x-service-token", "host", "content-length", "transfer-encoding")
MOST = 8 << 20  # bytes of a body that are read: manifests of manifests grow without end


class Store(World):
    """A third of the requests are the schema's, a third of them with something odd besides, the rest `Maker`'s. What
    there is is made anew now and then, for requests delete and lock it."""

    EVERY = 25  # requests

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        from pileus_objectstore.testing import ObjectStoreFixture

        self.book, self.dice, self.versions = TokenBook(), random.Random(2), [""]
        self.book.operator = self.book.add(  # type: ignore[attr-defined]
            replace(self.book.service, token="token-operator", roles=frozenset({"ResellerAdmin"}))
        )
        self.maker = Maker(self.dice, time.time)
        self.store = ObjectStoreFixture(folder / "store", devices=3, book=self.book)
        stack.callback(self.store.close)
        self.count = 0
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
        self.count += 1
        if self.count % self.EVERY == 0:
            self._furnish()
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        who = "admin" if admin else self.dice.choice(("member", "member", "reader", "other", ""))
        path = re.sub("^/v1/[^/]*", f"/v1/{ACCOUNT}", path) if self.dice.random() < 0.9 else path
        sent = Sent(
            method,
            path,
            {key: str(value) for key, value in query.items()},
            {key: str(value) for key, value in headers.items()},
            data,
            who,
        )
        luck = self.dice.random()
        if luck < 0.5:
            sent = self.maker.made()
        elif luck < 0.75:
            sent = replace(self.maker.odd(sent), body=self.dice.choice(BODIES), kind="odd")
        return self._sent(sent)

    def _sent(self, sent: Sent) -> Any:
        self.what = f"{sent.method} {kind_of(sent)}, {sent.kind}" if sent.kind else ""
        self.told = repr(sent)[:1000]
        caller = getattr(self.book, sent.who) if sent.who else None
        length = {"CONTENT_LENGTH": str(len(sent.body))} if self.dice.random() < 0.97 else {}
        answer = self.store.client.request(
            sent.method,
            sent.path,
            as_=caller,
            anonymous=caller is None,
            query_string=sent.query,
            headers=sendable(sent.headers),
            data=sent.body,
            environ_overrides=length,
        )
        body, cut = taken(answer)
        self.why = cut or misfit(sent, answer, body)
        answer.set_data(body or b"")  # what the schema is asked about
        return answer

    def misfit(self, answer: Any) -> str:
        return self.why

    def _furnish(self) -> None:
        def do(method: str, path: str, who: str = "member", **more: Any) -> None:
            self.store.client.request(method, f"/v1/{ACCOUNT}{quote(path)}", as_=getattr(self.book, who), **more)

        unlocked = {f"X-Remove-Account-Meta-Quota-{what}": "x" for what in ("Bytes", "Count")}
        do("POST", "", "operator", headers=unlocked | {"X-Account-Meta-Temp-Url-Key": KEY})
        plain = ("Meta-Quota-Bytes", "Meta-Quota-Count", "Read", "Write", "Meta-Web-Index")
        for container in CONTAINERS:
            do("PUT", f"/{container}")
            do(
                "POST",
                f"/{container}",
                headers={f"X-Remove-Container-{name}": "x" for name in plain}
                | {"X-Versions-Location": "", "X-History-Location": ""},
            )
        for name in OBJECTS:
            do("PUT", f"/box/{name}", data=name.encode())
        do("PUT", "/box/big", data=bytes(range(256)) * 1200)
        do("PUT", "/box/link", headers={"X-Symlink-Target": "box/plain"})
        do("PUT", "/box/whole", headers={"X-Object-Manifest": "box/a"})
        lines = [{"path": "/box/plain"}, {"path": "/box/a/b"}, {"path": "/box/big", "range": "0-9"}]
        do("PUT", "/box/parts", query_string={"multipart-manifest": "put"}, data=json.dumps(lines))
        do(
            "PUT",
            "/box/many",
            query_string={"multipart-manifest": "put"},
            data=json.dumps([{"path": "/box/parts"}] * 3),
        )
        location = self.dice.choice(("X-Versions-Location", "X-History-Location"))
        public = {
            "X-Container-Read": ".r:*,.rlistings,.r:-b",
            "X-Container-Meta-Web-Listings": "true",
            location: "versions",
        }
        do("POST", "/kept", headers=public | {"X-Container-Meta-Access-Control-Allow-Origin": "http://a"})
        do("PUT", "/kept/a/index", data=b"page")
        self.store.drain()


def taken(answer: Any) -> tuple[bytes | None, str]:
    """The body, None if there is no end of it; and what is wrong. A download may break off in the middle, where a
    segment is gone: before its first byte that has to be a refusal."""
    body = bytearray()
    try:
        for piece in answer.response:
            body += piece
            if len(body) > MOST:
                return None, ""
    except CloudError as e:
        return None, "" if body else f"broken off before it began: {e}"
    finally:
        answer.close()
    return bytes(body), ""


def sendable(headers: dict[str, str]) -> dict[str, str]:
    """What a web server would let through to us at all: bytes without control characters, names that are tokens. Who
    asks, and how much, is ours to say."""
    return {
        name: value.encode().decode("latin-1")
        for name, value in headers.items()
        if re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name)
        and not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value)
        and name.lower() not in OURS
    }
