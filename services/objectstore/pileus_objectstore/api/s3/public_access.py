"""The public access block of a bucket, and who owns the objects that others store in it."""

from xml.etree.ElementTree import Element

from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core.access import change_setting, read_setting
from pileus_objectstore.core.bucket_rights import (
    ACL,
    BLOCK,
    ENFORCED,
    OWNERSHIP,
    PREFERRED,
    WRITER,
    Ownership,
    PublicAccessBlock,
)
from pileus_objectstore.core.grants import Acl

RULES = (ENFORCED, PREFERRED, WRITER)
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def show(s3: S3Request) -> Response:
    """GetPublicAccessBlock."""
    s3.access.require(read_setting("s3:GetBucketPublicAccessBlock"), s3.container)
    found = BLOCK.load(s3.tools, s3.container, fresh=True)
    if found is None:
        raise S3Error("NoSuchPublicAccessBlockConfiguration", BucketName=s3.bucket)
    flags = (
        found.block_public_acls,
        found.ignore_public_acls,
        found.block_public_policy,
        found.restrict_public_buckets,
    )
    return response(Node("PublicAccessBlockConfiguration").extend(zip(FLAGS, flags, strict=True)))


def update(s3: S3Request) -> Response:
    """PutPublicAccessBlock."""
    s3.access.require(change_setting("s3:PutBucketPublicAccessBlock"), s3.container)
    document = parse(s3.body(), "PublicAccessBlockConfiguration")
    BLOCK.store(s3.tools, s3.container, PublicAccessBlock(*(_flag(document, name) for name in FLAGS)))
    return Response(200, (), b"", "")


def delete(s3: S3Request) -> Response:
    """DeletePublicAccessBlock."""
    s3.access.require(change_setting("s3:PutBucketPublicAccessBlock"), s3.container)
    BLOCK.store(s3.tools, s3.container, None)
    return Response(204, (), b"", "")


def show_ownership(s3: S3Request) -> Response:
    """GetBucketOwnershipControls."""
    s3.access.require(read_setting("s3:GetBucketOwnershipControls"), s3.container)
    found = OWNERSHIP.load(s3.tools, s3.container, fresh=True)
    if found is None:
        raise S3Error("OwnershipControlsNotFoundError", BucketName=s3.bucket)
    return response(Node("OwnershipControls", Node("Rule", ("ObjectOwnership", found.rule))))


def update_ownership(s3: S3Request) -> Response:
    """PutBucketOwnershipControls."""
    s3.access.require(change_setting("s3:PutBucketOwnershipControls"), s3.container)
    rules = parse(s3.body(), "OwnershipControls").findall("Rule")
    if len(rules) != 1:
        raise S3Error("MalformedXML")
    OWNERSHIP.store(
        s3.tools,
        s3.container,
        check_ownership(text(rules[0], "ObjectOwnership"), ACL.load(s3.tools, s3.container, fresh=True)),
    )
    return Response(200, (), b"", "")


def delete_ownership(s3: S3Request) -> Response:
    """DeleteBucketOwnershipControls."""
    s3.access.require(change_setting("s3:PutBucketOwnershipControls"), s3.container)
    OWNERSHIP.store(s3.tools, s3.container, None)
    return Response(204, (), b"", "")


def check_ownership(rule: str, acl: Acl | None) -> Ownership:
    """The rule of that name for a bucket with this ACL. Raises S3Error."""
    if rule not in RULES:
        raise S3Error("MalformedXML", f"ObjectOwnership must be one of {', '.join(RULES)}.")
    if rule == ENFORCED and acl is not None and any(grant.grantee != acl.owner for grant in acl.grants):
        raise S3Error("InvalidBucketAclWithObjectOwnership")
    return Ownership(rule)


def _flag(document: Element, name: str) -> bool:
    value = text(document, name, "false").lower()
    if value not in ("true", "false"):
        raise S3Error("MalformedXML")
    return value == "true"
