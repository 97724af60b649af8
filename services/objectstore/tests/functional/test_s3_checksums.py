"""Checksums of objects and of uploads in parts, as boto3 sends and checks them."""

import base64
import hashlib
import http.client
import zlib
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from s3_clients import S3, refusal

from pileus_objectstore.core.checksums import ALGORITHMS
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.upload_parts import parts_container
from pileus_objectstore.wire.contract import ListingHost, ListingRow, timestamp

PART = b"p" * (5 << 20)
LAST = b"the end"
BUCKETS = ("sums",)


def checksum(algorithm: str, data: bytes) -> bytes:
    digest = ALGORITHMS[algorithm.lower()]()
    digest.update(data)
    return digest.digest()


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("CRC32", "COMPOSITE"),
        ("CRC32", "FULL_OBJECT"),
        ("CRC32C", "COMPOSITE"),
        ("CRC32C", "FULL_OBJECT"),
        ("CRC64NVME", "FULL_OBJECT"),
        ("SHA1", "COMPOSITE"),
        ("SHA256", "COMPOSITE"),
    ],
)
def test_the_checksum_of_an_upload(s3: S3, algorithm: str, kind: str) -> None:
    boto, name = s3.client(), f"Checksum{algorithm}"
    key = f"{algorithm}-{kind}"
    begun = boto.create_multipart_upload(Bucket="sums", Key=key, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    assert (begun["ChecksumAlgorithm"], begun["ChecksumType"]) == (algorithm, kind)
    named = {"Bucket": "sums", "Key": key, "UploadId": begun["UploadId"]}
    sent = [
        boto.upload_part(**named, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
        for number, body in ((1, PART), (2, LAST))
    ]
    own = [encoded(checksum(algorithm, body)) for body in (PART, LAST)]
    assert [part[name] for part in sent] == own
    listed = boto.list_parts(**named)
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == (algorithm, kind)
    assert [part[name] for part in listed["Parts"]] == own
    uploads = boto.list_multipart_uploads(Bucket="sums", Prefix=key)["Uploads"]
    assert [(one["ChecksumAlgorithm"], one["ChecksumType"]) for one in uploads] == [(algorithm, kind)]
    parts = [{"PartNumber": n, "ETag": part["ETag"], name: part[name]} for n, part in enumerate(sent, 1)]
    wrong = [parts[0], {**parts[1], name: own[0]}]
    assert refusal(boto.complete_multipart_upload, **named, MultipartUpload={"Parts": wrong}) == (400, "InvalidPart")
    bad = {name: encoded(checksum(algorithm, b"other"))}
    listed_parts = {"MultipartUpload": {"Parts": parts}}
    assert refusal(boto.complete_multipart_upload, **named, **listed_parts, **bad) == (400, "BadDigest")
    assert refusal(boto.complete_multipart_upload, **named, **listed_parts, MpuObjectSize=3) == (400, "BadDigest")
    joined = b"".join(checksum(algorithm, body) for body in (PART, LAST))
    whole = (
        encoded(checksum(algorithm, PART + LAST))
        if kind == "FULL_OBJECT"
        else f"{encoded(checksum(algorithm, joined))}-2"
    )
    for _ in range(2):  # the second time it is done already
        done = boto.complete_multipart_upload(
            **named, **listed_parts, **{name: whole}, MpuObjectSize=len(PART + LAST), ChecksumType=kind
        )
        assert (done[name], done["ChecksumType"]) == (whole, kind)
    head = boto.head_object(Bucket="sums", Key=key, ChecksumMode="ENABLED")
    assert (head[name], head["ChecksumType"]) == (whole, kind)
    assert name not in boto.head_object(Bucket="sums", Key=key)
    assert boto.get_object(Bucket="sums", Key=key)["Body"].read() == PART + LAST, "boto3 has checked it"
    second = boto.get_object(Bucket="sums", Key=key, PartNumber=2)
    assert (second[name], second["PartsCount"], second["Body"].read()) == (own[1], 2, LAST)
    known = boto.get_object_attributes(
        Bucket="sums", Key=key, ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize", "StorageClass"]
    )
    assert known["Checksum"] == {name: whole, "ChecksumType": kind}
    assert known["ObjectParts"]["TotalPartsCount"] == 2 and known["ObjectSize"] == len(PART + LAST)
    assert [(p["PartNumber"], p["Size"], p[name]) for p in known["ObjectParts"]["Parts"]] == [
        (1, len(PART), own[0]),
        (2, len(LAST), own[1]),
    ]
    assert f'"{known["ETag"]}"' == done["ETag"]


def test_types_that_do_not_exist(s3: S3) -> None:
    boto = s3.client()
    for algorithm, kind in (("SHA256", "FULL_OBJECT"), ("SHA1", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")):
        asked = {"Bucket": "sums", "Key": "k", "ChecksumAlgorithm": algorithm, "ChecksumType": kind}
        assert refusal(boto.create_multipart_upload, **asked) == (400, "InvalidRequest")
    asked = {"Bucket": "sums", "Key": "k", "ChecksumAlgorithm": "XXHASH99"}
    assert refusal(boto.create_multipart_upload, **asked) == (400, "InvalidRequest")
    assert refusal(boto.get_object_attributes, Bucket="sums", Key="k", ObjectAttributes=["Nothing"])[0] == 400


def test_parts_have_the_algorithm_of_their_upload(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket="sums", Key="source", Body=b"0123456789")
    upload = boto.create_multipart_upload(Bucket="sums", Key="mixed", ChecksumAlgorithm="SHA256")["UploadId"]
    named = {"Bucket": "sums", "Key": "mixed", "UploadId": upload}
    other = refusal(boto.upload_part, **named, PartNumber=1, Body=b"x", ChecksumAlgorithm="SHA1")
    assert other == (400, "InvalidRequest")
    silent = s3.client(request_checksum_calculation="when_required")
    assert silent.upload_part(**named, PartNumber=1, Body=b"x")["ChecksumSHA256"] == encoded(checksum("SHA256", b"x"))
    copied = boto.upload_part_copy(**named, PartNumber=1, CopySource="sums/source", CopySourceRange="bytes=2-5")
    result = copied["CopyPartResult"]
    assert result["ChecksumSHA256"] == encoded(checksum("SHA256", b"2345"))
    parts = {"Parts": [{"PartNumber": 1, "ETag": result["ETag"]}]}
    done = boto.complete_multipart_upload(**named, MultipartUpload=parts)
    assert done["ChecksumSHA256"] == encoded(hashlib.sha256(checksum("SHA256", b"2345")).digest()) + "-1"


@pytest.mark.parametrize("size", [5, 300_000])
def test_a_checksum_in_a_trailer_is_kept(s3: S3, size: int) -> None:
    """Clients send it so over TLS. It is known only behind the body, which is longer than one message or not."""
    data = b"t" * size
    value = encoded(zlib.crc32(data).to_bytes(4, "big"))
    body = b"%x\r\n%b\r\n0\r\nx-amz-checksum-crc32:%b\r\n\r\n" % (size, data, value.encode())
    headers = {
        "x-amz-decoded-content-length": str(size),
        "x-amz-trailer": "x-amz-checksum-crc32",
        "content-encoding": "aws-chunked",
    }
    request = AWSRequest("PUT", f"{s3.url}/sums/trailed", headers, body)
    request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    S3SigV4Auth(Credentials(*s3.key("demo")), "s3", "RegionOne").add_auth(request)
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request("PUT", "/sums/trailed", body, dict(request.headers.items()))
    assert connection.getresponse().status == 200
    connection.close()
    found = s3.client().get_object(Bucket="sums", Key="trailed")
    assert (found["ChecksumCRC32"], found["Body"].read()) == (value, data)


def test_ten_thousand_parts(s3: S3) -> None:
    """Only the listing is filled here, not the parts: a completion reads nothing else."""
    boto, store = s3.client(), s3.store
    upload = boto.create_multipart_upload(Bucket="sums", Key="vast")["UploadId"]
    named = {"Bucket": "sums", "Key": "vast", "UploadId": upload}
    account = f"AUTH_{s3.project()}"
    holder = parts_container(Target(account, "sums"))
    etag = hashlib.md5(b"part", usedforsecurity=False).hexdigest()
    rows = [
        ListingRow(f"vast/{upload}/{n:05}", timestamp(), False, 5 << 20, etag, "binary/octet-stream")
        for n in range(1, 10_001)
    ]
    rings, updater = store.app.tools.cluster.rings, store.servers[0].updater
    placement = rings.placement(*holder.names)
    hosts = [ListingHost(store.configs[0].storage_bind, replicas_of(placement))]
    updater.update_listings("container", holder.path, hosts, rows, ["d1"])
    parts = {"Parts": [{"PartNumber": n, "ETag": etag} for n in range(1, 10_001)]}
    done = boto.complete_multipart_upload(**named, MultipartUpload=parts)
    assert done["ETag"].endswith('-10000"')
    last = boto.head_object(Bucket="sums", Key="vast", PartNumber=10_000)
    assert (last["PartsCount"], last["ContentLength"]) == (10_000, 5 << 20)
    known = boto.get_object_attributes(
        Bucket="sums", Key="vast", ObjectAttributes=["ObjectParts", "ObjectSize"], PartNumberMarker=9_998
    )
    assert known["ObjectSize"] == 10_000 * (5 << 20)
    assert [part["PartNumber"] for part in known["ObjectParts"]["Parts"]] == [9_999, 10_000]
    many = {"Parts": [{"PartNumber": n, "ETag": etag} for n in range(1, 10_002)]}
    assert refusal(boto.complete_multipart_upload, **named, MultipartUpload=many) == (400, "MalformedXML")


def replicas_of(placement: Any) -> Any:
    from pileus_objectstore.core.replica_plans import write_plan

    return write_plan(placement, set())[0][1]
