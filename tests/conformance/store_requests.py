"""Requests to the object store that a schema can't think of: each is right but for what the dice spoil, so that it gets
past the first check and into what lies behind."""

import hmac
import io
import json
import random
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote

from store_oddities import (
    ACCOUNT,
    CONTAINERS,
    KEY,
    NUMBERS,
    OBJECTS,
    ODD_HEADERS,
    ODD_QUERIES,
    REFERRERS,
    SIGNATURES,
    SPOILT_NAMES,
    SPOILT_SPANS,
    TIMES,
)


@dataclass
class Sent:
    """One request. `path` is percent-encoded, `who` a name in the book of tokens or "" for a stranger, `kind` what of a
    `Maker` made it, "" for the schema's own."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    who: str = "member"
    kind: str = ""


class Maker:
    """Makes requests. A dice thrown with a seed: what failed fails again."""

    def __init__(self, dice: random.Random, now: Callable[[], float]) -> None:
        self.dice, self._now = dice, now
        self._made: tuple[Callable[[], Sent], ...] = (
            self.read,
            self.read,
            self.listing,
            self.container,
            self.account,
            self.copy,
            self.manifest,
            self.dynamic,
            self.link,
            self.bulk_delete,
            self.archive,
            self.temporary_url,
            self.form,
            self.visit,
            self.preflight,
            self.versioned,
            self.erase,
        )

    def made(self) -> Sent:
        """One of its own, spoilt a little more often than not."""
        make = self.dice.choice(self._made)
        sent = replace(make(), kind=make.__name__)
        return self.odd(sent, 1) if self.dice.random() < 0.4 else sent

    def odd(self, sent: Sent, most: int = 3) -> Sent:
        """The same with something in it that nobody in his senses would send."""
        for into, table in ((sent.query, ODD_QUERIES), (sent.headers, ODD_HEADERS)):
            for name in self.dice.sample(sorted(table), self.dice.randint(0, most)):
                into[name] = self.dice.choice(table[name])
        if self.dice.random() < 0.15:
            sent.path = f"{sent.path.rpartition('/')[0]}/{self.dice.choice(SPOILT_NAMES)}"
        return sent

    def some(self, *choices: str, spoilt: tuple[str, ...] = (), often: float = 0.2) -> str:
        return self.dice.choice(spoilt if spoilt and self.dice.random() < often else choices)

    def pair(self) -> str:
        """container/object, quoted as headers and lines have it"""
        return quote(
            f"{self.some('box', *CONTAINERS) if self.dice.random() < 0.4 else 'box'}/{self.some(*OBJECTS, 'none')}"
        )

    def path(self) -> str:
        return f"/v1/{ACCOUNT}/{self.pair()}"

    def holder(self) -> str:
        return f"/v1/{ACCOUNT}/{quote(self.some(*CONTAINERS))}"

    def some_of(self, table: dict[str, tuple[str, ...]], *names: str) -> dict[str, str]:
        return {name: self.dice.choice(table[name]) for name in names if self.dice.random() < 0.4}

    def read(self) -> Sent:
        heads = self.some_of(
            ODD_HEADERS, "Range", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "X-Newest"
        )
        query = self.some_of(ODD_QUERIES, "symlink", "format") if self.dice.random() < 0.3 else {}
        if self.dice.random() < 0.2:
            query["multipart-manifest"] = "get"
        return Sent(self.some("GET", "GET", "HEAD"), self.path(), query, heads)

    def listing(self) -> Sent:
        names = ("limit", "marker", "end_marker", "prefix", "delimiter", "path", "format", "reverse")
        path = self.some(self.holder(), f"/v1/{ACCOUNT}/box", f"/v1/{ACCOUNT}")
        query = self.some_of(ODD_QUERIES, *names)
        if self.dice.random() < 0.7:
            query["limit"] = self.some("0", "1", "2", "3", "10000")
        if self.dice.random() < 0.6:  # its rows can be looked at
            query["format"] = "json"
        return Sent("GET", path, query, self.some_of(ODD_HEADERS, "Accept"))

    def container(self) -> Sent:
        names = [name for name in ODD_HEADERS if "Container-" in name or "Location" in name]
        heads = self.some_of(ODD_HEADERS, *self.dice.sample(names, 4))
        return Sent(self.some("PUT", "POST", "HEAD"), self.holder(), {}, heads)

    def account(self) -> Sent:
        heads = self.some_of(
            ODD_HEADERS, "X-Account-Meta-Quota-Bytes", "X-Account-Quota-Count", "X-Account-Meta-Temp-Url-Key"
        )
        return Sent(self.some("POST", "PUT", "HEAD"), f"/v1/{ACCOUNT}", {}, heads, who=self.some("member", "operator"))

    def copy(self) -> Sent:
        heads = self.some_of(ODD_HEADERS, "X-Fresh-Metadata", "Range", "If-None-Match", "X-Delete-At", "Content-Type")
        query = {"multipart-manifest": "get"} if self.dice.random() < 0.3 else {}
        query |= self.some_of(ODD_QUERIES, "format", "symlink") if self.dice.random() < 0.5 else {}
        if self.dice.random() < 0.5:
            return Sent("COPY", self.path(), query, heads | {"Destination": self.pair()})
        return Sent("PUT", self.path(), query, heads | {"X-Copy-From": self.pair()})

    def manifest(self) -> Sent:
        """A static large object's, of segments, manifests, itself."""
        lines: list[dict[str, object]] = []
        for _ in range(self.dice.randint(1, 3)):
            real = self.some("box/plain", "box/a/b", "box/big", "box/parts", "box/many", "box/whole")
            name = unquote(self.some(real, spoilt=(self.pair(), *SPOILT_NAMES), often=0.1))
            lines.append({"path": f"/{name}"})
            if self.dice.random() < 0.3:
                lines[-1]["range"] = self.some("0-0", "0-1", "-1", "1-", spoilt=SPOILT_SPANS)
            if self.dice.random() < 0.05:
                lines[-1]["size_bytes"] = self.dice.choice((-1, 5, 10**30, 1 << 63))
        path = f"/v1/{ACCOUNT}/box/{self.some('parts', 'many')}"
        return Sent("PUT", path, {"multipart-manifest": "put"}, {}, json.dumps(lines).encode())

    def dynamic(self) -> Sent:
        heads = {"X-Object-Manifest": self.some("box/a", "box/p", "box/", spoilt=ODD_HEADERS["X-Object-Manifest"])}
        return Sent(self.some("PUT", "POST"), f"/v1/{ACCOUNT}/box/whole", {}, heads)

    def link(self) -> Sent:
        heads = {"X-Symlink-Target": self.pair()} | self.some_of(ODD_HEADERS, "X-Symlink-Target-Etag")
        if self.dice.random() < 0.5:
            heads |= self.some_of(ODD_HEADERS, "X-Symlink-Target", "X-Symlink-Target-Account")
        return Sent("PUT", f"/v1/{ACCOUNT}/box/{self.some('link', 'plain', 'whole')}", {}, heads)

    def bulk_delete(self) -> Sent:
        lines = [
            self.some(
                self.pair(), *CONTAINERS, spoilt=(*SPOILT_NAMES, "box/%00", "box/", "/", "box/%FF", "", "box/x%0Ay")
            )
            for _ in range(self.dice.randint(0, 4))
        ]
        heads = {"Accept": self.some("application/json", "text/plain", "")}
        return Sent(
            self.some("POST", "DELETE"), f"/v1/{ACCOUNT}", {"bulk-delete": ""}, heads, "\n".join(lines).encode()
        )

    def archive(self) -> Sent:
        kind = self.some("tar", "tar.gz", "tar.bz2")
        data = bytearray(self._archive(kind))
        if self.dice.random() < 0.4:  # something in a head, most likely
            data[self.dice.randrange(min(len(data), 1536))] = self.dice.choice((0, 0x39, 0x78, 0x80, 0xFF))
        if self.dice.random() < 0.1:
            del data[self.dice.randrange(len(data)) :]
        path = self.some(f"/v1/{ACCOUNT}", f"/v1/{ACCOUNT}/box", f"/v1/{ACCOUNT}/box/a", f"/v1/{ACCOUNT}/new")
        return Sent("PUT", path, {"extract-archive": kind}, {"Accept": self.some("application/json", "")}, bytes(data))

    def _archive(self, kind: str) -> bytes:
        out = io.BytesIO()
        mode = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2"}[kind]
        with tarfile.open(fileobj=out, mode=mode, format=self.dice.choice((1, 2))) as tar:  # type: ignore[call-overload]
            for _ in range(self.dice.randint(1, 3)):
                name = self.some(
                    "box/t", "t/u", "x", spoilt=("\udcff", "a/\udcff", "/", "../../x", "x/" + "y" * 1100, "/a\nb")
                )
                member = tarfile.TarInfo(name)
                member.type = self.dice.choice(
                    (tarfile.REGTYPE,) * 5 + (tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE)
                )
                if self.dice.random() < 0.2:
                    member.pax_headers = {
                        self.some("GNU.sparse.major", "GNU.sparse.map", "size", "GNU.sparse.size", "path"): self.some(
                            "1", "x", "0,1", "9" * 30, "-1", "a\0b"
                        )
                    }
                member.size = 5 if member.isreg() else 0
                tar.addfile(member, io.BytesIO(b"12345"))
        return out.getvalue()

    def temporary_url(self) -> Sent:
        method, path = self.some("GET", "HEAD", "PUT", "DELETE", "POST"), self.path()
        expires = self.some(str(int(self._now()) + 100), "9" * 12, "9" * 18, spoilt=TIMES)
        query = self.some_of(ODD_QUERIES, "filename", "inline", "multipart-manifest")
        about = unquote(path)
        if self.dice.random() < 0.2:
            query["temp_url_prefix"] = self.some("", about.split("/")[4][:1], spoilt=("b",))
            about = f"prefix:{'/'.join(about.split('/')[:4])}/{query['temp_url_prefix']}"
        if self.dice.random() < 0.2:
            query["temp_url_ip_range"] = self.some("127.0.0.1", "127.0.0.0/8", spoilt=("x", "1.2.3.4"))
        digest = self.some("sha256", "sha512", spoilt=("sha1",))
        network = f"ip={query['temp_url_ip_range']}\n" if "temp_url_ip_range" in query else ""
        text = f"{network}{method}\n{expires}\n{about}"
        signature = hmac.new(KEY.encode(), text.encode(), digest).hexdigest()
        query |= {"temp_url_sig": self.some(signature, spoilt=SIGNATURES), "temp_url_expires": expires}
        return Sent(method, path, query, self.some_of(ODD_HEADERS, "Range", "Content-Disposition"), b"data", who="")

    def form(self) -> Sent:
        path = self.some(self.path(), f"/v1/{ACCOUNT}/box/", f"/v1/{ACCOUNT}/box")
        fields = {
            "redirect": self.some("", "http://a/", spoilt=("x\r\ny", "é", "http://[", "\0")),
            "max_file_size": self.some("10000", spoilt=NUMBERS),
            "max_file_count": self.some("2", spoilt=NUMBERS),
            "expires": self.some(str(int(self._now()) + 100), spoilt=TIMES),
        }
        text = "\n".join([unquote(path), *fields.values()])
        fields["signature"] = self.some(hmac.new(KEY.encode(), text.encode(), "sha256").hexdigest(), spoilt=SIGNATURES)
        for name in ("x_delete_at", "x_delete_after"):
            if self.dice.random() < 0.2:
                fields[name] = self.some("100", spoilt=TIMES, often=0.7)
        parts = [f'name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
        name = self.some("up", spoilt=("", "a\0b", "é", "x" * 1100, "../x", '\\"', "\x01"))
        disposition = self.some(
            f'filename="{name}"', "filename*=utf-8''%FF", "filename*=x'y'%00", "filename*=utf-16''%00%D8"
        )
        media = self.some("text/x", "é", "x" * 3000, "a\tb")
        parts.append(f'name="f"; {disposition}\r\nContent-Type: {media}\r\n\r\ncontent')
        body = "".join(f"--b\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + "--b--\r\n"
        data = body.encode("utf-8", "surrogatepass")
        if self.dice.random() < 0.1:
            data = data[: self.dice.randrange(len(data))]
        boundary = self.some("b", spoilt=('"', "b; boundary*0=x", "é", "", "*=utf-8''b"))
        return Sent("POST", path, {}, {"Content-Type": f"multipart/form-data; boundary={boundary}"}, data, who="")

    def visit(self) -> Sent:
        """A stranger, to a public container or a web site."""
        tail = self.some("", "/", "/a/", "/a", "/none", f"/{quote(self.some(*OBJECTS))}")
        heads = {"Referer": self.some(*REFERRERS)} | self.some_of(ODD_HEADERS, "Range", "Origin", "If-None-Match")
        return Sent(
            self.some("GET", "HEAD"), f"/v1/{ACCOUNT}/kept{tail}", self.some_of(ODD_QUERIES, "format"), heads, who=""
        )

    def preflight(self) -> Sent:
        heads = {"Origin": self.some("http://a", "é"), "Access-Control-Request-Method": self.some("GET", "é", "")}
        return Sent("OPTIONS", self.some(self.path(), self.holder(), f"/v1/{ACCOUNT}", "/info", "/"), {}, heads, who="")

    def versioned(self) -> Sent:
        name = self.some("plain", "a", "ü", "x" * 1024)
        method = self.some("PUT", "PUT", "DELETE", "POST", "GET")
        return Sent(method, f"/v1/{ACCOUNT}/kept/{quote(name)}", {}, {}, self.some("1", "22").encode())

    def erase(self) -> Sent:
        query = {"multipart-manifest": "delete"} if self.dice.random() < 0.5 else {}
        return Sent("DELETE", self.some(self.path(), f"/v1/{ACCOUNT}/box/parts", f"/v1/{ACCOUNT}/box/whole"), query)
