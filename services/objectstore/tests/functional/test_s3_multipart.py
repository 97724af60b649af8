"""Multipart uploads through boto3."""

import hashlib
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError
from xml.etree.ElementTree import fromstring

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from s3_clients import S3, refusal

from pileus_kit.errors import Unavailable
from pileus_objectstore.core import listing, multipart_completion, multipart_uploads
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.upload_parts import parts_container

PART = b"p" * (5 << 20)
BUCKETS = ("large",)


def outcome(call: Any, **arguments: Any) -> str:
    """The error's code, '' for success."""
    try:
        call(**arguments)
    except ClientError as err:
        return str(err.response["Error"]["Code"])
    return ""


def hidden(s3: S3) -> list[str]:
    """The objects that are left beside the bucket."""
    s3.store.drain()
    holder = parts_container(Target(f"AUTH_{s3.project()}", "large"))
    return [entry.name for entry in listing.fetch(s3.store.app.tools, holder, ListingQuery(limit=1000))[1]]


def test_parts_become_an_object(s3: S3) -> None:
    boto = s3.client()
    upload = boto.create_multipart_upload(Bucket="large", Key="k", Metadata={"m": "1"}, ContentType="text/p")[
        "UploadId"
    ]
    named = {"Bucket": "large", "Key": "k", "UploadId": upload}
    first = boto.upload_part(**named, PartNumber=1, Body=PART)["ETag"]
    boto.upload_part(**named, PartNumber=2, Body=b"wrong")
    second = boto.upload_part(**named, PartNumber=2, Body=b"end")["ETag"]
    boto.upload_part(**named, PartNumber=9, Body=b"unused")
    s3.store.drain()
    assert [(p["PartNumber"], p["Size"]) for p in boto.list_parts(**named)["Parts"]] == [(1, 5 << 20), (2, 3), (9, 6)]
    assert [u["Key"] for u in boto.list_multipart_uploads(Bucket="large")["Uploads"]] == ["k"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]}
    done = boto.complete_multipart_upload(**named, MultipartUpload=parts)
    assert done["Location"] == f"{s3.url}/large/k"
    digest = hashlib.md5(bytes.fromhex(first.strip('"')) + bytes.fromhex(second.strip('"')), usedforsecurity=False)
    assert done["ETag"] == f'"{digest.hexdigest()}-2"'
    assert boto.complete_multipart_upload(**named, MultipartUpload=parts)["ETag"] == done["ETag"], "idempotent"
    found = boto.get_object(Bucket="large", Key="k")
    assert found["Body"].read() == PART + b"end" and found["ETag"] == done["ETag"]
    assert found["Metadata"] == {"m": "1"} and found["ContentType"] == "text/p"
    assert boto.get_object(Bucket="large", Key="k", Range=f"bytes={len(PART) - 1}-")["Body"].read() == b"pend"
    assert boto.get_object(Bucket="large", Key="k", PartNumber=2)["Body"].read() == b"end"
    s3.store.drain()
    listed = boto.list_objects_v2(Bucket="large")["Contents"]
    assert [(o["Key"], o["Size"], o["ETag"]) for o in listed] == [("k", len(PART) + 3, done["ETag"])]
    assert len(hidden(s3)) == 2, "the parts of the object, and nothing else"
    boto.delete_object(Bucket="large", Key="k")
    assert hidden(s3) == []


def test_an_aborted_upload_leaves_nothing(s3: S3) -> None:
    boto = s3.client()
    upload = boto.create_multipart_upload(Bucket="large", Key="gone")["UploadId"]
    named = {"Bucket": "large", "Key": "gone", "UploadId": upload}
    boto.upload_part(**named, PartNumber=1, Body=b"x")
    s3.store.drain()
    boto.abort_multipart_upload(**named)
    assert refusal(boto.upload_part, **named, PartNumber=2, Body=b"x") == (404, "NoSuchUpload")
    assert refusal(boto.abort_multipart_upload, **named) == (404, "NoSuchUpload")
    assert hidden(s3) == []


def test_wrong_lists_of_parts_are_refused(s3: S3) -> None:
    boto = s3.client()
    upload = boto.create_multipart_upload(Bucket="large", Key="w")["UploadId"]
    named = {"Bucket": "large", "Key": "w", "UploadId": upload}
    small = boto.upload_part(**named, PartNumber=1, Body=b"small")["ETag"]
    other = boto.upload_part(**named, PartNumber=2, Body=b"other")["ETag"]
    s3.store.drain()

    def refused(*parts: tuple[int, str]) -> tuple[int, str]:
        listed = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]}
        return refusal(boto.complete_multipart_upload, **named, MultipartUpload=listed)

    assert refused((1, other)) == (400, "InvalidPart")
    assert refused((3, small)) == (400, "InvalidPart")
    assert refused((2, other), (1, small)) == (400, "InvalidPartOrder")
    assert refused((1, small), (2, other)) == (400, "EntityTooSmall")
    assert refusal(boto.upload_part, **named, PartNumber=10_001, Body=b"") == (400, "InvalidArgument")
    boto.abort_multipart_upload(**named)


def test_a_part_may_be_a_copy(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket="large", Key="source", Body=b"0123456789")
    upload = boto.create_multipart_upload(Bucket="large", Key="copied")["UploadId"]
    named = {"Bucket": "large", "Key": "copied", "UploadId": upload}
    copied = boto.upload_part_copy(**named, PartNumber=1, CopySource="large/source", CopySourceRange="bytes=2-5")
    s3.store.drain()
    parts = {"Parts": [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]}
    boto.complete_multipart_upload(**named, MultipartUpload=parts)
    assert boto.get_object(Bucket="large", Key="copied")["Body"].read() == b"2345"


def test_the_transfer_manager(s3: S3, tmp_path: Any) -> None:
    boto = s3.client()
    data = bytes(range(256)) * (12 << 12)
    (tmp_path / "up").write_bytes(data)
    config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=3)
    boto.upload_file(str(tmp_path / "up"), "large", "file", Config=config)
    boto.download_file("large", "file", str(tmp_path / "down"), Config=config)
    assert (tmp_path / "down").read_bytes() == data


def test_conditions_on_a_completion(s3: S3) -> None:
    boto = s3.client()

    def complete(**conditions: str) -> Any:
        upload = boto.create_multipart_upload(Bucket="large", Key="conditional")["UploadId"]
        named = {"Bucket": "large", "Key": "conditional", "UploadId": upload}
        part = {"PartNumber": 1, "ETag": boto.upload_part(**named, PartNumber=1, Body=b"x")["ETag"]}
        return boto.complete_multipart_upload(**named, MultipartUpload={"Parts": [part]}, **conditions)["ETag"]

    assert refusal(complete, IfMatch="*") == (404, "NoSuchKey")
    etag = complete(IfNoneMatch="*")
    assert refusal(complete, IfNoneMatch="*") == (412, "PreconditionFailed")
    assert refusal(complete, IfNoneMatch=etag) == (412, "PreconditionFailed")
    assert refusal(complete, IfMatch='"other"') == (412, "PreconditionFailed")
    assert complete(IfMatch=etag) == complete(IfNoneMatch='"other"') == etag


def test_lists_of_uploads_have_pages(s3: S3) -> None:
    boto = s3.client()
    uploads = {boto.create_multipart_upload(Bucket="large", Key=f"page/{n % 3}")["UploadId"] for n in range(7)}
    s3.store.drain()
    seen, marker = [], {}
    while True:
        page = boto.list_multipart_uploads(Bucket="large", Prefix="page/", MaxUploads=2, **marker)
        seen += [one["UploadId"] for one in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert len(seen) == 7 and set(seen) == uploads
    for upload in uploads:
        for n in range(3):
            try:
                boto.abort_multipart_upload(Bucket="large", Key=f"page/{n}", UploadId=upload)
            except ClientError as e:
                assert e.response["Error"]["Code"] == "NoSuchUpload"


def test_uploads_show_their_owner_and_an_abort_keeps_their_age(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """An abort that was interrupted leaves the upload as old as it was, for the lifecycle daemon to end."""
    boto, other = s3.client(), s3.client("other")
    boto.create_bucket(Bucket="shared", ACL="public-read-write", ObjectOwnership="ObjectWriter")
    upload = other.create_multipart_upload(Bucket="shared", Key="theirs")["UploadId"]
    boto.create_multipart_upload(Bucket="shared", Key="ours")
    s3.store.drain()
    ours, theirs = boto.list_multipart_uploads(Bucket="shared")["Uploads"]
    assert ours["Owner"]["ID"] == boto.list_buckets()["Owner"]["ID"]
    assert theirs["Owner"]["ID"] == theirs["Initiator"]["ID"] == other.list_buckets()["Owner"]["ID"]

    def fail(*_: object) -> None:
        raise Unavailable(why="as if killed")

    monkeypatch.setattr(multipart_uploads, "delete_listed", fail)
    named = {"Bucket": "shared", "Key": "theirs", "UploadId": upload}
    assert refusal(other.abort_multipart_upload, **named) == (503, "ServiceUnavailable")
    monkeypatch.undo()
    s3.store.drain()
    assert refusal(other.upload_part, **named, PartNumber=1, Body=b"x") == (404, "NoSuchUpload")
    assert boto.list_multipart_uploads(Bucket="shared")["Uploads"][1]["Initiated"] == theirs["Initiated"]


def test_a_completion_and_an_abort_exclude_each_other(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is first wins: no object is left without its parts. What a crash leaves can be aborted later."""
    boto = s3.client()
    named = {"Bucket": "large", "Key": "both"}
    named["UploadId"] = boto.create_multipart_upload(**named)["UploadId"]
    part = {"PartNumber": 1, "ETag": boto.upload_part(**named, PartNumber=1, Body=b"part")["ETag"]}
    whole = {"MultipartUpload": {"Parts": [part]}}
    s3.store.drain()
    store, outcomes = multipart_completion._store, []

    def aborted_meanwhile(*args: Any) -> Any:
        outcomes.append(refusal(boto.abort_multipart_upload, **named))
        raise Unavailable(why="as if killed")

    monkeypatch.setattr(multipart_completion, "_store", aborted_meanwhile)
    assert refusal(boto.complete_multipart_upload, **named, **whole) == (503, "ServiceUnavailable")
    assert outcomes == [(409, "OperationAborted")]

    def killed(*args: Any) -> Any:
        raise RuntimeError("as if killed")

    monkeypatch.setattr(multipart_completion, "_store", killed)
    with pytest.raises(ClientError):
        boto.complete_multipart_upload(**named, **whole)
    assert refusal(boto.abort_multipart_upload, **named) == (409, "OperationAborted")
    monkeypatch.setattr(multipart_completion, "_store", store)
    boto.complete_multipart_upload(**named, **whole)
    assert boto.get_object(Bucket="large", Key="both")["Body"].read() == b"part"

    named["UploadId"] = boto.create_multipart_upload(Bucket="large", Key="both")["UploadId"]
    part["ETag"] = boto.upload_part(**named, PartNumber=1, Body=b"next")["ETag"]
    monkeypatch.setattr(multipart_completion, "_store", killed)
    with pytest.raises(ClientError):
        boto.complete_multipart_upload(**named, **whole)
    monkeypatch.undo()
    monkeypatch.setattr(multipart_uploads, "MAX_COMPLETION_S", 0.0)
    boto.abort_multipart_upload(**named)
    assert refusal(boto.complete_multipart_upload, **named, **whole) == (404, "NoSuchUpload")
    assert boto.get_object(Bucket="large", Key="both")["Body"].read() == b"part"
    boto.delete_object(Bucket="large", Key="both")
    assert not [name for name in hidden(s3) if name.startswith("both/")]


def test_completions_and_aborts_at_the_same_moment(s3: S3) -> None:
    boto = s3.client()
    for _ in range(8):
        named = {"Bucket": "large", "Key": "race"}
        named["UploadId"] = boto.create_multipart_upload(**named)["UploadId"]
        part = {"PartNumber": 1, "ETag": boto.upload_part(**named, PartNumber=1, Body=b"part")["ETag"]}
        s3.store.drain()

        def complete(named: dict[str, Any] = named, part: dict[str, Any] = part) -> str:
            return outcome(s3.client().complete_multipart_upload, **named, MultipartUpload={"Parts": [part]})

        def abort(named: dict[str, Any] = named) -> str:
            return outcome(s3.client().abort_multipart_upload, **named)

        with ThreadPoolExecutor(4) as threads:
            done = [threads.submit(act) for act in (complete, abort, complete, abort)]
            completed = "" in (done[0].result(), done[2].result())
        assert {one.result() for one in done} <= {"", "NoSuchUpload", "OperationAborted"}
        if completed:
            assert boto.get_object(Bucket="large", Key="race")["Body"].read() == b"part"
            boto.delete_object(Bucket="large", Key="race")
        assert not [name for name in hidden(s3) if name.startswith("race/")]


def test_lists_of_parts_have_swifts_order(s3: S3) -> None:
    boto = s3.client()
    upload = boto.create_multipart_upload(Bucket="large", Key="ordered")["UploadId"]
    boto.upload_part(Bucket="large", Key="ordered", UploadId=upload, PartNumber=1, Body=b"x")
    url = boto.generate_presigned_url("list_parts", {"Bucket": "large", "Key": "ordered", "UploadId": upload})
    with urllib.request.urlopen(url, timeout=30) as answer:
        names = [element.tag.rpartition("}")[2] for element in fromstring(answer.read())]
    assert names.index("Owner") < names.index("StorageClass") < names.index("PartNumberMarker") < names.index("Part")
    boto.abort_multipart_upload(Bucket="large", Key="ordered", UploadId=upload)


def test_an_upload_that_is_not_there_goes_before_an_unreadable_list(s3: S3) -> None:
    boto = s3.client()
    upload = boto.create_multipart_upload(Bucket="large", Key="there")["UploadId"]
    for key, status in (("elsewhere", 404), ("there", 400)):
        named = {"Bucket": "large", "Key": key, "UploadId": upload}
        url = boto.generate_presigned_url("complete_multipart_upload", named)
        with pytest.raises(HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(url, b"<Complete", method="POST"), timeout=30)
        assert caught.value.code == status
    boto.abort_multipart_upload(Bucket="large", Key="there", UploadId=upload)
