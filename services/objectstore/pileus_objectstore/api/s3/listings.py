"""ListObjects and ListObjectsV2."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.metadata import listed_etag
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, response
from pileus_objectstore.core import containers, rate_limits
from pileus_objectstore.core.access import READ_CONTAINER
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.listing import Entry
from pileus_objectstore.core.timestamps import whole_seconds

MAX_KEYS = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """A page: its entries, and whether there are more."""

    entries: list[Entry]
    truncated: bool

    @property
    def last(self) -> str:
        """The name after which the next page begins."""
        return self.entries[-1].name if self.entries else ""


def index(s3: S3Request) -> Response:
    """ListObjects, or ListObjectsV2 with list-type=2."""
    s3.access.require(READ_CONTAINER, s3.container)
    rate_limits.admit_listing(s3.tools, s3.container)
    if s3.query.get("list-type") == "2":
        return _second(s3)
    if "list-type" in s3.query:
        raise S3Error("InvalidArgument", "list-type must be 2.")
    return _first(s3)


def encoder(s3: S3Request) -> Callable[[str], str]:
    """How names are shown: as they are, or with encoding-type=url quoted. Raises S3Error."""
    wanted = s3.query.get("encoding-type")
    if wanted not in (None, "url"):
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request")
    return (lambda name: quote(name, safe="/~")) if wanted else str


def limit_of(s3: S3Request, name: str) -> int:
    """The number of rows that are asked for, at most MAX_KEYS. Raises S3Error."""
    text = s3.query.get(name, "")
    number = parse_whole_number(text) if text else MAX_KEYS
    if number is None or number > 2**31 - 1:
        raise S3Error("InvalidArgument", f"Argument {name} must be an integer between 0 and 2147483647")
    return min(number, MAX_KEYS)


def _fetch(s3: S3Request, marker: str, limit: int) -> Listing:
    query = ListingQuery(
        limit=limit + 1,
        marker=marker,
        prefix=s3.query.get("prefix", ""),
        delimiter=s3.query.get("delimiter", ""),
    )
    if not limit:
        containers.get(s3.tools, s3.container)
        return Listing([], False)
    entries = containers.list_objects(s3.tools, s3.container, query)[1]
    return Listing(entries[:limit], len(entries) > limit)


def _first(s3: S3Request) -> Response:
    limit, show = limit_of(s3, "max-keys"), encoder(s3)
    marker, delimiter = s3.query.get("marker", ""), s3.query.get("delimiter", "")
    found = _fetch(s3, marker, limit)
    result = Node(
        "ListBucketResult",
        ("Name", s3.bucket),
        ("Prefix", show(s3.query.get("prefix", ""))),
        ("Marker", show(marker)),
        ("MaxKeys", limit),
        ("Delimiter", show(delimiter)) if delimiter else None,
        ("EncodingType", "url") if "encoding-type" in s3.query else None,
        ("IsTruncated", found.truncated),
        ("NextMarker", show(found.last)) if found.truncated and delimiter else None,
    )
    return response(_with_entries(result, s3, found, show, with_owner=True))


def _second(s3: S3Request) -> Response:
    limit, show = limit_of(s3, "max-keys"), encoder(s3)
    token, after = s3.query.get("continuation-token"), s3.query.get("start-after", "")
    delimiter = s3.query.get("delimiter")
    found = _fetch(s3, name_of(token) if token else after, limit)
    result = Node(
        "ListBucketResult",
        ("Name", s3.bucket),
        ("Prefix", show(s3.query.get("prefix", ""))),
        ("MaxKeys", limit),
        ("KeyCount", len(found.entries)),
        ("Delimiter", show(delimiter)) if delimiter else None,
        ("EncodingType", "url") if "encoding-type" in s3.query else None,
        ("IsTruncated", found.truncated),
        ("ContinuationToken", token) if token is not None else None,
        ("NextContinuationToken", token_of(found.last)) if found.truncated else None,
        ("StartAfter", show(after)) if "start-after" in s3.query else None,
    )
    return response(_with_entries(result, s3, found, show, s3.query.get("fetch-owner", "").lower() == "true"))


def _with_entries(result: Node, s3: S3Request, found: Listing, show: Callable[[str], str], with_owner: bool) -> Node:
    project = s3.project
    for entry in found.entries:
        if entry.is_group:
            continue
        result.add(
            Node(
                "Contents",
                ("Key", show(entry.name)),
                ("LastModified", whole_seconds(entry.timestamp)),
                ("ETag", f'"{listed_etag(entry.etag)}"'),
                ("Size", entry.size),
                Node("Owner", ("ID", project), ("DisplayName", project)) if with_owner else None,
                ("StorageClass", "STANDARD"),
            )
        )
    return result.extend(Node("CommonPrefixes", ("Prefix", show(e.name))) for e in found.entries if e.is_group)


def token_of(name: str) -> str:
    """The token that asks for what comes after a name."""
    return base64.urlsafe_b64encode(name.encode()).decode()


def name_of(token: str) -> str:
    """The name after which a page begins; an empty token means the first. Raises S3Error."""
    if not token:
        return ""
    try:
        name = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        name = ""
    if not name:
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect")
    return name
