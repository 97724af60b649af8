"""Who sends an S3 request, and how its body was signed."""

from collections.abc import Callable

from pileus_kit.access_rules import covered
from pileus_kit.auth import Caller
from pileus_kit.rates import Rates
from pileus_objectstore.api.http import Request, origin_of
from pileus_objectstore.api.s3 import signatures, signatures_v2
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.payloads import UNSIGNED, ChunkSigner, Payload
from pileus_objectstore.api.s3.requests import headers_of
from pileus_objectstore.clients.access_keys import AccessKeys, SignatureWrong, SignedText, UnknownAccessKey
from pileus_objectstore.core import event_queues
from pileus_objectstore.core.tools import Tools


class Senders:
    """Finds the caller behind a signature, and counts what senders do."""

    def __init__(self, tools: Tools, rates: Rates, keys: AccessKeys) -> None:
        self._tools, self._rates, self._keys = tools, rates, keys

    def identify(self, request: Request, bucket: str, key: str) -> tuple[Caller | None, Payload]:
        """The caller (None if nothing is signed) and the body. Raises S3Error."""
        headers, query = headers_of(request), request.environ.get("QUERY_STRING", "")
        if signatures_v2.is_header(headers) or ("authorization" not in headers and signatures_v2.is_presigned(query)):
            by_host = bucket and request.path.removeprefix("/") == key
            resource = f"/{bucket}{request.path}" if by_host else request.path
            return self._by_version_2(request, f"/{bucket}/" if bucket and not key else resource)
        if "authorization" not in headers and not signatures.is_presigned(query):
            return None, self.anonymous(request)
        signature = signatures.read(request.method, request.path, query, headers, self._tools.now())
        caller, signing_key = self.authenticate(request, signature.signed)
        request.access.facts.how = "REST-HEADER" if "authorization" in headers else "REST-QUERY-STRING"
        signed = signature.signed
        signer = ChunkSigner(signing_key, signature.time, signed.scope, signed.signature)
        completes = request.method == "POST" and "uploadId" in request.query
        read, length = reader(request), length_of(request)
        return caller, Payload(headers, signature.payload, read, length, signer, own_checksums=not completes)

    def anonymous(self, request: Request) -> Payload:
        """The body of a request without a signature, which counts for its address."""
        headers = headers_of(request)
        self._rates.count_anonymous(request.environ.get("REMOTE_ADDR", ""))
        declared = headers.get("x-amz-content-sha256", UNSIGNED)
        return Payload(headers, declared, reader(request), length_of(request), None)

    def require_version_2(self) -> None:
        """Raise S3Error unless an option says that Signature Version 2 is offered."""
        if not self._tools.config.s3_signature_v2:
            raise S3Error("InvalidRequest", "Signature Version 2 is not offered; use AWS4-HMAC-SHA256.")

    def authenticate(self, request: Request, signed: SignedText) -> tuple[Caller, bytes]:
        """The caller who signed this text, and the key that signs chunks. Raises S3Error."""
        environ = request.environ
        try:
            caller, signing_key = self._keys.authenticate(signed)
        except (UnknownAccessKey, SignatureWrong) as err:
            self._rates.count_refusal(environ.get("REMOTE_ADDR", ""))
            code = "InvalidAccessKeyId" if isinstance(err, UnknownAccessKey) else "SignatureDoesNotMatch"
            raise S3Error(code, AWSAccessKeyId=signed.access) from None
        environ["pileus.caller"], environ["pileus.owner"] = caller, caller.owner
        event_queues.origin.set(origin_of(environ, caller))
        self._rates.count_caller(caller)
        rules = caller.access_rules
        if rules is not None and not covered(rules, "object-store", request.method, request.path):
            raise S3Error("AccessDenied")
        return caller, signing_key

    def _by_version_2(self, request: Request, resource: str) -> tuple[Caller, Payload]:
        self.require_version_2()
        headers, query = headers_of(request), request.environ.get("QUERY_STRING", "")
        signed = signatures_v2.read(request.method, resource, query, headers, self._tools.now())
        caller, _ = self.authenticate(request, signed)
        facts = request.access.facts
        facts.how = "REST-HEADER" if signatures_v2.is_header(headers) else "REST-QUERY-STRING"
        facts.signature = "AWS"
        declared = headers.get("x-amz-content-sha256", UNSIGNED)
        return caller, Payload(headers, declared, reader(request), length_of(request), None)


def length_of(request: Request) -> int:
    """Content-Length; 0 where a request has no body, -1 for a chunked one."""
    environ = request.environ
    if not environ.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" not in environ:
        return 0
    return request.size


def reader(request: Request) -> Callable[[int], bytes]:
    """What reads the request's body, if it has one."""
    return request.reader() if length_of(request) else lambda _: b""
