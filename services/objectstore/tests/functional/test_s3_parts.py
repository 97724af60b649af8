"""The parts of an upload end with the object that was made of them, whatever ends it, and not before."""

import io
import json
import tarfile
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from s3_clients import S3

from pileus_objectstore.core import listing, objects
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.upload_parts import parts_container
from pileus_objectstore.worker import Worker

BUCKET = "large"
NAMED = {"Bucket": BUCKET, "Key": "k"}
BUCKETS = (BUCKET,)


def account(s3: S3) -> str:
    return f"AUTH_{s3.client().list_buckets()['Owner']['ID']}"


def parts(s3: S3) -> list[str]:
    """The parts that are there."""
    s3.store.drain()
    holder = parts_container(Target(account(s3), BUCKET))
    return [entry.name for entry in listing.fetch(s3.store.app.tools, holder, ListingQuery(limit=1000))[1]]


def upload(s3: S3, body: bytes = b"p" * 100) -> None:
    """Make the object of one part."""
    boto = s3.client()
    named = NAMED | {"UploadId": boto.create_multipart_upload(**NAMED)["UploadId"]}
    etag = boto.upload_part(**named, PartNumber=1, Body=body)["ETag"]
    boto.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert len(parts(s3)) == 1, "those of an object that was replaced are gone"


def swift(s3: S3, method: str, path: str, data: bytes = b"", **headers: str) -> None:
    given = {"X-Auth-Token": s3.identity.token("demo"), "Content-Type": "a/b"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{s3.url}/v1/{account(s3)}/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, data, given, method=method), timeout=30) as answer:
        assert answer.status < 300, answer.read()


def archive() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("k"), io.BytesIO(b""))
    return made.getvalue()


def copied_to_itself(s3: S3) -> None:
    copy = {"CopySource": f"{BUCKET}/k", "MetadataDirective": "REPLACE", "Metadata": {"a": "1"}}
    s3.client().copy_object(**NAMED, **copy)
    assert s3.client().get_object(**NAMED)["Body"].read() == b"p" * 100


def expired(s3: S3) -> None:
    swift(s3, "POST", f"{BUCKET}/k", X_Delete_After="1")
    worker = Worker(s3.store.configs[0])
    time.sleep(1.5)
    try:
        assert "expired" in worker.expirer.run()
    finally:
        worker.stop()


def of_segments(s3: S3) -> None:
    swift(s3, "PUT", f"{BUCKET}/segment", b"s")
    swift(s3, "PUT", f"{BUCKET}/k?multipart-manifest=put", json.dumps([{"path": f"{BUCKET}/segment"}]).encode())


def copied_over(s3: S3) -> None:
    swift(s3, "PUT", f"{BUCKET}/other", b"o")
    swift(s3, "COPY", f"{BUCKET}/other", Destination=f"{BUCKET}/k")


@pytest.mark.parametrize(
    "end",
    [
        lambda s3: s3.client().put_object(**NAMED, Body=b"x"),
        lambda s3: s3.client().delete_object(**NAMED),
        upload,
        copied_to_itself,
        lambda s3: swift(s3, "PUT", f"{BUCKET}/k", b"x"),
        lambda s3: swift(s3, "DELETE", f"{BUCKET}/k"),
        lambda s3: swift(s3, "PUT", f"{BUCKET}?extract-archive=tar", archive()),
        copied_over,
        of_segments,
        expired,
    ],
    ids=lambda end: end.__name__,
)
def test_what_ends_an_object_ends_its_parts(s3: S3, end: Callable[[S3], Any]) -> None:
    upload(s3)
    end(s3)
    assert len(parts(s3)) == (1 if end is upload else 0)
    s3.client().delete_object(**NAMED)


def test_a_put_that_comes_too_late_ends_nothing(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(s3)
    stamp, earlier = objects.timestamp, time.time() - 5
    monkeypatch.setattr(objects, "timestamp", lambda _: stamp(earlier))
    try:
        s3.client().put_object(**NAMED, Body=b"late")
    except ClientError as err:
        assert err.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 503)
    monkeypatch.undo()
    assert len(parts(s3)) == 1 and s3.client().get_object(**NAMED)["Body"].read() == b"p" * 100
    s3.client().delete_object(**NAMED)


def test_a_copy_of_the_manifest_has_no_part_of_the_original(s3: S3) -> None:
    upload(s3)
    swift(s3, "PUT", f"{BUCKET}/copy?multipart-manifest=get", X_Copy_From=f"{BUCKET}/k")
    s3.client().delete_object(**NAMED)
    assert parts(s3) == []
    assert s3.client().get_object(Bucket=BUCKET, Key="copy")["Body"].read() == b"p" * 100
    upload(s3)
    swift(s3, "COPY", f"{BUCKET}/k?multipart-manifest=get", Destination=f"{BUCKET}/k")
    assert s3.client().get_object(**NAMED)["Body"].read() == b"p" * 100 and parts(s3) == []
    s3.client().delete_object(**NAMED)
