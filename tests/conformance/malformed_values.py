"""Unexpected values, and bodies of a schema that hold one of them."""

import random
from collections.abc import Iterator
from typing import Any

DEEP: object = 1
for _ in range(60):
    DEEP = [DEEP]
VALUES: list[object] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**63) - 1,
    10**40,
    0.5,
    1e308,
    "",
    " ",
    "x" * 70_000,
    "x" * 256,
    "²",
    "٣",
    "1_0",
    "-0",
    "1e999",
    "NaN",
    "é\u202e\u2028",
    "\ufffe",
    "\x01\x7f",
    "a\nb",
    "../../etc/passwd",
    "%s%n{0}{x}",
    "*",
    "^(a*)*$",
    "[",
    "default",
    "11111111-2222-3333-4444-555555555555",
    "1" * 32,
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "1970-01-01",
    "::ffff:1.2.3.4",
    "fe80::1%eth0",
    "0.0.0.0/0",
    "::/0",
    "1.2.3.4/33",
    "00:00:00:00:00:00",
    "ff:ff:ff:ff:ff:ff",
    "http://[::1",
    "data:,x",
    "AAAA====",
    "=",
    "null",
    [],
    [[]],
    [None],
    [0],
    [""],
    [{}],
    ["a", "a"],
    [{"a": []}] * 3,
    {},
    {"": ""},
    {"a": None},
    {"a": {"b": []}},
    {"x" * 300: "y"},
    {"id": {}},
    DEEP,
]
JSON = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"x"',
    b"\xff\xfe{}",
    b'{"a": "\\ud800"}',
    b"[" * 5000,
    b'{"a":' * 3000,
    b"1e400",
    b"-",
    b"9" * 5000,
    b'{"a": 1, "a": 2}',
    b"NaN",
    b'{"\\u0000": 1}',
    b"\xef\xbb\xbf{}",
    b"<xml/>",
    b"a=b&c=d",
]
TEXTS = [
    text.encode("utf-8", "surrogatepass")
    for text in (
        "",
        " ",
        "0",
        "-1",
        "1",
        str(2**63),
        str(10**40),
        "1.5",
        "1e999",
        "NaN",
        "inf",
        "²",
        "٣",
        "1_0",
        "+1",
        "0x10",
        "true",
        "null",
        "None",
        "*",
        "a*a*a*a*b",
        "(a|aa)+$",
        "[",
        "\\",
        "%",
        "%00",
        "'",
        '"',
        "x" * 3000,
        "é",
        "\ud800",
        "\ufffe",
        "a,b,,c",
        ":",
        "gt:",
        "in:",
        "in:'",
        "gte:0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2020-13-45",
        "{[]: 1}",
        "{'a': 1}",
        "{1:",
        "{" * 300,
        "(" * 300,
        "a:asc,b:desc",
        "asc",
        "id",
        "id:asc",
        "created_at:",
        "name~=",
        "..",
        "11111111-2222-3333-4444-555555555555",
        "fe80::1%25eth0",
        "10.0.0.0/8",
        "ip_address=",
        "ip_address=1.2.3.4",
    )
]
TEXTS.append(b"\xff\xfe")
NAMES = (
    "limit",
    "marker",
    "sort",
    "sort_key",
    "sort_dir",
    "fields",
    "offset",
    "page_reverse",
    "all_tenants",
    "project_id",
    "tenant_id",
    "name",
    "id",
    "status",
    "changes-since",
    "changes-before",
    "created_at",
    "updated_at",
    "metadata",
    "glance_metadata",
    "detailed",
    "start",
    "end",
    "tags",
    "not-tags-any",
    "with_count",
    "size_min",
    "fixed_ips",
    "ip",
    "name~",
    "user_id",
    "parent_id",
    "is_domain",
    "expires_at",
    "description",
    "host",
    "volume_id",
    "image_id",
    "flavor",
    "visibility",
    "member_status",
    "owner",
    "effective",
    "include_names",
    "since",
    "type",
    "extra_specs",
    "minDisk",
)
HEADERS = [
    ("X-Auth-Token", "é" * 20),
    ("X-Auth-Token", "x" * 9000),
    ("X-Auth-Token", "token-nobody"),
    ("X-Service-Token", "x"),
    ("X-Subject-Token", "é²"),
    ("X-Subject-Token", "gAAAA" * 50),
    ("OpenStack-API-Version", "compute 2.²"),
    ("OpenStack-API-Version", "volume latest"),
    ("OpenStack-API-Version", "compute"),
    ("OpenStack-API-Version", ", ,"),
    ("X-OpenStack-Nova-API-Version", "9" * 500),
    ("X-OpenStack-Request-ID", "req-é"),
    ("Accept", '"*/*;q=é'),
    ("Content-Type", "é; charset=nonsense"),
    ("Content-Type", "multipart/form-data"),
    ("Content-Type", "text/xml"),
    ("Content-Encoding", "gzip"),
    ("Range", "bytes=-9999999999999999999"),
    ("Range", "bytes=²-"),
    ("If-Match", "é"),
    ("If-Match", '"1_0"'),
    ("If-None-Match", "*"),
    ("If-Modified-Since", "Mon, 99 Foo 0000"),
    ("Host", "é:²"),
    ("Host", "[::1"),
    ("X-Forwarded-For", "é"),
    ("X-Forwarded-Proto", "x" * 500),
    ("Authorization", "OAuth é"),
    ("Authorization", "Basic ²"),
    ("X-Instance-ID", "é"),
    ("X-Instance-ID-Signature", "é²"),
    ("X-Image-Meta-Size", "²"),
    ("OpenStack-Auth-Receipt", "é"),
    ("Accept-Language", "é"),
    ("X-Project-Id", "é"),
    ("Cookie", "é=²; ="),
]


def sample(schema: Any) -> object:
    """A value that probably matches, so that a malformed one elsewhere in the body is reached."""
    if not isinstance(schema, dict):
        return "x"
    for key in ("oneOf", "anyOf", "allOf"):
        if schema.get(key):
            return sample(schema[key][0])
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        return {name: sample(schema.get("properties", {}).get(name, {})) for name in schema.get("required", ())}
    if kind == "array":
        return [sample(schema.get("items", {}))] * max(1, schema.get("minItems", 0))
    if kind == "string":
        return (
            "11111111-2222-3333-4444-555555555555"
            if schema.get("format") == "uuid"
            else "x" * max(1, schema.get("minLength", 0))
        )
    return {"integer": max(1, schema.get("minimum", 1)), "number": 1, "boolean": True, "null": None}[kind]


def bodies(schema: Any, rng: random.Random, each: int) -> Iterator[object]:
    """Bodies with one malformed value, `each` for every place of the schema."""
    yield from rng.sample(VALUES, min(each, len(VALUES)))
    if not isinstance(schema, dict):
        return
    for key in ("oneOf", "anyOf", "allOf"):
        for option in schema.get(key, ()):
            yield from _inside(option, rng, each)
    yield from _inside(schema, rng, each)


def _inside(schema: Any, rng: random.Random, each: int) -> Iterator[object]:
    if not isinstance(schema, dict):
        return
    for name, part in schema.get("properties", {}).items():
        base = sample(schema | {"type": "object"})
        if isinstance(base, dict):
            yield from ({**base, name: malformed} for malformed in bodies(part, rng, each))
    if isinstance(schema.get("items"), dict):
        yield from ([malformed] for malformed in bodies(schema["items"], rng, each))
