"""AWS Signature Version 2: in the Authorization header, or in the query. It is offered only where an option says so.

Source: Amazon S3 Developer Guide, "Signing and Authenticating REST Requests".
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from pileus_objectstore.api.conditions import date_of
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.signatures import MAX_EXPIRES_S, MAX_SKEW, SAFE
from pileus_objectstore.clients.access_keys import SignedText

SIGNED_PARAMETERS = frozenset(
    (
        *("acl", "cors", "delete", "encryption", "lifecycle", "location", "logging", "notification", "partNumber"),
        *("policy", "policyStatus", "requestPayment", "response-cache-control", "response-content-disposition"),
        *("response-content-encoding", "response-content-language", "response-content-type", "response-expires"),
        *("tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website"),
        *("object-lock", "retention", "legal-hold", "restore", "select", "publicAccessBlock", "ownershipControls"),
        *("accelerate", "analytics", "attributes", "inventory", "metrics", "replication", "intelligent-tiering"),
    )
)

MAX_EPOCH_S = 2**32 - 1


def is_header(headers: Mapping[str, str]) -> bool:
    """Whether the header Authorization has a signature of this version."""
    return headers.get("authorization", "").startswith("AWS ")


def is_presigned(query: str) -> bool:
    """Whether the query has one."""
    return "AWSAccessKeyId=" in query and "Signature=" in query


def read(method: str, resource: str, query: str, headers: Mapping[str, str], now: float) -> SignedText:
    """Read a request's signature. `resource` is `/bucket/key`, not quoted; `now` is in epoch seconds.

    Raises S3Error.
    """
    pairs = parse_qsl(query, keep_blank_values=True)
    if is_header(headers):
        access, colon, signature = headers["authorization"].removeprefix("AWS ").strip().partition(":")
        date = "" if "x-amz-date" in headers else headers.get("date", "")
        _check_date(headers.get("x-amz-date") or headers.get("date", ""), now)
    else:
        given = dict(pairs)
        access, signature, date = (given.get(name, "") for name in ("AWSAccessKeyId", "Signature", "Expires"))
        colon = ":"
        _check_expiry(date, now)
    if not access or not colon or not signature:
        raise S3Error("InvalidArgument", "AWS authorization header is invalid. Expected AwsAccessKeyId:signature")
    amazon = sorted((name, value.strip()) for name, value in headers.items() if name.startswith("x-amz-"))
    text = "\n".join(
        (
            method,
            headers.get("content-md5", ""),
            headers.get("content-type", ""),
            date,
            *(f"{name}:{value}" for name, value in amazon),
            quote(resource, safe="/" + SAFE) + _signed_query(pairs),
        )
    )
    return SignedText(access, "", text, signature)


def _signed_query(pairs: list[tuple[str, str]]) -> str:
    signed = sorted((name, value) for name, value in pairs if name in SIGNED_PARAMETERS)
    shown = "&".join(f"{name}={value}" if value else name for name, value in signed)
    return f"?{shown}" if shown else ""


def _check_date(date: str, now: float) -> None:
    begun = date_of(date)
    if begun is None:
        raise S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
    if abs(datetime.fromtimestamp(now, UTC) - begun) > MAX_SKEW:
        raise S3Error("RequestTimeTooSkewed")


def _check_expiry(expires: str, now: float) -> None:
    if not expires.isdecimal() or len(expires) > 12 or int(expires) > MAX_EPOCH_S:
        raise S3Error("AccessDenied", "Invalid date (should be seconds since epoch): " + expires[:20])
    if int(expires) < now:
        raise S3Error("AccessDenied", "Request has expired")
    if int(expires) > now + MAX_EXPIRES_S:
        raise S3Error("AccessDenied", f"A signature may be valid for at most {MAX_EXPIRES_S} seconds.")
