"""Tags of buckets."""

import msgspec

from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3 import metadata
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core.access import change_setting, read_setting
from pileus_objectstore.core.bucket_settings import Setting

MAX_TAGS = 50


class Tags(msgspec.Struct, frozen=True):
    """A bucket's tags: names and values."""

    tags: tuple[tuple[str, str], ...]


TAGS = Setting("Tagging", Tags)


def show(s3: S3Request) -> Response:
    """GetBucketTagging."""
    s3.access.require(read_setting("s3:GetBucketTagging"), s3.container)
    found = TAGS.load(s3.tools, s3.container, fresh=True)
    if found is None:
        raise S3Error("NoSuchTagSet", BucketName=s3.bucket)
    nodes = [Node("Tag", ("Key", key), ("Value", value)) for key, value in found.tags]
    return response(Node("Tagging", Node("TagSet").extend(nodes)))


def update(s3: S3Request) -> Response:
    """PutBucketTagging."""
    s3.access.require(change_setting("s3:PutBucketTagging"), s3.container)
    found = parse(s3.body(), "Tagging").findall("TagSet/Tag")
    tags = tuple((text(one, "Key"), text(one, "Value")) for one in found)
    metadata.check_tags(list(tags), MAX_TAGS)
    TAGS.store(s3.tools, s3.container, Tags(tags) if tags else None)
    return Response(204, (), b"", "")


def delete(s3: S3Request) -> Response:
    """DeleteBucketTagging."""
    s3.access.require(change_setting("s3:PutBucketTagging"), s3.container)
    TAGS.store(s3.tools, s3.container, None)
    return Response(204, (), b"", "")
