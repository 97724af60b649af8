"""The S3 API: recognizes its requests, finds their sender, and routes them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pileus_kit import context
from pileus_kit.access_rules import covered
from pileus_kit.auth import Caller
from pileus_kit.errors import CloudError
from pileus_kit.rates import Rates
from pileus_objectstore.api.http import Request, Response, access_of
from pileus_objectstore.api.s3 import (
    acls,
    bucket_tags,
    buckets,
    lifecycle,
    listings,
    multipart,
    multipart_listings,
    objects,
    policies,
    public_access,
    signatures,
    versions,
)
from pileus_objectstore.api.s3.errors import S3Error, error_of, shown
from pileus_objectstore.api.s3.payloads import UNSIGNED, ChunkSigner, Payload
from pileus_objectstore.api.s3.requests import S3Request, bucket_and_key, headers_of
from pileus_objectstore.clients.access_keys import AccessKeys, SignatureWrong, SignedText, UnknownAccessKey
from pileus_objectstore.core.tools import Tools

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

Handler = Callable[[S3Request], Response]
SWIFT_PATHS = ("/v1/", "/v1.0/", "/info", "/healthcheck", "/crossdomain.xml", "/v1")
SUBRESOURCES = frozenset(
    (
        *("accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering"),
        *("inventory", "legal-hold", "lifecycle", "location", "logging", "metrics", "notification", "object-lock"),
        *("ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment"),
        *("restore", "retention", "select", "tagging", "torrent", "uploadId", "uploads", "versioning", "versions"),
        "website",
    )
)
SERVICE: dict[tuple[str, str], Handler] = {("GET", ""): buckets.index}
BUCKET: dict[tuple[str, str], Handler] = {
    ("GET", ""): listings.index,
    ("HEAD", ""): buckets.head,
    ("PUT", ""): buckets.create,
    ("DELETE", ""): buckets.delete,
    ("GET", "location"): buckets.show_location,
    ("GET", "acl"): acls.show,
    ("PUT", "acl"): acls.update,
    ("GET", "policy"): policies.show,
    ("GET", "policyStatus"): policies.show_status,
    ("PUT", "policy"): policies.update,
    ("DELETE", "policy"): policies.delete,
    ("GET", "publicAccessBlock"): public_access.show,
    ("PUT", "publicAccessBlock"): public_access.update,
    ("DELETE", "publicAccessBlock"): public_access.delete,
    ("GET", "ownershipControls"): public_access.show_ownership,
    ("PUT", "ownershipControls"): public_access.update_ownership,
    ("DELETE", "ownershipControls"): public_access.delete_ownership,
    ("GET", "tagging"): bucket_tags.show,
    ("PUT", "tagging"): bucket_tags.update,
    ("DELETE", "tagging"): bucket_tags.delete,
    ("GET", "uploads"): multipart_listings.list_uploads,
    ("GET", "requestPayment"): buckets.show_request_payment,
    ("GET", "versioning"): versions.show_versioning,
    ("PUT", "versioning"): versions.update_versioning,
    ("GET", "versions"): versions.index,
    ("POST", "delete"): objects.delete_many,
    ("GET", "lifecycle"): lifecycle.show,
    ("PUT", "lifecycle"): lifecycle.update,
    ("DELETE", "lifecycle"): lifecycle.delete,
    **{("GET", name): buckets.unset(name) for name in buckets.NOT_SET},
    **{("GET", name): buckets.empty(name) for name in buckets.EMPTY},
}
OBJECT: dict[tuple[str, str], Handler] = {
    ("GET", ""): objects.show,
    ("HEAD", ""): objects.show,
    ("PUT", ""): objects.create,
    ("DELETE", ""): objects.delete,
    ("GET", "acl"): acls.show_of_object,
    ("PUT", "acl"): acls.update_of_object,
    ("GET", "attributes"): multipart_listings.show_attributes,
    ("GET", "tagging"): objects.show_tags,
    ("PUT", "tagging"): objects.update_tags,
    ("DELETE", "tagging"): objects.delete_tags,
    ("POST", "uploads"): multipart.create,
    ("PUT", "uploadId"): multipart.put_part,
    ("GET", "uploadId"): multipart_listings.list_parts,
    ("POST", "uploadId"): multipart.complete,
    ("DELETE", "uploadId"): multipart.abort,
}


def is_signed_for_s3(environ: "WSGIEnvironment") -> bool:
    """Whether a request has one of S3's signatures."""
    given = environ.get("HTTP_AUTHORIZATION", "")
    return given.startswith(("AWS4-", "AWS ")) or signatures.is_presigned(environ.get("QUERY_STRING", ""))


def is_s3(environ: "WSGIEnvironment") -> bool:
    """Whether a request is S3's: by its signature, or because its path can't be Swift's."""
    if is_signed_for_s3(environ):
        return True
    path = environ.get("PATH_INFO", "")
    return not path.startswith(SWIFT_PATHS) and "HTTP_X_AUTH_TOKEN" not in environ and "HTTP_ORIGIN" not in environ


class S3Application:
    """Answers the requests that `is_s3` recognizes."""

    def __init__(self, tools: Tools, rates: Rates, keys: AccessKeys) -> None:
        self._tools, self._rates, self._keys = tools, rates, keys

    def answer(self, environ: "WSGIEnvironment") -> Response:
        """The answer; errors have S3's form. Only unexpected errors are raised."""
        response = self._answer(environ)
        response.headers.append(("x-amz-request-id", context.request_id.get()))
        return response

    def _answer(self, environ: "WSGIEnvironment") -> Response:
        bucket = key = ""
        try:
            request = Request(environ, access_of(self._tools, environ, s3=True))
            bucket, key = bucket_and_key(request, self._tools.config.s3_domains)
            return self._routed(request, bucket, key)
        except CloudError as err:
            return shown(error_of(err, for_object=bool(key)), f"/{bucket}/{key}" if bucket else "/")

    def _routed(self, request: Request, bucket: str, key: str) -> Response:
        caller, payload = self._identify(request)
        request.access.caller = caller
        s3 = S3Request(self._tools, request, bucket, key, caller, payload)
        handler = self._handler(s3)
        request.environ["pileus.rule"] = f"s3:{handler.__module__.rpartition('.')[2]}:{handler.__name__}"
        if bucket and handler is not buckets.create:
            s3.account = buckets.account_of(s3, bucket)
            if key:
                self._require_bucket(s3)
        try:
            return handler(s3)
        except CloudError as err:
            hidden = key and s3.method in ("GET", "HEAD") and error_of(err, for_object=True).code == "NoSuchKey"
            if hidden and not s3.access.may_list(s3.target):
                raise S3Error("AccessDenied") from None
            raise

    def _require_bucket(self, s3: S3Request) -> None:
        """An object's bucket must exist: else the error is the bucket's. What is remembered for a second will do."""
        cache = self._tools.listing_cache
        if cache.get(s3.container) is None and cache.get(s3.container, fresh=True) is None:
            raise S3Error("NoSuchBucket", BucketName=s3.bucket)

    def _handler(self, s3: S3Request) -> Handler:
        table = OBJECT if s3.key else BUCKET if s3.bucket else SERVICE
        named = sorted(SUBRESOURCES & s3.query.keys())
        what = "uploadId" if "uploadId" in named else named[0] if named else ""
        handler = table.get((s3.method, what))
        if handler is None:
            known = {method for method, name in table if name == what}
            raise S3Error("NotImplemented" if what and s3.method not in known else "MethodNotAllowed")
        if handler is objects.create and "x-amz-copy-source" in s3.headers:
            return objects.copy
        return handler

    def _identify(self, request: Request) -> tuple[Caller | None, Payload]:
        """The caller (None if nothing is signed) and the body. Raises S3Error."""
        headers, query = headers_of(request), request.environ.get("QUERY_STRING", "")
        read, length = self._reader(request), self._length(request)
        if headers.get("authorization", "").startswith("AWS ") or ("AWSAccessKeyId=" in query):
            raise S3Error("InvalidRequest", "Signature Version 2 is not offered; use AWS4-HMAC-SHA256.")
        if "authorization" not in headers and not signatures.is_presigned(query):
            self._rates.count_anonymous(request.environ.get("REMOTE_ADDR", ""))
            return None, Payload(headers, headers.get("x-amz-content-sha256", UNSIGNED), read, length, None)
        signature = signatures.read(request.method, request.path, query, headers, self._tools.now())
        caller, signing_key = self._authenticate(request, signature.signed)
        signed = signature.signed
        signer = ChunkSigner(signing_key, signature.time, signed.scope, signed.signature)
        completes = request.method == "POST" and "uploadId" in request.query
        return caller, Payload(headers, signature.payload, read, length, signer, own_checksums=not completes)

    def _authenticate(self, request: Request, signed: SignedText) -> tuple[Caller, bytes]:
        environ = request.environ
        try:
            caller, signing_key = self._keys.authenticate(signed)
        except (UnknownAccessKey, SignatureWrong) as err:
            self._rates.count_refusal(environ.get("REMOTE_ADDR", ""))
            code = "InvalidAccessKeyId" if isinstance(err, UnknownAccessKey) else "SignatureDoesNotMatch"
            raise S3Error(code, AWSAccessKeyId=signed.access) from None
        environ["pileus.caller"], environ["pileus.owner"] = caller, caller.owner
        self._rates.count_caller(caller)
        rules = caller.access_rules
        if rules is not None and not covered(rules, "object-store", request.method, request.path):
            raise S3Error("AccessDenied")
        return caller, signing_key

    def _length(self, request: Request) -> int:
        """Content-Length; 0 where a request has no body, -1 for a chunked one."""
        environ = request.environ
        if not environ.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" not in environ:
            return 0
        return request.size

    def _reader(self, request: Request) -> Callable[[int], bytes]:
        return request.reader() if self._length(request) else lambda _: b""
