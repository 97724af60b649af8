"""The S3 API: recognizes its requests, finds their sender, and routes them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pileus_kit import context
from pileus_kit.errors import CloudError
from pileus_kit.rates import Rates
from pileus_objectstore.api import info
from pileus_objectstore.api.access_log_lines import LOGGED, Concerned
from pileus_objectstore.api.http import Request, Response, access_of
from pileus_objectstore.api.s3 import (
    acls,
    bucket_tags,
    buckets,
    cors,
    deletions,
    encryption,
    lifecycle,
    listings,
    logging,
    multipart,
    multipart_listings,
    notifications,
    object_acls,
    object_lock,
    objects,
    policies,
    post_forms,
    public_access,
    signatures,
    signatures_v2,
    versions,
    websites,
)
from pileus_objectstore.api.s3.errors import S3Error, error_of, shown
from pileus_objectstore.api.s3.payloads import UNSIGNED, Payload
from pileus_objectstore.api.s3.requests import EXPECTED_OWNER, S3Request, bucket_and_key, bucket_of_host
from pileus_objectstore.api.s3.senders import Senders
from pileus_objectstore.clients.access_keys import AccessKeys
from pileus_objectstore.config import Config
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

Handler = Callable[[S3Request], Response]
SWIFT_PREFIXES = ("/v1/", "/v1.0/")
SWIFT_PATHS = ("/v1", "/v1.0", *info.PUBLIC)
SUBRESOURCES = frozenset(
    (
        *("accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering"),
        *("inventory", "legal-hold", "lifecycle", "location", "logging", "metrics", "notification", "object-lock"),
        *("ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment"),
        *("restore", "retention", "select", "tagging", "torrent", "uploadId", "uploads", "versioning", "versions"),
        "website",
    )
)
NO_BUCKET = ("NoSuchBucket", "InvalidBucketName")  # refusals that concern no bucket, so none is looked for
SERVICE: dict[tuple[str, str], Handler] = {("GET", ""): buckets.index}
BUCKET: dict[tuple[str, str], Handler] = {
    ("GET", ""): listings.index,
    ("HEAD", ""): buckets.head,
    ("PUT", ""): buckets.create,
    ("DELETE", ""): buckets.delete,
    ("GET", "location"): buckets.show_location,
    ("GET", "acl"): acls.show,
    ("PUT", "acl"): acls.update,
    ("GET", "cors"): cors.show,
    ("PUT", "cors"): cors.update,
    ("DELETE", "cors"): cors.delete,
    ("GET", "website"): websites.show,
    ("PUT", "website"): websites.update,
    ("DELETE", "website"): websites.delete,
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
    ("PUT", "requestPayment"): buckets.update_request_payment,
    ("DELETE", "replication"): buckets.delete_replication,
    ("GET", "object-lock"): object_lock.show,
    ("PUT", "object-lock"): object_lock.update,
    ("GET", "versioning"): versions.show_versioning,
    ("PUT", "versioning"): versions.update_versioning,
    ("GET", "versions"): versions.index,
    ("POST", "delete"): deletions.delete_many,
    ("GET", "lifecycle"): lifecycle.show,
    ("PUT", "lifecycle"): lifecycle.update,
    ("DELETE", "lifecycle"): lifecycle.delete,
    ("GET", "notification"): notifications.show,
    ("PUT", "notification"): notifications.update,
    ("GET", "logging"): logging.show,
    ("PUT", "logging"): logging.update,
    ("GET", "encryption"): encryption.show,
    ("PUT", "encryption"): encryption.update,
    ("DELETE", "encryption"): encryption.delete,
    **{("GET", name): buckets.unset(name) for name in buckets.NOT_SET},
    **{("GET", name): buckets.empty(name) for name in buckets.EMPTY},
    **{("GET", name): buckets.listed(name) for name in buckets.LISTS},
}
OBJECT: dict[tuple[str, str], Handler] = {
    ("GET", ""): objects.show,
    ("HEAD", ""): objects.show,
    ("PUT", ""): objects.create,
    ("DELETE", ""): deletions.delete,
    ("GET", "acl"): object_acls.show,
    ("PUT", "acl"): object_acls.update,
    ("GET", "attributes"): multipart_listings.show_attributes,
    ("GET", "tagging"): objects.show_tags,
    ("PUT", "tagging"): objects.update_tags,
    ("DELETE", "tagging"): objects.delete_tags,
    ("GET", "retention"): object_lock.show_retention,
    ("PUT", "retention"): object_lock.update_retention,
    ("GET", "legal-hold"): object_lock.show_hold,
    ("PUT", "legal-hold"): object_lock.update_hold,
    ("POST", "uploads"): multipart.create,
    ("PUT", "uploadId"): multipart.put_part,
    ("GET", "uploadId"): multipart_listings.list_parts,
    ("POST", "uploadId"): multipart.complete,
    ("DELETE", "uploadId"): multipart.abort,
}


def is_signed_for_s3(environ: "WSGIEnvironment") -> bool:
    """Whether a request has one of S3's signatures."""
    given, query = environ.get("HTTP_AUTHORIZATION", ""), environ.get("QUERY_STRING", "")
    return given.startswith(("AWS4-", "AWS ")) or signatures.is_presigned(query) or signatures_v2.is_presigned(query)


def is_s3(environ: "WSGIEnvironment", config: Config) -> bool:
    """Whether a request is S3's: by its signature, its host's name, or because its path can't be Swift's."""
    if is_signed_for_s3(environ):
        return True
    if bucket_of_host(environ, (*config.s3_domains, *config.s3_website_domains)):
        return True
    path = environ.get("PATH_INFO", "")
    return not path.startswith(SWIFT_PREFIXES) and path not in SWIFT_PATHS and "HTTP_X_AUTH_TOKEN" not in environ


class S3Application:
    """Answers the requests that `is_s3` recognizes."""

    def __init__(self, tools: Tools, rates: Rates, keys: AccessKeys) -> None:
        self._tools, self._senders = tools, Senders(tools, rates, keys)

    def answer(self, environ: "WSGIEnvironment") -> Response:
        """The answer; errors have S3's form. Only unexpected errors are raised."""
        response = self._answer(environ)
        transaction = context.request_id.get()
        response.headers += (("x-amz-request-id", transaction), ("x-amz-id-2", transaction))
        return response

    def _answer(self, environ: "WSGIEnvironment") -> Response:
        bucket, key, request, rules = "", "", None, None
        try:
            request = Request(environ, access_of(self._tools, environ, s3=True))
            site = bucket_of_host(environ, self._tools.config.s3_website_domains)
            if site:
                return self._visited(request, site)
            bucket, key = bucket_and_key(request, self._tools.config.s3_domains)
            if "HTTP_ORIGIN" in environ or request.method == "OPTIONS":
                rules = self._cors_rules(bucket)
            if request.method == "OPTIONS":
                self._senders.anonymous(request)
                return cors.preflight(request, rules)
            answer = self._routed(request, bucket, key)
        except CloudError as err:
            refused = error_of(err, for_object=bool(key))
            if refused.code == "NoSuchBucket" and not buckets.is_valid(bucket):
                refused = S3Error("InvalidBucketName", BucketName=bucket)
            if refused.code == "SlowDown" and self._tools.config.ratelimit_as_client_error:
                refused.status = 429
            self._note_refusal(environ, bucket, key, refused.code)
            answer = shown(refused)
        if request is not None and request.method != "OPTIONS":
            cors.adapt(request, rules, answer)
        return answer

    def _note_refusal(self, environ: "WSGIEnvironment", bucket: str, key: str, code: str) -> None:
        """Tell the access log what was refused, also to a sender who could not be identified."""
        concerned = environ.get(LOGGED)
        if concerned is None and bucket and code not in NO_BUCKET:
            try:
                account = buckets.registry.find(self._tools, bucket)
            except CloudError:  # whose bucket it is can't be asked while its storage hosts are away
                account = ""
            concerned = Concerned(Target(account, bucket, key), "REST") if account else None
        environ[LOGGED] = concerned._replace(error=code) if concerned is not None else None

    def _cors_rules(self, bucket: str) -> cors.Rules | None:
        account = buckets.registry.find(self._tools, bucket) if bucket else ""
        return cors.CORS.load(self._tools, Target(account, bucket)) if account else None

    def _visited(self, request: Request, bucket: str) -> Response:
        """What a visitor of a website gets, who has no key."""
        request.environ["pileus.rule"] = "s3:websites:visit"
        payload, key = self._senders.anonymous(request), request.path.removeprefix("/")
        s3 = S3Request(self._tools, request, bucket, key, None, payload)
        s3.account = buckets.registry.find(self._tools, bucket)
        request.environ[LOGGED] = Concerned(Target(s3.account, bucket, key), "WEBSITE")
        return websites.visit(s3)

    def _routed(self, request: Request, bucket: str, key: str) -> Response:
        if bucket and not key and post_forms.is_form(request):
            return self._posted(request, bucket)
        caller, payload = self._senders.identify(request, bucket, key)
        request.access.caller = caller
        s3 = S3Request(self._tools, request, bucket, key, caller, payload)
        handler = self._handler(s3)
        request.environ["pileus.rule"] = f"s3:{handler.__module__.rpartition('.')[2]}:{handler.__name__}"
        if bucket and handler is not buckets.create:
            s3.account = buckets.account_of(s3, bucket)
            request.environ[LOGGED] = Concerned(Target(s3.account, bucket, key), "REST")
            s3.check_owner(EXPECTED_OWNER, s3.account)
            self._require_bucket(s3)
        try:
            return handler(s3)
        except CloudError as err:
            hidden = key and s3.method in ("GET", "HEAD") and error_of(err, for_object=True).code == "NoSuchKey"
            if hidden and not s3.access.may_list(s3.target):
                raise S3Error("AccessDenied") from None
            raise

    def _posted(self, request: Request, bucket: str) -> Response:
        """The answer to a form, whose fields have the key and the signature."""
        request.environ["pileus.rule"] = "s3:post_forms:create"
        s3 = S3Request(self._tools, request, bucket, "", None, Payload({}, UNSIGNED, lambda _: b"", 0, None))
        s3.account = buckets.account_of(s3, bucket)
        request.environ[LOGGED] = Concerned(s3.container, "REST")
        s3.check_owner(EXPECTED_OWNER, s3.account)
        self._require_bucket(s3)
        try:
            return post_forms.create(s3, self._senders)
        finally:
            request.environ[LOGGED] = Concerned(Target(s3.account, bucket, s3.key), "REST")

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
