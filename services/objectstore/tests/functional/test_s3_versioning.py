"""S3's bucket versioning through boto3."""

import threading
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from s3_clients import S3, refusal

PART = b"p" * (5 << 20)
S3_OPTIONS = {"customer_keys_over_http": True}


@pytest.fixture
def bucket(s3: S3) -> str:
    name = f"v-{uuid.uuid4().hex}"
    s3.client().create_bucket(Bucket=name)
    set_state(s3, name, "Enabled")
    return name


def set_state(s3: S3, bucket: str, state: str) -> None:
    s3.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": state})
    assert s3.client().get_bucket_versioning(Bucket=bucket)["Status"] == state


def listed(s3: S3, bucket: str, **more: Any) -> set[tuple[str, str, bool, bool]]:
    """(key, version, whether it is the latest, whether it is a marker)."""
    s3.store.drain()
    found = s3.client().list_object_versions(Bucket=bucket, **more)
    rows = [(one, False) for one in found.get("Versions", ())]
    rows += [(one, True) for one in found.get("DeleteMarkers", ())]
    return {(one["Key"], one["VersionId"], one["IsLatest"], marker) for one, marker in rows}


def read(s3: S3, bucket: str, **more: Any) -> bytes:
    return bytes(s3.client().get_object(Bucket=bucket, Key="k", **more)["Body"].read())


def test_versions_and_markers(s3: S3, bucket: str) -> None:
    boto = s3.client()
    first, second = (boto.put_object(Bucket=bucket, Key="k", Body=data)["VersionId"] for data in (b"1", b"22"))
    assert read(s3, bucket) == b"22" and read(s3, bucket, VersionId=first) == b"1"
    assert boto.head_object(Bucket=bucket, Key="k")["VersionId"] == second
    gone = boto.delete_object(Bucket=bucket, Key="k")
    marker = gone["VersionId"]
    assert gone["DeleteMarker"] is True
    assert refusal(boto.get_object, Bucket=bucket, Key="k") == (404, "NoSuchKey")
    assert refusal(boto.get_object, Bucket=bucket, Key="k", VersionId=marker) == (405, "MethodNotAllowed")
    assert refusal(boto.get_object, Bucket=bucket, Key="k", VersionId="1234567890.12345") == (404, "NoSuchVersion")
    assert listed(s3, bucket) == {("k", first, False, False), ("k", second, False, False), ("k", marker, True, True)}
    assert boto.delete_object(Bucket=bucket, Key="k", VersionId=marker)["DeleteMarker"] is True
    assert read(s3, bucket) == b"22"
    boto.delete_object(Bucket=bucket, Key="k", VersionId=second)
    assert read(s3, bucket) == b"1"
    assert listed(s3, bucket) == {("k", first, True, False)}
    assert refusal(boto.delete_bucket, Bucket=bucket) == (409, "BucketNotEmpty")
    boto.delete_object(Bucket=bucket, Key="k", VersionId=first)
    assert listed(s3, bucket) == set()
    boto.delete_bucket(Bucket=bucket)


def test_there_is_one_null_version(s3: S3) -> None:
    boto, bucket = s3.client(), f"n-{uuid.uuid4().hex}"
    boto.create_bucket(Bucket=bucket)
    boto.put_object(Bucket=bucket, Key="k", Body=b"before")
    set_state(s3, bucket, "Enabled")
    assert listed(s3, bucket) == {("k", "null", True, False)}
    first = boto.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    assert listed(s3, bucket) == {("k", "null", False, False), ("k", first, True, False)}
    assert read(s3, bucket, VersionId="null") == b"before"
    set_state(s3, bucket, "Suspended")
    assert "VersionId" not in boto.put_object(Bucket=bucket, Key="k", Body=b"later")
    assert listed(s3, bucket) == {("k", first, False, False), ("k", "null", True, False)}
    assert boto.delete_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    assert listed(s3, bucket) == {("k", first, False, False), ("k", "null", True, True)}
    boto.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert read(s3, bucket) == b"1"
    boto.put_object(Bucket=bucket, Key="k", Body=b"again")
    boto.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert read(s3, bucket) == b"1" and listed(s3, bucket) == {("k", first, True, False)}


def test_versions_are_encrypted_as_their_bucket_says(s3: S3) -> None:
    boto, bucket = s3.client(), f"e-{uuid.uuid4().hex}"
    boto.create_bucket(Bucket=bucket)
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    boto.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    customers = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    boto.put_object(Bucket=bucket, Key="k", Body=b"before")
    boto.put_object(Bucket=bucket, Key="own", Body=b"before", **customers)
    set_state(s3, bucket, "Enabled")
    first = boto.put_object(Bucket=bucket, Key="k", Body=b"1")
    second = boto.put_object(Bucket=bucket, Key="own", Body=b"22", **customers)
    assert boto.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"
    assert read(s3, bucket) == b"1" and read(s3, bucket, VersionId="null") == b"before"
    own = {"Bucket": bucket, "Key": "own", **customers}
    assert boto.get_object(**own)["Body"].read() == b"22"
    assert boto.get_object(**own, VersionId="null")["Body"].read() == b"before"
    rows = {(one[0], one[1]) for one in listed(s3, bucket)}
    assert rows == {(key, "null") for key in ("k", "own")} | {("k", first["VersionId"]), ("own", second["VersionId"])}
    assert [one["ETag"] for one in boto.list_objects_v2(Bucket=bucket)["Contents"]] == [first["ETag"], second["ETag"]]
    boto.delete_object(Bucket=bucket, Key="own", VersionId=second["VersionId"])
    assert boto.get_object(**own)["Body"].read() == b"before"


def test_pages(s3: S3, bucket: str) -> None:
    boto = s3.client()
    for key in ("a", "b/1", "b/2", "c", "c", "c", "d e"):
        boto.put_object(Bucket=bucket, Key=key, Body=b"")
    set_state(s3, bucket, "Suspended")
    boto.put_object(Bucket=bucket, Key="c", Body=b"null")
    set_state(s3, bucket, "Enabled")
    boto.put_object(Bucket=bucket, Key="c", Body=b"last")
    s3.store.drain()
    whole = boto.list_object_versions(Bucket=bucket)["Versions"]
    assert [one["Key"] for one in whole] == ["a", "b/1", "b/2", "c", "c", "c", "c", "c", "d e"]
    assert whole[4]["VersionId"] == "null" and whole[3]["IsLatest"]
    for size in (1, 2, 3):
        pages = boto.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        assert [one["VersionId"] for page in pages for one in page["Versions"]] == [one["VersionId"] for one in whole]
    pages = boto.get_paginator("list_object_versions").paginate(
        Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    keys = [
        row.get("Key", row.get("Prefix"))
        for page in pages
        for row in page.get("Versions", []) + page.get("CommonPrefixes", [])
    ]
    assert keys == ["a", "b/", "c", "c", "c", "c", "c", "d e"]
    quoted = boto.list_object_versions(Bucket=bucket, Prefix="d", EncodingType="url")["Versions"]
    assert [one["Key"] for one in quoted] == ["d%20e"]


def test_copies_and_tags_of_versions(s3: S3, bucket: str) -> None:
    boto = s3.client()
    first = boto.put_object(Bucket=bucket, Key="k", Body=b"1", Metadata={"m": "1"})["VersionId"]
    boto.put_object(Bucket=bucket, Key="k", Body=b"2")
    source = {"Bucket": bucket, "Key": "k", "VersionId": first}
    third = boto.copy_object(Bucket=bucket, Key="k", CopySource=source)
    assert third["CopySourceVersionId"] == first and len({first, third["VersionId"]}) == 2
    assert read(s3, bucket) == b"1" and boto.head_object(Bucket=bucket, Key="k")["Metadata"] == {"m": "1"}
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    boto.put_object_tagging(Bucket=bucket, Key="k", VersionId=first, Tagging=tags)
    assert boto.get_object_tagging(Bucket=bucket, Key="k", VersionId=first)["TagSet"] == tags["TagSet"]
    assert boto.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    boto.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags)
    boto.delete_object_tagging(Bucket=bucket, Key="k", VersionId=first)
    assert boto.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags["TagSet"]


def test_parts_stay_while_a_version_needs_them(s3: S3, bucket: str) -> None:
    boto = s3.client()

    def upload(last: bytes) -> str:
        named = {"Bucket": bucket, "Key": "k"}
        named["UploadId"] = boto.create_multipart_upload(**named)["UploadId"]
        etags = [boto.upload_part(**named, PartNumber=n, Body=data)["ETag"] for n, data in ((1, PART), (2, last))]
        s3.store.drain()
        parts = {"Parts": [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]}
        return str(boto.complete_multipart_upload(**named, MultipartUpload=parts)["VersionId"])

    first, second = upload(b"1"), upload(b"2")
    assert read(s3, bucket, VersionId=first) == PART + b"1" and read(s3, bucket) == PART + b"2"
    boto.delete_object(Bucket=bucket, Key="k", VersionId=second)
    assert read(s3, bucket) == PART + b"1"


def test_many_versions_are_deleted_at_once(s3: S3, bucket: str) -> None:
    boto = s3.client()
    made = [boto.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"] for _ in range(3)]
    named = [{"Key": "k", "VersionId": version} for version in made[:2]] + [{"Key": "other"}]
    gone = boto.delete_objects(Bucket=bucket, Delete={"Objects": named})["Deleted"]
    assert [one.get("VersionId") for one in gone] == [*made[:2], None] and gone[2]["DeleteMarker"] is True
    assert {one[:2] for one in listed(s3, bucket)} == {("k", made[2]), ("other", gone[2]["DeleteMarkerVersionId"])}


def test_deletions_that_cross_each_other_leave_nothing(s3: S3, bucket: str) -> None:
    """Each deletion of a current version promotes another, which the next may be deleting at that moment."""
    boto = s3.client()
    made = [boto.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"] for _ in range(12)]
    threads = [
        threading.Thread(target=s3.client().delete_object, kwargs={"Bucket": bucket, "Key": "k", "VersionId": version})
        for version in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert listed(s3, bucket) == set()
    assert refusal(boto.get_object, Bucket=bucket, Key="k") == (404, "NoSuchKey")
    boto.delete_bucket(Bucket=bucket)


def test_a_link_without_data_is_listed_and_can_be_deleted(s3: S3, bucket: str) -> None:
    """A version that is deleted between its two writes leaves a link; nobody could delete the bucket then."""
    from pileus_objectstore.core import stored_objects
    from pileus_objectstore.core.names import Target
    from pileus_objectstore.core.version_names import version_target

    boto = s3.client()
    version = boto.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    account = f"AUTH_{boto.list_buckets()['Owner']['ID']}"
    stored_objects.delete(s3.store.app.tools, version_target(Target(account, bucket, "k"), version))
    assert listed(s3, bucket) == {("k", version, True, False)}
    boto.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert listed(s3, bucket) == set()
    boto.delete_bucket(Bucket=bucket)


def test_what_is_refused(s3: S3, bucket: str) -> None:
    boto = s3.client()
    boto.put_object(Bucket=bucket, Key="k", Body=b"x")
    state = {"Status": "Enabled", "MFADelete": "Enabled"}
    assert refusal(boto.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=state) == (501, "NotImplemented")
    assert refusal(boto.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={}) == (400, "MalformedXML")
    other = s3.client("other")
    assert refusal(other.get_bucket_versioning, Bucket=bucket) == (403, "AccessDenied")
    assert refusal(other.list_object_versions, Bucket=bucket) == (403, "AccessDenied")
    assert refusal(boto.list_object_versions, Bucket=bucket, VersionIdMarker="x") == (400, "InvalidArgument")
    assert refusal(boto.get_object, Bucket=bucket, Key="k", VersionId="what") == (400, "InvalidArgument")
    assert refusal(boto.put_object, Bucket=bucket, Key="k", Body=b"", IfNoneMatch="*") == (412, "PreconditionFailed")


def test_deletions_on_condition(s3: S3, bucket: str) -> None:
    boto, named = s3.client(), {"Bucket": bucket, "Key": "k"}
    made = boto.put_object(**named, Body=b"12345")
    failed = (412, "PreconditionFailed")
    for wrong in ({"IfMatch": "no"}, {"IfMatchSize": 4}, {"IfMatchLastModifiedTime": datetime(2015, 1, 1, tzinfo=UTC)}):
        assert refusal(boto.delete_object, **named, **wrong) == failed
        assert refusal(boto.delete_object, **named, **wrong, VersionId=made["VersionId"]) == failed
    wanted = {"Objects": [{"Key": "k", "ETag": "no"}, {"Key": "k", "ETag": made["ETag"], "Size": 5}]}
    outcome = boto.delete_objects(Bucket=bucket, Delete=wanted)
    assert [one["Code"] for one in outcome["Errors"]] == ["PreconditionFailed"] and len(outcome["Deleted"]) == 1
    assert refusal(boto.delete_object, **named, IfMatch=made["ETag"]) == failed  # a marker is there now
    boto.delete_object(**named, IfMatch="*")
    boto.delete_object(**named, IfMatch=made["ETag"], VersionId=made["VersionId"])
    boto.delete_object(**named, IfMatch="no", VersionId=made["VersionId"])


def test_an_empty_delimiter_is_shown_as_it_was_asked_for(s3: S3, bucket: str) -> None:
    boto = s3.client()
    assert boto.list_object_versions(Bucket=bucket, Delimiter="")["Delimiter"] == ""
    assert "Delimiter" not in boto.list_object_versions(Bucket=bucket)
