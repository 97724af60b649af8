"""S3's buckets and listings through boto3."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from s3_clients import S3, refusal


def test_buckets_come_and_go(s3: S3) -> None:
    boto = s3.client()
    boto.create_bucket(Bucket="first")
    assert refusal(boto.create_bucket, Bucket="first") == (409, "BucketAlreadyOwnedByYou")
    assert [bucket["Name"] for bucket in boto.list_buckets()["Buckets"]] == ["first"]
    assert boto.get_bucket_location(Bucket="first")["LocationConstraint"] == "RegionOne"
    boto.head_bucket(Bucket="first")
    boto.put_object(Bucket="first", Key="k", Body=b"")
    assert refusal(boto.delete_bucket, Bucket="first") == (409, "BucketNotEmpty")
    boto.delete_object(Bucket="first", Key="k")
    boto.delete_bucket(Bucket="first")
    assert refusal(boto.head_bucket, Bucket="first")[0] == 404
    assert refusal(boto.list_objects_v2, Bucket="first") == (404, "NoSuchBucket")
    assert refusal(boto.get_object, Bucket="first", Key="k") == (404, "NoSuchBucket")


def test_a_name_belongs_to_one_project(s3: S3) -> None:
    mine, theirs = s3.client(), s3.client("other")
    mine.create_bucket(Bucket="unique")
    assert refusal(theirs.create_bucket, Bucket="unique") == (409, "BucketAlreadyExists")
    mine.delete_bucket(Bucket="unique")
    theirs.create_bucket(Bucket="unique")
    assert refusal(mine.list_objects_v2, Bucket="unique") == (403, "AccessDenied")


@pytest.mark.parametrize("name", ["Abc", "ab", "a..b", "192.168.1.1", "-abc", "a_b"])
def test_odd_names_are_refused(s3: S3, name: str) -> None:
    assert refusal(s3.client().create_bucket, Bucket=name)[0] == 400


@pytest.fixture(scope="module")
def full(s3: S3) -> Any:
    boto = s3.client()
    boto.create_bucket(Bucket="listed")
    for name in ("a/1", "a/2", "b", "c/x/1", "c/y", "d"):
        boto.put_object(Bucket="listed", Key=name, Body=b"12")
    s3.store.drain()
    return boto


def keys(page: Any) -> list[str]:
    return [one["Key"] for one in page.get("Contents", ())] + [p["Prefix"] for p in page.get("CommonPrefixes", ())]


def test_lists(full: Any) -> None:
    page = full.list_objects_v2(Bucket="listed")
    assert keys(page) == ["a/1", "a/2", "b", "c/x/1", "c/y", "d"] and page["KeyCount"] == 6
    assert page["Contents"][0]["Size"] == 2 and not page["IsTruncated"]
    assert keys(full.list_objects_v2(Bucket="listed", Delimiter="/")) == ["b", "d", "a/", "c/"]
    assert keys(full.list_objects_v2(Bucket="listed", Prefix="c/", Delimiter="/")) == ["c/y", "c/x/"]
    assert keys(full.list_objects_v2(Bucket="listed", StartAfter="b")) == ["c/x/1", "c/y", "d"]
    assert keys(full.list_objects_v2(Bucket="listed", MaxKeys=0)) == []


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_follow_each_other(full: Any, operation: str, delimiter: str, size: int) -> None:
    pages = full.get_paginator(operation).paginate(
        Bucket="listed", Delimiter=delimiter, PaginationConfig={"PageSize": size}
    )
    found = sorted(name for page in pages for name in keys(page))
    assert found == (["a/", "b", "c/", "d"] if delimiter else ["a/1", "a/2", "b", "c/x/1", "c/y", "d"])


def test_odd_parameters_are_refused(full: Any) -> None:
    assert refusal(full.list_objects_v2, Bucket="listed", MaxKeys=-1)[0] == 400
    assert refusal(full.list_objects_v2, Bucket="listed", ContinuationToken="?")[0] == 400


def test_what_this_store_has_not(s3: S3) -> None:
    boto = s3.client()
    boto.create_bucket(Bucket="plain")
    for listing in ("analytics", "inventory", "metrics", "intelligent_tiering"):
        page = getattr(boto, f"list_bucket_{listing}_configurations")(Bucket="plain")
        assert page["IsTruncated"] is False
        assert refusal(getattr(boto, f"get_bucket_{listing}_configuration"), Bucket="plain", Id="x")[0] == 404
    assert "Status" not in boto.get_bucket_accelerate_configuration(Bucket="plain")
    assert refusal(boto.get_bucket_replication, Bucket="plain") == (404, "ReplicationConfigurationNotFoundError")
    boto.delete_bucket_replication(Bucket="plain")
    for payer, refused in (("BucketOwner", False), ("Requester", True)):
        payment = {"Payer": payer}
        if refused:
            put = boto.put_bucket_request_payment
            assert refusal(put, Bucket="plain", RequestPaymentConfiguration=payment) == (501, "NotImplemented")
        else:
            boto.put_bucket_request_payment(Bucket="plain", RequestPaymentConfiguration=payment)
    assert boto.get_bucket_request_payment(Bucket="plain")["Payer"] == "BucketOwner"
    accelerated = {"Status": "Enabled"}
    put = boto.put_bucket_accelerate_configuration
    assert refusal(put, Bucket="plain", AccelerateConfiguration=accelerated) == (501, "NotImplemented")
    assert refusal(s3.client("other").get_bucket_location, Bucket="plain") == (403, "AccessDenied")
    boto.delete_bucket(Bucket="plain")


def test_what_a_bucket_has_needs_the_bucket(s3: S3) -> None:
    boto = s3.client()
    delete = {"Objects": [{"Key": "x"}]}
    for call, more in (
        (boto.get_bucket_acl, {}),
        (boto.get_bucket_cors, {}),
        (boto.delete_objects, {"Delete": delete}),
    ):
        with pytest.raises(ClientError) as caught:
            call(Bucket="never-made", **more)
        assert caught.value.response["Error"]["Code"] == "NoSuchBucket"
    with pytest.raises(ClientError) as caught:
        boto.list_objects_v2(Bucket="Not_A_Name")
    assert caught.value.response["Error"]["Code"] == "InvalidBucketName"
