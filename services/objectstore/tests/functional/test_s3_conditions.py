"""Conditions of writes and deletions, and whose bucket a client expects, through boto3."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from s3_clients import S3

BUCKET = "conditional"
BUCKETS = (BUCKET,)


def outcome(call: Any, **arguments: Any) -> str:
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as err:
        return str(err.response["Error"]["Code"])
    return ""


def test_writes(s3: S3) -> None:
    boto = s3.client()
    assert outcome(boto.put_object, Key="w", Body=b"1", IfMatch="*") == "NoSuchKey"
    assert outcome(boto.put_object, Key="w", Body=b"1", IfNoneMatch='"0"') == ""
    etag = boto.head_object(Bucket=BUCKET, Key="w")["ETag"]
    assert outcome(boto.put_object, Key="w", Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
    assert outcome(boto.put_object, Key="w", Body=b"2", IfNoneMatch=etag) == "PreconditionFailed"
    assert outcome(boto.put_object, Key="w", Body=b"2", IfMatch='"0"') == "PreconditionFailed"
    assert outcome(boto.put_object, Key="w", Body=b"2", IfMatch=etag) == ""
    assert outcome(boto.put_object, Key="w", Body=b"3", IfMatch="*") == ""


def test_deletions(s3: S3) -> None:
    boto = s3.client()
    etag = boto.put_object(Bucket=BUCKET, Key="d", Body=b"12")["ETag"]
    modified = boto.head_object(Bucket=BUCKET, Key="d")["LastModified"]
    assert boto.list_objects_v2(Bucket=BUCKET, Prefix="d")["Contents"][0]["LastModified"] == modified
    wrong = ({"ETag": '"0"'}, {"Size": 3}, {"LastModifiedTime": modified - timedelta(seconds=5)})
    for demanded in wrong:
        named = {"Objects": [{"Key": "d", **demanded}]}
        assert boto.delete_objects(Bucket=BUCKET, Delete=named)["Errors"][0]["Code"] == "PreconditionFailed"
    assert outcome(boto.delete_object, Key="d", IfMatch='"0"') == "PreconditionFailed"
    assert outcome(boto.delete_object, Key="d", IfMatchSize=3) == "PreconditionFailed"
    assert outcome(boto.delete_object, Key="d", IfMatch=etag, IfMatchSize=2, IfMatchLastModifiedTime=modified) == ""
    assert outcome(boto.head_object, Key="d") == "404" and outcome(boto.delete_object, Key="d", IfMatch='"0"') == ""


def test_the_expected_owner(s3: S3) -> None:
    boto = s3.client()
    owner = boto.list_buckets()["Owner"]["ID"]
    assert outcome(boto.list_objects_v2, ExpectedBucketOwner=owner) == ""
    assert outcome(boto.list_objects_v2, ExpectedBucketOwner="another") == "AccessDenied"
    assert outcome(boto.put_object, Key="e", Body=b"", ExpectedBucketOwner="another") == "AccessDenied"


def test_buckets_are_listed_in_pages(s3: S3) -> None:
    boto = s3.client()
    for name in ("page-a", "page-b", "page-c"):
        boto.create_bucket(Bucket=name)
    first = boto.list_buckets(MaxBuckets=2, Prefix="page-")
    assert [one["Name"] for one in first["Buckets"]] == ["page-a", "page-b"]
    second = boto.list_buckets(MaxBuckets=2, Prefix="page-", ContinuationToken=first["ContinuationToken"])
    assert [one["Name"] for one in second["Buckets"]] == ["page-c"] and "ContinuationToken" not in second
    with pytest.raises(ClientError, match="InvalidArgument"):
        boto.list_buckets(MaxBuckets=10_001)


def test_times_that_no_deletion_can_demand(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket=BUCKET, Key="timed", Body=b"x")
    for time, code in (
        ("Mon, 30 Nov 99999999999 07:16:00 GMT", "InvalidArgument"),
        ("0001-01-01T00:00:00", "PreconditionFailed"),
        ("9999-12-31T23:59:59", "PreconditionFailed"),
    ):

        def demand(request: Any, time: str = time, **_: Any) -> None:
            request.headers["x-amz-if-match-last-modified-time"] = time

        boto.meta.events.register("before-sign.s3.DeleteObject", demand)
        assert outcome(boto.delete_object, Key="timed") == code
        boto.meta.events.unregister("before-sign.s3.DeleteObject", demand)


def test_the_expected_owner_of_a_source(s3: S3) -> None:
    boto = s3.client()
    owner = boto.list_buckets()["Owner"]["ID"]
    boto.put_object(Bucket=BUCKET, Key="source", Body=b"x")
    copy = {"Key": "copied", "CopySource": f"{BUCKET}/source"}
    assert outcome(boto.copy_object, **copy, ExpectedSourceBucketOwner="another") == "AccessDenied"
    assert outcome(boto.copy_object, **copy, ExpectedSourceBucketOwner=owner, ExpectedBucketOwner=owner) == ""
    upload = boto.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    part = {"Key": "parts", "UploadId": upload, "PartNumber": 1, "CopySource": f"{BUCKET}/source"}
    assert outcome(boto.upload_part_copy, **part, ExpectedSourceBucketOwner="another") == "AccessDenied"
    assert outcome(boto.upload_part_copy, **part, ExpectedSourceBucketOwner=owner) == ""
