"""Requests to the object store that no schema generates: each is valid but for a few random oddities, so that it passes
the first checks."""

import hmac
import io
import json
import random
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote

from object_store_values import (
    ACCOUNT,
    CONTAINERS,
    KEY,
    MALFORMED_NAMES,
    MALFORMED_RANGES,
    NUMBERS,
    OBJECTS,
    ODD_HEADERS,
    ODD_QUERIES,
    REFERRERS,
    SIGNATURES,
    TIMES,
)


@dataclass
class StoreRequest:
    """One request.

    `path` is percent-encoded. `who` is a name in the book of tokens, or "" for an anonymous caller. `kind` is the
    method of RequestMaker that created it, or "" for the schema's own.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    who: str = "member"
    kind: str = ""


class RequestMaker:
    """Creates requests. The random generator has a seed, so that a failure can be repeated."""

    def __init__(self, rng: random.Random, now: Callable[[], float]) -> None:
        self.rng, self._now = rng, now
        self._made: tuple[Callable[[], StoreRequest], ...] = (
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

    def create(self) -> StoreRequest:
        """A request of a random kind, which has an oddity in two of five cases."""
        make = self.rng.choice(self._made)
        sent = replace(make(), kind=make.__name__)
        return self.with_oddities(sent, 1) if self.rng.random() < 0.4 else sent

    def with_oddities(self, sent: StoreRequest, most: int = 3) -> StoreRequest:
        """Add odd query parameters and headers, and perhaps a malformed name, to a request."""
        for into, table in ((sent.query, ODD_QUERIES), (sent.headers, ODD_HEADERS)):
            for name in self.rng.sample(sorted(table), self.rng.randint(0, most)):
                into[name] = self.rng.choice(table[name])
        if self.rng.random() < 0.15:
            sent.path = f"{sent.path.rpartition('/')[0]}/{self.rng.choice(MALFORMED_NAMES)}"
        return sent

    def choose(self, *choices: str, malformed: tuple[str, ...] = (), often: float = 0.2) -> str:
        """One of the choices; with the chance `often` a malformed one."""
        return self.rng.choice(malformed if malformed and self.rng.random() < often else choices)

    def pair(self) -> str:
        """container/object, percent-encoded as in headers and lists."""
        return quote(
            f"{self.choose('box', *CONTAINERS) if self.rng.random() < 0.4 else 'box'}/{self.choose(*OBJECTS, 'none')}"
        )

    def path(self) -> str:
        return f"/v1/{ACCOUNT}/{self.pair()}"

    def holder(self) -> str:
        return f"/v1/{ACCOUNT}/{quote(self.choose(*CONTAINERS))}"

    def choose_values(self, table: dict[str, tuple[str, ...]], *names: str) -> dict[str, str]:
        """Random values for some of the names."""
        return {name: self.rng.choice(table[name]) for name in names if self.rng.random() < 0.4}

    def read(self) -> StoreRequest:
        headers = self.choose_values(
            ODD_HEADERS, "Range", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "X-Newest"
        )
        query = self.choose_values(ODD_QUERIES, "symlink", "format") if self.rng.random() < 0.3 else {}
        if self.rng.random() < 0.2:
            query["multipart-manifest"] = "get"
        return StoreRequest(self.choose("GET", "GET", "HEAD"), self.path(), query, headers)

    def listing(self) -> StoreRequest:
        names = ("limit", "marker", "end_marker", "prefix", "delimiter", "path", "format", "reverse")
        path = self.choose(self.holder(), f"/v1/{ACCOUNT}/box", f"/v1/{ACCOUNT}")
        query = self.choose_values(ODD_QUERIES, *names)
        if self.rng.random() < 0.7:
            query["limit"] = self.choose("0", "1", "2", "3", "10000")
        if self.rng.random() < 0.6:  # then its rows can be checked
            query["format"] = "json"
        return StoreRequest("GET", path, query, self.choose_values(ODD_HEADERS, "Accept"))

    def container(self) -> StoreRequest:
        names = [name for name in ODD_HEADERS if "Container-" in name or "Location" in name]
        headers = self.choose_values(ODD_HEADERS, *self.rng.sample(names, 4))
        return StoreRequest(self.choose("PUT", "POST", "HEAD"), self.holder(), {}, headers)

    def account(self) -> StoreRequest:
        headers = self.choose_values(
            ODD_HEADERS, "X-Account-Meta-Quota-Bytes", "X-Account-Quota-Count", "X-Account-Meta-Temp-Url-Key"
        )
        return StoreRequest(
            self.choose("POST", "PUT", "HEAD"), f"/v1/{ACCOUNT}", {}, headers, who=self.choose("member", "operator")
        )

    def copy(self) -> StoreRequest:
        headers = self.choose_values(
            ODD_HEADERS, "X-Fresh-Metadata", "Range", "If-None-Match", "X-Delete-At", "Content-Type"
        )
        query = {"multipart-manifest": "get"} if self.rng.random() < 0.3 else {}
        query |= self.choose_values(ODD_QUERIES, "format", "symlink") if self.rng.random() < 0.5 else {}
        if self.rng.random() < 0.5:
            return StoreRequest("COPY", self.path(), query, headers | {"Destination": self.pair()})
        return StoreRequest("PUT", self.path(), query, headers | {"X-Copy-From": self.pair()})

    def manifest(self) -> StoreRequest:
        """The manifest of a static large object, whose segments may be manifests, too, or itself."""
        lines: list[dict[str, object]] = []
        for _ in range(self.rng.randint(1, 3)):
            real = self.choose("box/plain", "box/a/b", "box/big", "box/parts", "box/many", "box/whole")
            name = unquote(self.choose(real, malformed=(self.pair(), *MALFORMED_NAMES), often=0.1))
            lines.append({"path": f"/{name}"})
            if self.rng.random() < 0.3:
                lines[-1]["range"] = self.choose("0-0", "0-1", "-1", "1-", malformed=MALFORMED_RANGES)
            if self.rng.random() < 0.05:
                lines[-1]["size_bytes"] = self.rng.choice((-1, 5, 10**30, 1 << 63))
        path = f"/v1/{ACCOUNT}/box/{self.choose('parts', 'many')}"
        return StoreRequest("PUT", path, {"multipart-manifest": "put"}, {}, json.dumps(lines).encode())

    def dynamic(self) -> StoreRequest:
        headers = {
            "X-Object-Manifest": self.choose("box/a", "box/p", "box/", malformed=ODD_HEADERS["X-Object-Manifest"])
        }
        return StoreRequest(self.choose("PUT", "POST"), f"/v1/{ACCOUNT}/box/whole", {}, headers)

    def link(self) -> StoreRequest:
        headers = {"X-Symlink-Target": self.pair()} | self.choose_values(ODD_HEADERS, "X-Symlink-Target-Etag")
        if self.rng.random() < 0.5:
            headers |= self.choose_values(ODD_HEADERS, "X-Symlink-Target", "X-Symlink-Target-Account")
        return StoreRequest("PUT", f"/v1/{ACCOUNT}/box/{self.choose('link', 'plain', 'whole')}", {}, headers)

    def bulk_delete(self) -> StoreRequest:
        lines = [
            self.choose(
                self.pair(),
                *CONTAINERS,
                malformed=(*MALFORMED_NAMES, "box/%00", "box/", "/", "box/%FF", "", "box/x%0Ay"),
            )
            for _ in range(self.rng.randint(0, 4))
        ]
        headers = {"Accept": self.choose("application/json", "text/plain", "")}
        return StoreRequest(
            self.choose("POST", "DELETE"), f"/v1/{ACCOUNT}", {"bulk-delete": ""}, headers, "\n".join(lines).encode()
        )

    def archive(self) -> StoreRequest:
        kind = self.choose("tar", "tar.gz", "tar.bz2")
        data = bytearray(self._archive(kind))
        if self.rng.random() < 0.4:  # most likely it damages a header
            data[self.rng.randrange(min(len(data), 1536))] = self.rng.choice((0, 0x39, 0x78, 0x80, 0xFF))
        if self.rng.random() < 0.1:
            del data[self.rng.randrange(len(data)) :]
        path = self.choose(f"/v1/{ACCOUNT}", f"/v1/{ACCOUNT}/box", f"/v1/{ACCOUNT}/box/a", f"/v1/{ACCOUNT}/new")
        return StoreRequest(
            "PUT", path, {"extract-archive": kind}, {"Accept": self.choose("application/json", "")}, bytes(data)
        )

    def _archive(self, kind: str) -> bytes:
        out = io.BytesIO()
        mode = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2"}[kind]
        with tarfile.open(fileobj=out, mode=mode, format=self.rng.choice((1, 2))) as tar:  # type: ignore[call-overload]
            for _ in range(self.rng.randint(1, 3)):
                name = self.choose(
                    "box/t", "t/u", "x", malformed=("\udcff", "a/\udcff", "/", "../../x", "x/" + "y" * 1100, "/a\nb")
                )
                member = tarfile.TarInfo(name)
                member.type = self.rng.choice(
                    (tarfile.REGTYPE,) * 5 + (tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE)
                )
                if self.rng.random() < 0.2:
                    member.pax_headers = {
                        self.choose(
                            "GNU.sparse.major", "GNU.sparse.map", "size", "GNU.sparse.size", "path"
                        ): self.choose("1", "x", "0,1", "9" * 30, "-1", "a\0b")
                    }
                member.size = 5 if member.isreg() else 0
                tar.addfile(member, io.BytesIO(b"12345"))
        return out.getvalue()

    def temporary_url(self) -> StoreRequest:
        method, path = self.choose("GET", "HEAD", "PUT", "DELETE", "POST"), self.path()
        expires = self.choose(str(int(self._now()) + 100), "9" * 12, "9" * 18, malformed=TIMES)
        query = self.choose_values(ODD_QUERIES, "filename", "inline", "multipart-manifest")
        about = unquote(path)
        if self.rng.random() < 0.2:
            query["temp_url_prefix"] = self.choose("", about.split("/")[4][:1], malformed=("b",))
            about = f"prefix:{'/'.join(about.split('/')[:4])}/{query['temp_url_prefix']}"
        if self.rng.random() < 0.2:
            query["temp_url_ip_range"] = self.choose("127.0.0.1", "127.0.0.0/8", malformed=("x", "1.2.3.4"))
        digest = self.choose("sha256", "sha512", malformed=("sha1",))
        network = f"ip={query['temp_url_ip_range']}\n" if "temp_url_ip_range" in query else ""
        text = f"{network}{method}\n{expires}\n{about}"
        signature = hmac.new(KEY.encode(), text.encode(), digest).hexdigest()
        query |= {"temp_url_sig": self.choose(signature, malformed=SIGNATURES), "temp_url_expires": expires}
        return StoreRequest(
            method, path, query, self.choose_values(ODD_HEADERS, "Range", "Content-Disposition"), b"data", who=""
        )

    def form(self) -> StoreRequest:
        path = self.choose(self.path(), f"/v1/{ACCOUNT}/box/", f"/v1/{ACCOUNT}/box")
        fields = {
            "redirect": self.choose("", "http://a/", malformed=("x\r\ny", "é", "http://[", "\0")),
            "max_file_size": self.choose("10000", malformed=NUMBERS),
            "max_file_count": self.choose("2", malformed=NUMBERS),
            "expires": self.choose(str(int(self._now()) + 100), malformed=TIMES),
        }
        text = "\n".join([unquote(path), *fields.values()])
        fields["signature"] = self.choose(
            hmac.new(KEY.encode(), text.encode(), "sha256").hexdigest(), malformed=SIGNATURES
        )
        for name in ("x_delete_at", "x_delete_after"):
            if self.rng.random() < 0.2:
                fields[name] = self.choose("100", malformed=TIMES, often=0.7)
        parts = [f'name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
        name = self.choose("up", malformed=("", "a\0b", "é", "x" * 1100, "../x", '\\"', "\x01"))
        disposition = self.choose(
            f'filename="{name}"', "filename*=utf-8''%FF", "filename*=x'y'%00", "filename*=utf-16''%00%D8"
        )
        media = self.choose("text/x", "é", "x" * 3000, "a\tb")
        parts.append(f'name="f"; {disposition}\r\nContent-Type: {media}\r\n\r\ncontent')
        body = "".join(f"--b\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + "--b--\r\n"
        data = body.encode("utf-8", "surrogatepass")
        if self.rng.random() < 0.1:
            data = data[: self.rng.randrange(len(data))]
        boundary = self.choose("b", malformed=('"', "b; boundary*0=x", "é", "", "*=utf-8''b"))
        return StoreRequest(
            "POST", path, {}, {"Content-Type": f"multipart/form-data; boundary={boundary}"}, data, who=""
        )

    def visit(self) -> StoreRequest:
        """An anonymous request to a public container or a web site."""
        tail = self.choose("", "/", "/a/", "/a", "/none", f"/{quote(self.choose(*OBJECTS))}")
        headers = {"Referer": self.choose(*REFERRERS)} | self.choose_values(
            ODD_HEADERS, "Range", "Origin", "If-None-Match"
        )
        return StoreRequest(
            self.choose("GET", "HEAD"),
            f"/v1/{ACCOUNT}/kept{tail}",
            self.choose_values(ODD_QUERIES, "format"),
            headers,
            who="",
        )

    def preflight(self) -> StoreRequest:
        headers = {"Origin": self.choose("http://a", "é"), "Access-Control-Request-Method": self.choose("GET", "é", "")}
        return StoreRequest(
            "OPTIONS", self.choose(self.path(), self.holder(), f"/v1/{ACCOUNT}", "/info", "/"), {}, headers, who=""
        )

    def versioned(self) -> StoreRequest:
        name = self.choose("plain", "a", "ü", "x" * 1024)
        method = self.choose("PUT", "PUT", "DELETE", "POST", "GET")
        return StoreRequest(method, f"/v1/{ACCOUNT}/kept/{quote(name)}", {}, {}, self.choose("1", "22").encode())

    def erase(self) -> StoreRequest:
        query = {"multipart-manifest": "delete"} if self.rng.random() < 0.5 else {}
        return StoreRequest(
            "DELETE", self.choose(self.path(), f"/v1/{ACCOUNT}/box/parts", f"/v1/{ACCOUNT}/box/whole"), query
        )
