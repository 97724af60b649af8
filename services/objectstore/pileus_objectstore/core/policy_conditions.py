"""Conditions of bucket policies: operators, and the keys that this store knows the values of.

Source: AWS IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pileus_kit.errors import BadRequest
from pileus_objectstore.core.policy_patterns import matcher

Facts = Callable[[str], Sequence[str]]
"""Return the values of a condition key (in lower case) for the request; none if the request has no such value."""
Test = Callable[[str], bool]
KEYS = frozenset(
    (
        *("aws:currenttime", "aws:epochtime", "aws:principalaccount", "aws:principalarn", "aws:principaltype"),
        *("aws:referer", "aws:securetransport", "aws:sourceip", "aws:useragent", "aws:userid", "aws:username"),
        *("s3:authtype", "s3:delimiter", "s3:max-keys", "s3:prefix", "s3:requestobjecttagkeys", "s3:signatureversion"),
        *("s3:versionid", "s3:object-lock-legal-hold", "s3:object-lock-mode", "s3:object-lock-retain-until-date"),
        *("s3:x-amz-acl", "s3:x-amz-content-sha256", "s3:x-amz-copy-source", "s3:x-amz-grant-full-control"),
        *("s3:x-amz-grant-read", "s3:x-amz-grant-read-acp", "s3:x-amz-grant-write", "s3:x-amz-grant-write-acp"),
        *("s3:x-amz-metadata-directive", "s3:x-amz-object-ownership", "s3:x-amz-server-side-encryption"),
        *("s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-storage-class"),
        *("s3:x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-website-redirect-location", "s3:if-match"),
        "s3:if-none-match",
    )
)
ABSENT_KEYS = frozenset(  # requests to this store never have them, as requests to S3 needn't
    (
        *("aws:multifactorauthage", "aws:multifactorauthpresent", "aws:principalorgid", "aws:sourceaccount"),
        *("aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:tokenissuetime", "aws:viaawsservice"),
        *("s3:dataaccesspointaccount", "s3:dataaccesspointarn", "s3:signatureage", "s3:tlsversion"),
    )
)
TAG_KEYS = ("s3:existingobjecttag/", "s3:requestobjecttag/")
FIXING_KEYS = ("aws:principalarn", "aws:sourceip", "aws:userid", "aws:principalaccount", *ABSENT_KEYS)
"""A condition on one of these makes a statement for "*" less than public, if it names values without wildcards."""
POSITIVE = ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "IpAddress")
WIDEST_PREFIX = 8  # bits; an address range beyond it is the public


class ConditionWrong(BadRequest):
    """The condition has an operator, a key or a value that has no meaning."""

    text = "{why}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key. `test` is whether one value of the request matches one of the policy's values."""

    operator: str
    key: str
    values: tuple[str, ...]
    test: Test
    negated: bool = False
    if_exists: bool = False
    quantifier: str = ""

    def holds(self, facts: Facts) -> bool:
        """Whether a request fulfils it."""
        given = facts(self.key)
        if self.operator == "Null":
            return (not given) == (self.values[0] == "true")
        if not given:
            return self.negated or self.if_exists or self.quantifier == "ForAllValues"
        outcomes = (self.test(value) != self.negated for value in given)
        if self.quantifier == "ForAnyValue" or (not self.quantifier and not self.negated):
            return any(outcomes)
        return all(outcomes)

    @property
    def fixes(self) -> bool:
        """Whether it keeps the public out (see FIXING_KEYS)."""
        if self.operator not in POSITIVE or self.if_exists or self.quantifier or self.key not in FIXING_KEYS:
            return False
        if self.operator == "IpAddress":
            return all(ipaddress.ip_network(value, strict=False).prefixlen >= WIDEST_PREFIX for value in self.values)
        return not any(c in value for value in self.values for c in "*?")


def parse(document: Mapping[str, Mapping[str, Sequence[str]]]) -> tuple[Condition, ...]:
    """Read the element Condition: {operator: {key: values}}. Raises ConditionWrong."""
    return tuple(
        _condition(operator, key, values) for operator, keys in document.items() for key, values in keys.items()
    )


def _condition(named: str, key: str, values: Sequence[str]) -> Condition:
    quantifier, _, operator = named.rpartition(":")
    if_exists = operator.endswith("IfExists") and operator != "NullIfExists"
    operator = operator.removesuffix("IfExists") if if_exists else operator
    lower = key.lower()
    if quantifier not in ("", "ForAllValues", "ForAnyValue") or operator not in OPERATORS:
        raise ConditionWrong(why=f"Invalid Condition type : {named}")
    if lower not in KEYS and lower not in ABSENT_KEYS and not lower.startswith(TAG_KEYS):
        raise ConditionWrong(why=f"Policy has an invalid condition key: {key}")
    if not values or any("${" in value for value in values):
        raise ConditionWrong(why=f"The condition on {key} needs values; policy variables are not offered.")
    if lower.startswith(TAG_KEYS):
        lower = f"{lower.partition('/')[0]}/{key.partition('/')[2]}"  # names of tags keep their case
    base, negated = OPERATORS[operator]
    try:
        tests = [base(value) for value in values]
    except (ValueError, OverflowError):
        raise ConditionWrong(why=f"Invalid value for the condition {named} on {key}") from None
    return Condition(
        operator, lower, tuple(values), lambda given: any(test(given) for test in tests), negated, if_exists, quantifier
    )


def _equals(value: str) -> Test:
    return value.__eq__


def _equals_ignoring_case(value: str) -> Test:
    folded = value.casefold()
    return lambda given: given.casefold() == folded


def _number(compare: Callable[[float, float], bool]) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        wanted = float(value)

        def test(given: str) -> bool:
            try:
                return compare(float(given), wanted)
            except ValueError:
                return False

        return test

    return make


def _date(compare: Callable[[float, float], bool]) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        wanted = _seconds(value)

        def test(given: str) -> bool:
            try:
                return compare(_seconds(given), wanted)
            except ValueError:
                return False

        return test

    return make


def _seconds(value: str) -> float:
    if value.isdecimal() and len(value) > 4:
        return float(value)
    moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _truth(value: str) -> Test:
    wanted = value.lower()
    if wanted not in ("true", "false"):
        raise ValueError(value)
    return lambda given: given.lower() == wanted


def _null(value: str) -> Test:
    if value not in ("true", "false"):
        raise ValueError(value)
    return value.__eq__


def _address(value: str) -> Test:
    network = ipaddress.ip_network(value, strict=False)

    def test(given: str) -> bool:
        try:
            address = ipaddress.ip_address(given)
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return (mapped or address) in network

    return test


def _orders(kind: str, make: Callable[[Callable[[float, float], bool]], Callable[[str], Test]]) -> dict[str, "Maker"]:
    return {
        f"{kind}Equals": (make(lambda a, b: a == b), False),
        f"{kind}NotEquals": (make(lambda a, b: a == b), True),
        f"{kind}LessThan": (make(lambda a, b: a < b), False),
        f"{kind}LessThanEquals": (make(lambda a, b: a <= b), False),
        f"{kind}GreaterThan": (make(lambda a, b: a > b), False),
        f"{kind}GreaterThanEquals": (make(lambda a, b: a >= b), False),
    }


Maker = tuple[Callable[[str], Test], bool]
"""What makes a test of a policy's value, and whether the operator negates it."""
OPERATORS: dict[str, Maker] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringEqualsIgnoreCase": (_equals_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_equals_ignoring_case, True),
    "StringLike": (matcher, False),
    "StringNotLike": (matcher, True),
    "ArnEquals": (matcher, False),
    "ArnLike": (matcher, False),
    "ArnNotEquals": (matcher, True),
    "ArnNotLike": (matcher, True),
    "BinaryEquals": (_equals, False),
    "Bool": (_truth, False),
    "Null": (_null, False),
    "IpAddress": (_address, False),
    "NotIpAddress": (_address, True),
    **_orders("Numeric", _number),
    **_orders("Date", _date),
}
