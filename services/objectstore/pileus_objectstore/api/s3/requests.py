"""One S3 request: which bucket and key it names, who sends it, and its body."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl, quote
from wsgiref.types import WSGIEnvironment

from pileus_kit.auth import Caller
from pileus_kit.errors import BadRequest
from pileus_objectstore.api.http import Request
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.payloads import Payload
from pileus_objectstore.core.access import Access
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import NULL, version_target

MAX_XML_BYTES = 2 << 20
MAX_KEY_BYTES = 1024
EXPECTED_OWNER = "x-amz-expected-bucket-owner"


@dataclass
class S3Request:
    """A request whose sender is known. `bucket` and `key` are '' where the request names none."""

    tools: Tools
    http: Request
    bucket: str
    key: str
    caller: Caller | None
    payload: Payload
    account: str = ""
    """The account whose container the bucket is; set once the bucket was found."""

    @property
    def method(self) -> str:
        return self.http.method

    @property
    def access(self) -> Access:
        return self.http.access

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(self.http.environ.get("QUERY_STRING", ""), keep_blank_values=True))

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers, by names in lower case."""
        return headers_of(self.http)

    @property
    def own_project(self) -> str:
        """The caller's project. Raises S3Error for an anonymous caller."""
        if self.caller is None or self.caller.project_id is None:
            raise S3Error("AccessDenied")
        return self.caller.project_id

    @property
    def own_account(self) -> str:
        """The account of the caller's project. Raises S3Error for an anonymous caller."""
        return f"{self.tools.config.account_prefix}{self.own_project}"

    @property
    def project(self) -> str:
        """The project that owns the bucket."""
        return self.account.removeprefix(self.tools.config.account_prefix)

    def check_owner(self, header: str, account: str) -> None:
        """Raise S3Error if the header says that another project owns what this account has."""
        owner = account.removeprefix(self.tools.config.account_prefix)
        if self.headers.get(header, owner) != owner:
            raise S3Error("AccessDenied", f"{header} does not match the owner of the bucket.")

    @property
    def container(self) -> Target:
        """The bucket's container."""
        return Target(self.account, self.bucket)

    @property
    def target(self) -> Target:
        """The object. Raises S3Error if its key is too long, or holds a NUL."""
        return self.of_key(self.key)

    @property
    def location(self) -> str:
        """The object's URL, at the host that the client has asked."""
        environ = self.http.environ
        by_host = bucket_of_host(environ, self.tools.config.s3_domains) == self.bucket
        path = self.key if by_host else f"{self.bucket}/{self.key}"
        return f"{environ.get('wsgi.url_scheme', 'http')}://{environ.get('HTTP_HOST', '')}/{quote(path)}"

    def of_key(self, key: str) -> Target:
        """An object of the bucket. Raises S3Error if its key is too long, or holds a NUL."""
        if len(key.encode(errors="replace")) > MAX_KEY_BYTES:
            raise S3Error("KeyTooLongError")
        if "\0" in key:
            raise S3Error("InvalidArgument", "A key can't hold the character NUL.")
        return Target(self.account, self.bucket, key)

    @property
    def version(self) -> str:
        """The id of the version that the request names, '' if it names none. Raises S3Error."""
        version = self.query.get("versionId", "")
        if "versionId" in self.query and not version:
            raise S3Error("InvalidArgument", "Version id cannot be the empty string")
        if version not in ("", NULL):
            try:
                version_target(self.target, version)
            except BadRequest:
                raise S3Error("InvalidArgument", "Invalid version id specified") from None
        return version

    def body(self) -> bytes:
        """The whole body of a request that carries a document."""
        return self.payload.read_all(MAX_XML_BYTES)


def headers_of(request: Request) -> dict[str, str]:
    """A request's headers, by names in lower case."""
    found = {name.lower(): value for name, value in request.headers.items()}
    found |= request.environ.get("pileus.underscored", {})
    if request.environ.get("CONTENT_LENGTH"):
        found["content-length"] = request.environ["CONTENT_LENGTH"]
    return found


def bucket_and_key(request: Request, domains: tuple[str, ...]) -> tuple[str, str]:
    """Read `/bucket/key`, or `/key` where the host is `bucket.DOMAIN` for one of our domains."""
    path = request.path.removeprefix("/")
    bucket = bucket_of_host(request.environ, domains)
    if bucket:
        return bucket, path
    bucket, _, key = path.partition("/")
    return bucket, key


def bucket_of_host(environ: WSGIEnvironment, domains: tuple[str, ...]) -> str:
    """The bucket that the host's name begins with, if the rest is one of these domains; else ''."""
    host = environ.get("HTTP_HOST", "").partition(":")[0].lower()
    for domain in domains:
        if host.endswith(f".{domain.lower()}"):
            return host.removesuffix(f".{domain.lower()}")
    return ""
