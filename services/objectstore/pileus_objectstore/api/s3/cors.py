"""Cross-origin requests of browsers (CORS) to buckets: the configuration, preflights, and headers of answers.

Source: Amazon S3 User Guide, "Using cross-origin resource sharing (CORS)".
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import msgspec

from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core.access import change_setting, read_setting
from pileus_objectstore.core.bucket_settings import Setting
from pileus_objectstore.core.policy_patterns import matcher

MAX_RULES = 100
MAX_BYTES = 64 << 10
MAX_VALUE_CHARACTERS = 2048
MAX_ASKED_HEADERS = 100
METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


class Rule(msgspec.Struct, frozen=True):
    """What pages of some origins may do."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age_s: int | None = None
    id: str = ""


class Rules(msgspec.Struct, frozen=True):
    """A bucket's rules: the first that matches counts."""

    rules: tuple[Rule, ...]


CORS = Setting("Cors", Rules)


def show(s3: S3Request) -> Response:
    """GetBucketCors."""
    s3.access.require(read_setting("s3:GetBucketCORS"), s3.container)
    found = CORS.load(s3.tools, s3.container, fresh=True)
    if found is None:
        raise S3Error("NoSuchCORSConfiguration", BucketName=s3.bucket)
    return response(Node("CORSConfiguration").extend(_node(rule) for rule in found.rules))


def update(s3: S3Request) -> Response:
    """PutBucketCors."""
    s3.access.require(change_setting("s3:PutBucketCORS"), s3.container)
    body = s3.body()
    if len(body) > MAX_BYTES:
        raise S3Error("EntityTooLarge")
    CORS.store(s3.tools, s3.container, Rules(_rules(body)))
    return Response(200, (), b"", "")


def delete(s3: S3Request) -> Response:
    """DeleteBucketCors."""
    s3.access.require(change_setting("s3:PutBucketCORS"), s3.container)
    CORS.store(s3.tools, s3.container, None)
    return Response(204, (), b"", "")


def preflight(request: Request, rules: Rules | None) -> Response:
    """The answer to OPTIONS, for which a browser sends no signature. Raises S3Error."""
    origin, method = request.header("Origin"), request.header("Access-Control-Request-Method")
    if not origin:
        raise S3Error("BadRequest")
    if not method:
        raise S3Error("BadRequest", "Invalid Access-Control-Request-Method: null")
    if rules is None:
        raise S3Error("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
    asked = [name.strip().lower() for name in request.header("Access-Control-Request-Headers").split(",")]
    asked = [name for name in asked if name]
    rule = _find(rules, origin, method, asked) if len(asked) <= MAX_ASKED_HEADERS else None
    if rule is None:
        raise S3Error("AccessForbidden")
    headers = _headers(rule, origin)
    if asked:
        headers.append(("Access-Control-Allow-Headers", ", ".join(asked)))
    if rule.max_age_s is not None:
        headers.append(("Access-Control-Max-Age", str(rule.max_age_s)))
    return Response(200, headers, b"", "")


def adapt(request: Request, rules: Rules | None, answer: Response) -> None:
    """Add the headers with which a browser gives an answer, also an error, to a page of an allowed origin."""
    origin = request.header("Origin")
    method = request.header("Access-Control-Request-Method") or request.method
    rule = _find(rules, origin, method, ()) if rules is not None and origin else None
    if rule is not None:
        answer.headers += _headers(rule, origin)


def _find(rules: Rules, origin: str, method: str, asked: Sequence[str]) -> Rule | None:
    for rule in rules.rules:
        if method in rule.methods and any(matcher(one)(origin) for one in rule.origins):
            tests = [matcher(name, ignore_case=True) for name in rule.headers]
            if all(any(test(name) for test in tests) for name in asked):
                return rule
    return None


def _headers(rule: Rule, origin: str) -> list[tuple[str, str]]:
    everyone = "*" in rule.origins
    found = [("Access-Control-Allow-Origin", "*" if everyone else origin)]
    if not everyone:
        found.append(("Access-Control-Allow-Credentials", "true"))
    found += [("Access-Control-Allow-Methods", ", ".join(rule.methods)), ("Vary", VARY)]
    if rule.exposed:
        found.append(("Access-Control-Expose-Headers", ", ".join(rule.exposed)))
    return found


def _rules(body: bytes) -> tuple[Rule, ...]:
    """Read the document. Raises S3Error."""
    found = tuple(_rule(one) for one in parse(body, "CORSConfiguration").findall("CORSRule"))
    if not 0 < len(found) <= MAX_RULES:
        raise S3Error("MalformedXML", f"A bucket has one to {MAX_RULES} CORS rules.")
    return found


def _rule(element: Element) -> Rule:
    origins, methods, headers, exposed = (
        _values(element, name) for name in ("AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader")
    )
    if not origins or not methods:
        raise S3Error("MalformedXML")
    for method in methods:
        if method not in METHODS:
            why = f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            raise S3Error("InvalidRequest", why)
    for value in (*origins, *headers):
        if value.count("*") > 1:
            raise S3Error("InvalidRequest", f'"{value}" can not have more than one wildcard.')
    if any("*" in name for name in exposed):
        raise S3Error("InvalidRequest", "ExposeHeader can not contain wildcards.")
    age = text(element, "MaxAgeSeconds").strip()
    max_age = parse_whole_number(age) if age else None
    if age and (max_age is None or max_age > 2**31 - 1):
        raise S3Error("MalformedXML")
    return Rule(origins, methods, headers, exposed, max_age, text(element, "ID")[:255])


def _values(element: Element, name: str) -> tuple[str, ...]:
    """Texts that may stand in headers. Raises S3Error."""
    found = tuple((child.text or "").strip() for child in element.findall(name))
    if not all(value.isprintable() and 0 < len(value) <= MAX_VALUE_CHARACTERS for value in found):
        raise S3Error("MalformedXML")
    return found


def _node(rule: Rule) -> Node:
    node = Node("CORSRule", ("ID", rule.id) if rule.id else None)
    for name, values in (
        ("AllowedHeader", rule.headers),
        ("AllowedMethod", rule.methods),
        ("AllowedOrigin", rule.origins),
        ("ExposeHeader", rule.exposed),
    ):
        node.extend((name, value) for value in values)
    return node.add(("MaxAgeSeconds", rule.max_age_s) if rule.max_age_s is not None else None)
