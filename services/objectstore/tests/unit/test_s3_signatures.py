"""Signatures that botocore makes, read at other times and with other headers."""

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pileus_objectstore.api.s3 import signatures
from pileus_objectstore.api.s3.errors import S3Error

KEY = Credentials("access", "secret")
URL = "http://store.test/bucket/a%20key%2Bmore/%C3%A4?list-type=2&prefix=a%2Fb"
PATH = "/bucket/a key+more/ä"


def signed(**headers: str) -> dict[str, str]:
    """The headers of a signed GET."""
    request = AWSRequest("GET", URL, {"Host": "store.test", **headers})
    S3SigV4Auth(KEY, "s3", "here").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def now() -> float:
    return datetime.now(UTC).timestamp()


def expected(text: str, scope: str) -> str:
    key = b"AWS4secret"
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def refusal(headers: dict[str, str], query: str = "", at: float | None = None) -> str:
    with pytest.raises(S3Error) as refused:
        signatures.read("GET", PATH, query, headers, now() if at is None else at)
    return refused.value.code


def test_a_signature_in_headers() -> None:
    found = signatures.read("GET", PATH, urlsplit(URL).query, signed(**{"x-amz-meta-a": " b  c "}), now())
    assert expected(found.signed.text, found.signed.scope) == found.signed.signature
    assert found.signed.access == "access" and found.signed.scope.endswith("/here/s3/aws4_request")


def test_a_presigned_url() -> None:
    request = AWSRequest("GET", URL, {"Host": "store.test"})
    S3SigV4QueryAuth(KEY, "s3", "here", expires=60).add_auth(request)
    query = urlsplit(str(request.url)).query
    found = signatures.read("GET", PATH, query, {"host": "store.test"}, now())
    assert expected(found.signed.text, found.signed.scope) == found.signed.signature
    assert refusal({"host": "store.test"}, query, now() + 61) == "AccessDenied"
    assert refusal({"host": "store.test"}, query, now() - 3600) == "AccessDenied"
    for wrong in ("0", "604801", "-1", "many"):
        changed = query.replace("X-Amz-Expires=60", f"X-Amz-Expires={wrong}")
        assert refusal({"host": "store.test"}, changed) == "AuthorizationQueryParametersError"


def test_old_and_future_requests_are_refused() -> None:
    assert refusal(signed(), at=now() + 1000) == "RequestTimeTooSkewed"
    assert refusal(signed(), at=now() - 1000) == "RequestTimeTooSkewed"


def test_what_was_not_signed_is_refused() -> None:
    assert refusal(signed() | {"x-amz-meta-smuggled": "yes"}) == "AccessDenied"
    headers = signed()
    headers["authorization"] = headers["authorization"].replace("SignedHeaders=host;", "SignedHeaders=")
    assert refusal(headers) == "AccessDenied"


@pytest.mark.parametrize(
    ("before", "after"),
    [("Credential=access/", "Credential="), ("/s3/aws4", "/ec2/aws4"), ("Signature=", "S="), ("aws4_request", "x")],
)
def test_malformed_headers_are_refused(before: str, after: str) -> None:
    headers = signed()
    headers["authorization"] = headers["authorization"].replace(before, after)
    assert refusal(headers) == "AuthorizationHeaderMalformed"
