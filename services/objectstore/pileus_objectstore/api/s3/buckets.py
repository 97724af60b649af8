"""Buckets: create, delete, head, location, and the settings that this store doesn't have."""

import re
from collections.abc import Callable
from xml.etree.ElementTree import tostring

from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3 import acls, listings, public_access
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.lock_headers import LOCK
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import NAMESPACE, Node, parse, response, text
from pileus_objectstore.core import accounts, containers, listing, multipart_uploads
from pileus_objectstore.core.access import (
    CREATE_CONTAINER,
    DELETE_CONTAINER,
    READ_CONTAINER,
    Action,
    change_setting,
    read_setting,
)
from pileus_objectstore.core.bucket_rights import ACL, OWNERSHIP
from pileus_objectstore.core.buckets import BucketRegistry, BucketTaken
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.listing import VERSIONING
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.object_locks import LockRules
from pileus_objectstore.core.object_versioning import ENABLED
from pileus_objectstore.core.timestamps import whole_seconds

READ_ACCOUNT = Action("objectstore:account:read")
MAX_BUCKETS = 10_000
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
registry = BucketRegistry()
NOT_SET: dict[str, str] = {  # sub-resource -> the error of a bucket that has no such setting
    "replication": "ReplicationConfigurationNotFoundError",
}
EMPTY: dict[str, str] = {  # sub-resource -> the root of its empty document
    "accelerate": "AccelerateConfiguration",
}


LISTS: dict[str, str] = {  # sub-resource -> the root of the list of its configurations, of which there are none
    "analytics": "ListBucketAnalyticsConfigurationResult",
    "intelligent-tiering": "ListBucketIntelligentTieringConfigurationsOutput",
    "inventory": "ListInventoryConfigurationsResult",
    "metrics": "ListMetricsConfigurationsResult",
}
ACTIONS = {  # sub-resource -> the action of reading it
    "accelerate": "s3:GetAccelerateConfiguration",
    "analytics": "s3:GetAnalyticsConfiguration",
    "intelligent-tiering": "s3:GetIntelligentTieringConfiguration",
    "inventory": "s3:GetInventoryConfiguration",
    "metrics": "s3:GetMetricsConfiguration",
    "replication": "s3:GetReplicationConfiguration",
}


def account_of(s3: S3Request, name: str) -> str:
    """The account of a bucket: the registry's, else the caller's own if Swift's API made the container there.

    Raises S3Error.
    """
    account = registry.find(s3.tools, name)
    if not account and s3.caller is not None and s3.caller.project_id:
        account = s3.own_account
    if not account:
        raise S3Error("NoSuchBucket")
    return account


def index(s3: S3Request) -> Response:
    """ListBuckets. Without max-buckets it lists all."""
    account, prefix = Target(s3.own_account), s3.query.get("prefix", "")
    s3.access.require(READ_ACCOUNT, account)
    limit, marker = _max_buckets(s3), listings.name_of(s3.query.get("continuation-token", ""))
    result, found = Node("ListAllMyBucketsResult", _owner("Owner", s3)), Node("Buckets")
    while True:
        asked = min(listing.MAX_ROWS, limit - len(found.children) + 1)
        _, page = accounts.list_containers(s3.tools, account, ListingQuery(limit=asked, marker=marker, prefix=prefix))
        for entry in page[: limit - len(found.children)]:
            created = ("CreationDate", whole_seconds(entry.timestamp))
            found.add(Node("Bucket", ("Name", entry.name), created))
            marker = entry.name
        if len(page) < asked or len(found.children) >= limit:
            more = len(page) == asked and len(found.children) >= limit
            result.add(found, ("ContinuationToken", listings.token_of(marker)) if more else None)
            return response(result.add(("Prefix", prefix) if prefix else None))


def _max_buckets(s3: S3Request) -> int:
    number = parse_whole_number(s3.query.get("max-buckets", "")) if "max-buckets" in s3.query else MAX_BUCKETS
    if number is None or not 1 <= number <= MAX_BUCKETS:
        raise S3Error("InvalidArgument", f"max-buckets must be an integer between 1 and {MAX_BUCKETS}")
    return number


def is_valid(name: str) -> bool:
    """Whether S3 takes this for the name of a bucket; Swift's API may have made others, which S3 serves, too."""
    return bool(NAME.fullmatch(name) and not ADDRESS.fullmatch(name) and ".." not in name)


def create(s3: S3Request) -> Response:
    """CreateBucket."""
    account = s3.own_account
    s3.access.require(CREATE_CONTAINER, Target(account, s3.bucket))
    if not is_valid(s3.bucket):
        raise S3Error("InvalidBucketName", BucketName=s3.bucket)
    rights = _wanted_rights(s3)
    body = s3.body()
    if body:
        region = text(parse(body, "CreateBucketConfiguration"), "LocationConstraint")
        if region not in ("", s3.tools.config.region, "us-east-1"):
            raise S3Error("InvalidArgument", f"This store is the region {s3.tools.config.region}.")
    try:
        registry.claim(s3.tools, s3.bucket, account)
    except BucketTaken:
        raise S3Error("BucketAlreadyExists", BucketName=s3.bucket) from None
    there = s3.tools.listing_cache.get(Target(account, s3.bucket), fresh=True) is not None
    if there or not containers.create(s3.tools, s3.caller, Target(account, s3.bucket), rights):
        raise S3Error("BucketAlreadyOwnedByYou", BucketName=s3.bucket)
    return Response(200, [("Location", f"/{s3.bucket}")], b"", "")


def _wanted_rights(s3: S3Request) -> dict[str, str]:
    """The metadata of a new bucket with the ACL, ownership and object lock that the headers ask for. Raises S3Error."""
    acl, rule = acls.of_new_bucket(s3), s3.headers.get("x-amz-object-ownership", "")
    found = {} if acl is None else ACL.stored(acl)
    if s3.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
        found |= {VERSIONING: ENABLED} | LOCK.stored(LockRules())
    return found | (OWNERSHIP.stored(public_access.check_ownership(rule, acl)) if rule else {})


def delete(s3: S3Request) -> Response:
    """DeleteBucket. Uploads that were never completed don't keep a bucket: their parts are deleted with it."""
    s3.access.require(DELETE_CONTAINER, s3.container)
    containers.get(s3.tools, s3.container)
    containers.delete(s3.tools, s3.container)
    registry.release(s3.tools, s3.bucket)
    multipart_uploads.clear(s3.tools, s3.container)
    return Response(204, (), b"", "")


def head(s3: S3Request) -> Response:
    """HeadBucket."""
    s3.access.require(READ_CONTAINER, s3.container)
    containers.get(s3.tools, s3.container)
    return Response(200, [("x-amz-bucket-region", s3.tools.config.region)], b"", "application/xml")


def show_location(s3: S3Request) -> Response:
    """GetBucketLocation."""
    s3.access.require(read_setting("s3:GetBucketLocation"), s3.container)
    element = Node("LocationConstraint").write()
    element.text = s3.tools.config.region
    element.set("xmlns", NAMESPACE)
    return Response(200, (), b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(element), "application/xml")


def show_request_payment(s3: S3Request) -> Response:
    """GetBucketRequestPayment."""
    s3.access.require(read_setting("s3:GetBucketRequestPayment"), s3.container)
    return response(Node("RequestPaymentConfiguration", ("Payer", "BucketOwner")))


def update_request_payment(s3: S3Request) -> Response:
    """PutBucketRequestPayment: the owner pays, always."""
    s3.access.require(change_setting("s3:PutBucketRequestPayment"), s3.container)
    if text(parse(s3.body(), "RequestPaymentConfiguration"), "Payer") != "BucketOwner":
        raise S3Error("NotImplemented", "Nothing is billed here, so requesters can't pay; the payer is BucketOwner.")
    return Response(200, (), b"", "")


def delete_replication(s3: S3Request) -> Response:
    """DeleteBucketReplication: there is none, which is no error."""
    s3.access.require(change_setting("s3:PutReplicationConfiguration"), s3.container)
    return Response(204, (), b"", "")


def listed(name: str) -> Callable[[S3Request], Response]:
    """The answer to a question for configurations that no bucket has: an empty list, or that there is no such one."""

    def show(s3: S3Request) -> Response:
        s3.access.require(read_setting(ACTIONS[name]), s3.container)
        if "id" in s3.query:
            raise S3Error("NoSuchConfiguration", BucketName=s3.bucket)
        return response(Node(LISTS[name], ("IsTruncated", False)))

    return show


def unset(name: str) -> Callable[[S3Request], Response]:
    """The answer to a question for a setting that no bucket has."""

    def show(s3: S3Request) -> Response:
        s3.access.require(read_setting(ACTIONS[name]), s3.container)
        raise S3Error(NOT_SET[name], BucketName=s3.bucket)

    return show


def empty(name: str) -> Callable[[S3Request], Response]:
    """The answer to a question for a setting that is off in every bucket."""

    def show(s3: S3Request) -> Response:
        s3.access.require(read_setting(ACTIONS[name]), s3.container)
        return response(Node(EMPTY[name]))

    return show


def _owner(name: str, s3: S3Request) -> Node:
    project = s3.project
    if not project and s3.caller is not None:
        project = s3.caller.project_id or ""
    return Node(name, ("ID", project), ("DisplayName", project))
