"""What conditions of bucket policies can ask about a request."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from pileus_kit.auth import Caller

Lookup = Callable[[str], str | None]
LISTING = {"s3:prefix": "prefix", "s3:delimiter": "delimiter"}
S3_PARAMETERS = {**LISTING, "s3:max-keys": "max-keys"}
SWIFT_PARAMETERS = {**LISTING, "s3:max-keys": "limit"}
HEADERS = {
    "aws:referer": "referer",
    "aws:useragent": "user-agent",
    "s3:if-match": "if-match",
    "s3:if-none-match": "if-none-match",
    "s3:object-lock-legal-hold": "x-amz-object-lock-legal-hold",
    "s3:object-lock-mode": "x-amz-object-lock-mode",
    "s3:object-lock-retain-until-date": "x-amz-object-lock-retain-until-date",
}


def path_prefix(path: str) -> str:
    """The prefix of the names that Swift's parameter `path` lists: those in that directory."""
    return path.rstrip("/") + "/" if path else ""


class RequestFacts:
    """Looks values up when a policy asks for them. `header` and `parameter` return None for what isn't there.

    Only what has an effect counts: through Swift's API (`s3` is False) a header of S3's has none. `form` has fields of
    a form that stand for headers, `tags` those that the request sets in its body, `existing_tags` finds those of the
    object that it is about, `how` and `signature` are how it was signed (REST-HEADER, REST-QUERY-STRING or POST; AWS or
    AWS4-HMAC-SHA256). `listed` is the prefix of a listing that wasn't asked for by a parameter, `version` the version
    of the object it is about, by its id, '' for the current one.
    """

    __slots__ = (
        *("_header", "_parameter", "caller", "existing_tags", "form", "how", "listed", "s3"),
        *("secure", "signature", "source", "tags", "version"),
    )

    def __init__(self, header: Lookup, parameter: Lookup, source: str = "", *, secure: bool = False, s3: bool) -> None:
        self.source, self.secure, self._header, self._parameter, self.s3 = source, secure, header, parameter, s3
        self.caller: Caller | None = None
        self.form: dict[str, str] = {}
        self.tags: list[tuple[str, str]] | None = None
        self.existing_tags: Callable[[], str] = lambda: ""
        self.how, self.signature = "", "AWS4-HMAC-SHA256"
        self.listed: str | None = None
        self.version = ""

    def header(self, name: str) -> str | None:
        """A header, or the field of a form that stands for it."""
        if name.startswith("x-amz-") and not self.s3:
            return None
        return self.form.get(name, self._header(name))

    def parameter(self, key: str) -> str | None:
        """The parameter of the URL that a condition key stands for. Swift's `path` replaces prefix and delimiter."""
        path = self._parameter("path") if key in LISTING and not self.s3 else None
        if path is not None:
            return "/" if key == "s3:delimiter" else path_prefix(path)
        return self._parameter((S3_PARAMETERS if self.s3 else SWIFT_PARAMETERS)[key])

    def values(self, key: str) -> Sequence[str]:
        """The values of a condition key, which is in lower case; none if the request has no such value."""
        if key.startswith("s3:existingobjecttag/"):
            return _named(parse_qsl(self.existing_tags(), keep_blank_values=True), key)
        if key.startswith("s3:requestobjecttag/"):
            return _named(self._request_tags(), key)
        if key == "s3:requestobjecttagkeys":
            return [name for name, _ in self._request_tags()]
        if key == "s3:prefix" and self.listed is not None:
            return [self.listed]
        if key in S3_PARAMETERS:
            return _present(self.parameter(key))
        if key == "s3:versionid":
            return _present(self.version or None)
        if key in HEADERS:
            return _present(self.header(HEADERS[key]))
        if key.startswith("s3:x-amz-"):
            return _present(self.header(key.removeprefix("s3:")))
        return self._plain(key)

    def _plain(self, key: str) -> Sequence[str]:
        now, caller = datetime.now(UTC), self.caller
        project, user = (caller.project_id or "", caller.user_id or "") if caller is not None else ("", "")
        found = {
            "aws:sourceip": self.source,
            "aws:securetransport": "true" if self.secure else "false",
            "aws:currenttime": now.isoformat(),
            "aws:epochtime": str(int(now.timestamp())),
            "aws:principalaccount": project,
            "aws:principalarn": f"arn:aws:iam::{project}:user/{user}" if user else "",
            "aws:principaltype": "User" if user else "Anonymous",
            "aws:userid": user,
            "aws:username": (caller.user_name or "") if caller is not None else "",
            "s3:authtype": self.how,
            "s3:signatureversion": self.signature if self.how else "",
        }
        return _present(found.get(key) or None)

    def _request_tags(self) -> list[tuple[str, str]]:
        if self.tags is not None:
            return self.tags
        return parse_qsl(self.header("x-amz-tagging") or "", keep_blank_values=True)


def _present(value: str | None) -> list[str]:
    return [] if value is None else [value]


def no_facts() -> RequestFacts:
    """The facts of what no client asked for."""
    return RequestFacts(lambda _: None, lambda _: None, s3=False)


def _named(tags: list[tuple[str, str]], key: str) -> list[str]:
    wanted = key.partition("/")[2]
    return [value for name, value in tags if name == wanted]
