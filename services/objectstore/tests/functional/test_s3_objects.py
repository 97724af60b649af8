"""S3's objects through boto3: bytes, metadata, conditions, ranges, checksums, copies, tags."""

import hashlib
import urllib.error
import urllib.request
from email.message import Message
from email.parser import BytesParser
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from s3_clients import S3, refusal

BUCKETS = ("pictures",)


def test_what_was_put_is_got(s3: S3) -> None:
    boto = s3.client()
    made = boto.put_object(
        Bucket="pictures", Key="a/b c+d.txt", Body=b"hello", ContentType="text/plain", Metadata={"colour": "blue"}
    )
    etag = f'"{hashlib.md5(b"hello", usedforsecurity=False).hexdigest()}"'
    assert made["ETag"] == etag
    found = boto.get_object(Bucket="pictures", Key="a/b c+d.txt")
    assert found["Body"].read() == b"hello" and found["ETag"] == etag
    assert found["ContentType"] == "text/plain" and found["Metadata"] == {"colour": "blue"}
    assert boto.head_object(Bucket="pictures", Key="a/b c+d.txt")["ContentLength"] == 5
    boto.delete_object(Bucket="pictures", Key="a/b c+d.txt")
    assert refusal(boto.get_object, Bucket="pictures", Key="a/b c+d.txt") == (404, "NoSuchKey")
    boto.delete_object(Bucket="pictures", Key="a/b c+d.txt")


def test_both_apis_see_the_same_objects(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket="pictures", Key="shared", Body=b"from s3", Metadata={"who": "s3"})
    headers = {"X-Auth-Token": s3.identity.token("demo")}
    url = f"{s3.url}/v1/AUTH_{s3.project()}/pictures/shared"
    swift = urllib.request.urlopen(urllib.request.Request(url, headers=headers))
    assert swift.read() == b"from s3" and swift.headers["X-Object-Meta-Who"] == "s3"
    assert s3.swift("PUT", "swifts") == 201
    assert s3.swift("PUT", "swifts/letter", b"from swift") == 201
    assert boto.get_object(Bucket="swifts", Key="letter")["Body"].read() == b"from swift"
    assert "swifts" in [bucket["Name"] for bucket in boto.list_buckets()["Buckets"]]


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_are_checked_and_kept(s3: S3, algorithm: str) -> None:
    boto = s3.client()
    boto.put_object(Bucket="pictures", Key="sum", Body=b"x" * 70_000, ChecksumAlgorithm=algorithm)
    found = boto.get_object(Bucket="pictures", Key="sum", ChecksumMode="ENABLED")
    assert found["Body"].read() == b"x" * 70_000
    wrong = {f"Checksum{algorithm}": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}
    assert refusal(boto.put_object, Bucket="pictures", Key="sum", Body=b"y", **wrong)[0] == 400


def test_a_body_that_is_not_what_was_signed_is_not_stored(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket="pictures", Key="kept", Body=b"old")
    assert refusal(boto.put_object, Bucket="pictures", Key="kept", Body=b"new", ContentMD5="x") == (
        400,
        "InvalidDigest",
    )
    md5 = "AAAAAAAAAAAAAAAAAAAAAA=="
    assert refusal(boto.put_object, Bucket="pictures", Key="kept", Body=b"new", ContentMD5=md5) == (400, "BadDigest")
    assert boto.get_object(Bucket="pictures", Key="kept")["Body"].read() == b"old"


def test_ranges_and_conditions(s3: S3) -> None:
    boto = s3.client()
    etag = boto.put_object(Bucket="pictures", Key="digits", Body=b"0123456789")["ETag"]
    part = boto.get_object(Bucket="pictures", Key="digits", Range="bytes=2-4")
    assert part["Body"].read() == b"234" and part["ContentRange"] == "bytes 2-4/10"
    assert boto.get_object(Bucket="pictures", Key="digits", Range="bytes=-3")["Body"].read() == b"789"
    assert refusal(boto.get_object, Bucket="pictures", Key="digits", Range="bytes=20-") == (416, "InvalidRange")
    assert boto.get_object(Bucket="pictures", Key="digits", IfMatch=etag)["Body"].read() == b"0123456789"
    assert refusal(boto.get_object, Bucket="pictures", Key="digits", IfNoneMatch=etag)[0] == 304
    assert refusal(boto.get_object, Bucket="pictures", Key="digits", IfMatch='"no"')[1] == "PreconditionFailed"
    refused = refusal(boto.put_object, Bucket="pictures", Key="digits", Body=b"", IfNoneMatch="*")
    assert refused == (412, "PreconditionFailed")
    assert refusal(boto.put_object, Bucket="pictures", Key="digits", Body=b"", IfMatch='"no"')[0] == 412
    boto.put_object(Bucket="pictures", Key="digits", Body=b"ab", IfMatch=etag)


def test_copies(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket="pictures", Key="source", Body=b"bytes", ContentType="text/x", Metadata={"a": "1"})
    boto.copy_object(Bucket="pictures", Key="target", CopySource={"Bucket": "pictures", "Key": "source"})
    found = boto.head_object(Bucket="pictures", Key="target")
    assert found["Metadata"] == {"a": "1"} and found["ContentType"] == "text/x"
    boto.copy_object(
        Bucket="pictures", Key="target", CopySource="pictures/source", MetadataDirective="REPLACE", Metadata={"b": "2"}
    )
    assert boto.head_object(Bucket="pictures", Key="target")["Metadata"] == {"b": "2"}
    same = {"Bucket": "pictures", "Key": "source", "CopySource": "pictures/source"}
    assert refusal(boto.copy_object, **same) == (400, "InvalidRequest")
    assert refusal(boto.copy_object, Bucket="pictures", Key="x", CopySource="pictures/none") == (404, "NoSuchKey")


def test_tags(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket="pictures", Key="tagged", Body=b"x", Tagging="a=1&b=two%20words", Metadata={"m": "n"})
    tags = boto.get_object_tagging(Bucket="pictures", Key="tagged")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "two words"}]
    boto.put_object_tagging(Bucket="pictures", Key="tagged", Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert boto.get_object_tagging(Bucket="pictures", Key="tagged")["TagSet"] == [{"Key": "c", "Value": "3"}]
    boto.delete_object_tagging(Bucket="pictures", Key="tagged")
    assert boto.get_object_tagging(Bucket="pictures", Key="tagged")["TagSet"] == []
    assert boto.head_object(Bucket="pictures", Key="tagged")["Metadata"] == {"m": "n"}
    many = {"TagSet": [{"Key": str(n), "Value": ""} for n in range(11)]}
    assert refusal(boto.put_object_tagging, Bucket="pictures", Key="tagged", Tagging=many) == (400, "InvalidTag")


def test_many_are_deleted_at_once(s3: S3) -> None:
    boto = s3.client()
    for name in ("d1", "d2"):
        boto.put_object(Bucket="pictures", Key=name, Body=b"")
    gone = boto.delete_objects(Bucket="pictures", Delete={"Objects": [{"Key": k} for k in ("d1", "d2", "never")]})
    assert [one["Key"] for one in gone["Deleted"]] == ["d1", "d2", "never"] and "Errors" not in gone


def test_presigned_urls(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket="pictures", Key="signed", Body=b"for you")
    url = boto.generate_presigned_url("get_object", {"Bucket": "pictures", "Key": "signed"}, ExpiresIn=60)
    assert urllib.request.urlopen(url).read() == b"for you"
    for spoiled in (url.replace("signed?", "kept?"), url[:-1] + ("0" if url[-1] != "0" else "1")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(spoiled)
        assert refused.value.code == 403 and b"SignatureDoesNotMatch" in refused.value.read()
    put = boto.generate_presigned_url("put_object", {"Bucket": "pictures", "Key": "sent"}, ExpiresIn=60)
    urllib.request.urlopen(urllib.request.Request(put, b"by url", method="PUT"))
    assert boto.get_object(Bucket="pictures", Key="sent")["Body"].read() == b"by url"


def test_who_may_not_is_refused(s3: S3) -> None:
    other = s3.client("other")
    s3.client().put_object(Bucket="pictures", Key="private", Body=b"mine")
    for call, more in ((other.get_object, {}), (other.put_object, {"Body": b"x"}), (other.delete_object, {})):
        assert refusal(call, Bucket="pictures", Key="private", **more) == (403, "AccessDenied")
    assert refusal(other.list_objects_v2, Bucket="pictures") == (403, "AccessDenied")
    assert refusal(other.copy_object, Bucket="pictures", Key="x", CopySource="pictures/private")[0] == 403
    wrong = s3.client(secret="0" * 32)
    assert refusal(wrong.list_buckets) == (403, "SignatureDoesNotMatch")
    assert refusal(s3.client(access="0" * 32).list_buckets) == (403, "InvalidAccessKeyId")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{s3.url}/pictures/private")
    assert refused.value.code == 403


def test_what_is_not_built_says_so(s3: S3) -> None:
    boto = s3.client()
    assert refusal(boto.get_bucket_policy, Bucket="pictures") == (404, "NoSuchBucketPolicy")
    accelerated = {"AccelerateConfiguration": {"Status": "Enabled"}}
    assert refusal(boto.put_bucket_accelerate_configuration, Bucket="pictures", **accelerated) == (
        501,
        "NotImplemented",
    )
    secret = {"ServerSideEncryption": "aws:kms"}
    assert refusal(boto.put_object, Bucket="pictures", Key="x", Body=b"", **secret) == (501, "NotImplemented")
    assert boto.get_bucket_versioning(Bucket="pictures").get("Status") is None


def test_a_header_that_was_not_signed_is_refused(s3: S3) -> None:
    boto = s3.client()

    def add(request: Any, **_: Any) -> None:
        request.headers["x-amz-meta-smuggled"] = "yes"

    boto.meta.events.register("before-send.s3.PutObject", add)
    assert refusal(boto.put_object, Bucket="pictures", Key="smuggled", Body=b"x") == (403, "AccessDenied")


def test_several_ranges(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket="pictures", Key="many", Body=b"0123456789", ContentType="text/digits")
    answer = boto.get_object(Bucket="pictures", Key="many", Range="bytes=1-2,4-5")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    message = BytesParser().parsebytes(
        f"Content-Type: {answer['ContentType']}\r\n\r\n".encode() + answer["Body"].read()
    )
    parts = cast(list[Message], message.get_payload())
    assert [part.get_payload(decode=True) for part in parts] == [b"12", b"45"]
    assert [part["Content-Range"] for part in parts] == ["bytes 1-2/10", "bytes 4-5/10"]
    assert {part.get_content_type() for part in parts} == {"text/digits"}


def test_what_is_not_modified_still_accepts_ranges(s3: S3) -> None:
    boto = s3.client()
    etag = boto.put_object(Bucket="pictures", Key="same", Body=b"x")["ETag"]
    with pytest.raises(ClientError) as caught:
        boto.get_object(Bucket="pictures", Key="same", IfNoneMatch=etag)
    answer = caught.value.response["ResponseMetadata"]
    assert answer["HTTPStatusCode"] == 304 and answer["HTTPHeaders"]["accept-ranges"] == "bytes"


def test_a_copys_source_has_one_parameter(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket="pictures", Key="source", Body=b"x")
    named = {"Bucket": "pictures", "Key": "copied", "CopySource": "pictures/source?versionId=null"}
    boto.copy_object(**named)
    assert boto.get_object(Bucket="pictures", Key="copied")["Body"].read() == b"x"
    for asked in ("?nonsense", "?versionId=null&nonsense"):
        source = {"x-amz-copy-source": f"/pictures/source{asked}"}
        boto.meta.events.register_last(
            "before-call.s3", lambda params, source=source, **_: params["headers"].update(source)
        )
        assert refusal(boto.copy_object, **named) == (400, "InvalidArgument")
