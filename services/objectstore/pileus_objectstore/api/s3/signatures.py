"""AWS Signature Version 4: in the Authorization header, or in the query of a presigned URL.

Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl, quote

from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.clients.access_keys import SignedText

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
TOO_LATE = (
    "X-Amz-Expires must be less than a week (in seconds); "
    "that is, the given X-Amz-Expires must be less than 604800 seconds"
)
MAX_NUMBER_DIGITS = 20
MAX_SKEW = timedelta(minutes=15)
MAX_EXPIRES_S = 7 * 86400
HEADER = re.compile(r"AWS4-HMAC-SHA256\s+(.*)", re.DOTALL)
TIME = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
SAFE = "-_.~"


@dataclass(frozen=True, slots=True)
class Signature:
    """A request's signature. `payload` is the declared SHA-256 of the body, or one of the words that stand for it."""

    signed: SignedText
    time: str
    payload: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """What the client says about its signature."""

    access: str
    scope: str
    names: tuple[str, ...]
    signature: str
    time: str


def is_presigned(query: str) -> bool:
    """Whether the query carries a signature."""
    return "X-Amz-Signature=" in query or "X-Amz-Algorithm=" in query


def read(method: str, path: str, query: str, headers: Mapping[str, str], now: float) -> Signature:
    """Read a request's signature and what it covers. `headers` have names in lower case; `now` is in epoch seconds.

    Raises S3Error if it is malformed, too old, or leaves out a header that has to be signed.
    """
    pairs = parse_qsl(query, keep_blank_values=True)
    presigned = "authorization" not in headers
    claim = _from_query(dict(pairs)) if presigned else _from_header(headers)
    _check_time(claim, dict(pairs) if presigned else None, now)
    missing = {name for name in headers if name.startswith("x-amz-")} | {"host"}
    missing -= set(claim.names)
    if missing - ({"x-amz-content-sha256"} if presigned else set()):
        raise S3Error("AccessDenied", f"There were headers present in the request which were not signed: {missing}")
    payload = headers.get("x-amz-content-sha256", UNSIGNED if presigned else "")
    if not payload:
        raise S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    canonical = "\n".join(
        (
            method,
            quote(path, safe="/" + SAFE),
            _canonical_query(pairs),
            "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in claim.names),
            ";".join(claim.names),
            payload,
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join((ALGORITHM, claim.time, claim.scope, digest))
    return Signature(SignedText(claim.access, claim.scope, text, claim.signature), claim.time, payload)


def _canonical_query(pairs: list[tuple[str, str]]) -> str:
    encoded = [(quote(k, safe=SAFE), quote(v, safe=SAFE)) for k, v in pairs if k != "X-Amz-Signature"]
    return "&".join(f"{k}={v}" for k, v in sorted(encoded))


def _from_header(headers: Mapping[str, str]) -> _Claim:
    match = HEADER.fullmatch(headers["authorization"].strip())
    if match is None:
        raise S3Error("InvalidArgument", "Unsupported Authorization Type")
    fields = dict(part.strip().partition("=")[::2] for part in match.group(1).split(","))
    time = headers.get("x-amz-date", "")
    if not {"Credential", "SignedHeaders", "Signature"} <= fields.keys():
        raise S3Error("AuthorizationHeaderMalformed")
    if TIME.fullmatch(time) is None:
        raise S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
    return _claim(fields["Credential"], fields["SignedHeaders"], fields["Signature"], time)


def _from_query(query: Mapping[str, str]) -> _Claim:
    names = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date")
    if not {*names, "X-Amz-Expires"} <= query.keys() or query["X-Amz-Algorithm"] != ALGORITHM:
        raise S3Error("AuthorizationQueryParametersError")
    _, credential, signed, signature, time = (query[name] for name in names)
    return _claim(credential, signed, signature, time)


def _claim(credential: str, signed: str, signature: str, time: str) -> _Claim:
    access, _, scope = credential.partition("/")
    parts = scope.split("/")
    if len(parts) != 4 or parts[3] != "aws4_request" or not access:
        raise S3Error("AuthorizationHeaderMalformed", "The Credential is malformed.")
    if parts[0] != time[:8] or parts[2] != "s3":
        raise S3Error("AuthorizationHeaderMalformed", "The Credential's scope doesn't fit the request.")
    return _Claim(access, scope, tuple(name.strip().lower() for name in signed.split(";")), signature, time)


@lru_cache(maxsize=1024)
def _moment(text: str) -> datetime:
    """Read a signature's time. Requests of one second share it. Raises ValueError."""
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _check_time(claim: _Claim, query: Mapping[str, str] | None, now: float) -> None:
    try:
        begun = _moment(claim.time)
    except ValueError:
        raise S3Error("AccessDenied", "The request's time is not of the form YYYYMMDD'T'HHMMSS'Z'.") from None
    age = datetime.fromtimestamp(now, UTC) - begun
    if query is None:
        if abs(age) > MAX_SKEW:
            raise S3Error("RequestTimeTooSkewed")
        return
    expires = query["X-Amz-Expires"]
    if not expires.removeprefix("-").isdecimal() or len(expires) > MAX_NUMBER_DIGITS or int(expires) >= 1 << 63:
        raise S3Error("AuthorizationQueryParametersError", "X-Amz-Expires should be a number")
    if expires.startswith("-"):
        raise S3Error("AuthorizationQueryParametersError", "X-Amz-Expires must be non-negative")
    if not 1 <= int(expires) <= MAX_EXPIRES_S:
        raise S3Error("AuthorizationQueryParametersError", TOO_LATE)
    if age > timedelta(seconds=int(expires)):
        raise S3Error("AccessDenied", "Request has expired")
    if -age > MAX_SKEW:
        raise S3Error("AccessDenied", "Request is not valid yet")
