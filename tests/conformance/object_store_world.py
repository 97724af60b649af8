"""The world of the object store: names in paths instead of ids, and requests whose content is mostly in headers."""

import json
import random
import re
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from object_store_checks import deviation, kind_of
from object_store_requests import RequestMaker, StoreRequest
from object_store_values import ACCOUNT, BODIES, CONTAINERS, KEY, OBJECTS
from werkzeug.test import TestResponse
from worlds import World

from pileus_kit.errors import CloudError
from pileus_kit.testing import TokenBook

SET_BY_THE_CLIENT = (
    "x-auth-token",
    "x-storage-token",
    "x-service-token",
    "host",
    "content-length",
    "transfer-encoding",
)
MAX_BODY_BYTES = 8 << 20  # more is not read: manifests of manifests grow without end


class StoreWorld(World):
    """Half of the requests are created by RequestMaker, the others are the schema's, half of these with oddities.

    The contents are recreated periodically, because requests delete and lock them.
    """

    RECREATE_EVERY = 25  # requests

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        from pileus_objectstore.testing import ObjectStoreFixture

        self.book, self.rng, self.versions = TokenBook(), random.Random(2), [""]
        self.book.operator = self.book.add(  # type: ignore[attr-defined]
            replace(self.book.service, token="token-operator", roles=frozenset({"ResellerAdmin"}))
        )
        self.maker = RequestMaker(self.rng, time.time)
        self.store = ObjectStoreFixture(folder / "store", devices=3, book=self.book)
        stack.callback(self.store.close)
        self.count = 0
        self._create_contents()

    def answers(self, method: str, path: str) -> bool:
        return True

    def ids(self, template: str, parameter: str) -> list[str]:
        names = {"account": (ACCOUNT,), "container": CONTAINERS, "object": OBJECTS}[parameter]
        return [quote(name) for name in names]

    def send(
        self,
        method: str,
        path: str,
        body: object,
        query: dict[str, object],
        version: str,
        admin: bool,
        headers: dict[str, object],
    ) -> TestResponse:
        self.count += 1
        if self.count % self.RECREATE_EVERY == 0:
            self._create_contents()
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        who = "admin" if admin else self.rng.choice(("member", "member", "reader", "other", ""))
        path = re.sub("^/v1/[^/]*", f"/v1/{ACCOUNT}", path) if self.rng.random() < 0.9 else path
        sent = StoreRequest(
            method,
            path,
            {key: str(value) for key, value in query.items()},
            {key: str(value) for key, value in headers.items()},
            data,
            who,
        )
        chance = self.rng.random()
        if chance < 0.5:
            sent = self.maker.create()
        elif chance < 0.75:
            sent = replace(self.maker.with_oddities(sent), body=self.rng.choice(BODIES), kind="odd")
        return self._sent(sent)

    def _sent(self, sent: StoreRequest) -> TestResponse:
        self.label_of_request = f"{sent.method} {kind_of(sent)}, {sent.kind}" if sent.kind else ""
        self.request_text = repr(sent)[:1000]
        caller = getattr(self.book, sent.who) if sent.who else None
        length = {"CONTENT_LENGTH": str(len(sent.body))} if self.rng.random() < 0.97 else {}
        answer = self.store.client.request(
            sent.method,
            sent.path,
            as_=caller,
            anonymous=caller is None,
            query_string=sent.query,
            headers=sendable_headers(sent.headers),
            data=sent.body,
            environ_overrides=length,
        )
        body, cut = read_body(answer)
        self.why = cut or deviation(sent, answer, body)
        answer.set_data(body or b"")  # the body that is compared with the schema
        return answer

    def deviation(self, answer: TestResponse) -> str:
        return self.why

    def _create_contents(self) -> None:
        def do(method: str, path: str, who: str = "member", **more: Any) -> None:
            self.store.client.request(method, f"/v1/{ACCOUNT}{quote(path)}", as_=getattr(self.book, who), **more)

        unlocked = {f"X-Remove-Account-Meta-Quota-{limit}": "x" for limit in ("Bytes", "Count")}
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
        location = self.rng.choice(("X-Versions-Location", "X-History-Location"))
        public = {
            "X-Container-Read": ".r:*,.rlistings,.r:-b",
            "X-Container-Meta-Web-Listings": "true",
            location: "versions",
        }
        do("POST", "/kept", headers=public | {"X-Container-Meta-Access-Control-Allow-Origin": "http://a"})
        do("PUT", "/kept/a/index", data=b"page")
        self.store.drain()


def read_body(answer: TestResponse) -> tuple[bytes | None, str]:
    """The body (None if it is too long or incomplete), and what is wrong with it.

    A download may end in the middle if a segment is missing; before its first byte that has to be a refusal.
    """
    body = bytearray()
    try:
        for piece in answer.response:
            body += piece.encode() if isinstance(piece, str) else piece
            if len(body) > MAX_BODY_BYTES:
                return None, ""
    except CloudError as e:
        return None, "" if body else f"ended before its first byte: {e}"
    finally:
        answer.close()
    return bytes(body), ""


def sendable_headers(headers: dict[str, str]) -> dict[str, str]:
    """The headers that a web server would accept: names that are tokens, values without control characters.

    Headers that the client sets itself are left out.
    """
    return {
        name: value.encode().decode("latin-1")
        for name, value in headers.items()
        if re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name)
        and not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value)
        and name.lower() not in SET_BY_THE_CLIENT
    }
