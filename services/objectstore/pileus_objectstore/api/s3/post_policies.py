"""The policy of a form: until when, and with which fields and how many bytes, its signer lets others upload.

Source: Amazon S3 API Reference, "POST Policy".
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from pileus_kit import decoding
from pileus_objectstore.api.s3.errors import S3Error

IGNORED = ("awsaccesskeyid", "signature", "policy", "file", "x-amz-signature")
FREE = ("x-ignore-", "x-amz-checksum-")  # a checksum can only refuse a file
MAX_POLICY_BYTES = 20_000
REFUSED = "Invalid according to Policy: "


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    expiration: str
    conditions: list[dict[str, str] | list[str | int]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many bytes the file may have."""

    least: int = 0
    most: int | None = None


def check(encoded: str, fields: Mapping[str, str], now: float) -> Sizes:
    """Check a form's fields (names in lower case) against its policy, which is in base64. Raises S3Error."""
    document = _read(encoded)
    if _expiry(document.expiration) < now:
        raise S3Error("AccessDenied", f"{REFUSED}Policy expired.")
    if not document.conditions:
        raise _wrong("a policy needs conditions")
    named, sizes = set(), Sizes()
    for condition in document.conditions:
        if isinstance(condition, dict):
            if not condition:
                raise _wrong("an empty condition")
            for name, value in condition.items():
                named.add(_check_one("eq", name.lower(), value, fields))
        elif len(condition) == 3 and str(condition[0]).lower() == "content-length-range":
            sizes = _sizes(condition[1:])
        else:
            named.add(_check_list(condition, fields))
    extra = [name for name in fields if name not in IGNORED and name not in named and not name.startswith(FREE)]
    if extra:
        raise S3Error("AccessDenied", f"{REFUSED}Extra input fields: {', '.join(sorted(extra))}")
    return sizes


def _wrong(why: str) -> S3Error:
    return S3Error("InvalidPolicyDocument", f"Invalid Policy: {why}")


def _read(encoded: str) -> _Document:
    if len(encoded) > MAX_POLICY_BYTES:
        raise _wrong("it is too long")
    try:
        return decoding.decode(base64.b64decode(encoded, validate=True), _Document)
    except (ValueError, msgspec.DecodeError, RecursionError) as err:
        raise _wrong(str(err)) from None


def _expiry(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _wrong(f"Invalid 'expiration' value: '{text}'") from None
    if "T" not in text or not text.endswith("Z"):
        raise _wrong(f"Invalid 'expiration' value: '{text}'")
    return moment.astimezone(UTC).timestamp()


def _check_list(condition: list[str | int], fields: Mapping[str, str]) -> str:
    operator, name, value = condition if len(condition) == 3 else ("", "", "")
    valid = isinstance(name, str) and name.startswith("$") and isinstance(value, str)
    if not valid or str(operator).lower() not in ("eq", "starts-with"):
        raise _wrong(f"Invalid condition: {msgspec.json.encode(condition).decode()}")
    return _check_one(str(operator).lower(), str(name)[1:].lower(), str(value), fields)


def _check_one(operator: str, name: str, value: str, fields: Mapping[str, str]) -> str:
    given = fields.get(name)
    holds = given is not None and (given == value if operator == "eq" else given.startswith(value))
    if not holds:
        shown = msgspec.json.encode([operator, f"${name}", value]).decode()
        raise S3Error("AccessDenied", f"{REFUSED}Policy Condition failed: {shown}")
    return name


def _sizes(limits: list[str | int]) -> Sizes:
    numbers = [int(limit) if str(limit).isdecimal() and len(str(limit)) < 19 else -1 for limit in limits]
    if len(numbers) != 2 or min(numbers) < 0 or numbers[0] > numbers[1]:
        raise _wrong("Invalid content-length-range")
    return Sizes(*numbers)
