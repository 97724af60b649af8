"""What the daemon makes of lifecycle rules."""

import math
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from s3_clients import S3, refusal, s3_store, set_rules

from pileus_objectstore.core import (
    lifecycle_index,
    multipart_completion,
    multipart_uploads,
    object_versioning,
    stored_objects,
    version_listings,
)
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.lifecycle import after_days
from pileus_objectstore.core.multipart_completion import CompletionRequest, NamedPart
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.version_listings import VersionQuery
from pileus_objectstore.daemons import lifecycle as daemon
from pileus_objectstore.daemons import lifecycle_scans
from pileus_objectstore.worker import Worker

DAY_S = 86400


@pytest.fixture
def worker(s3: S3) -> Iterator[Worker]:
    made = Worker(s3.store.configs[0])
    yield made
    made.stop()


def run_later(worker: Worker, days: float) -> str:
    """One pass of the daemon, as if these days had passed."""
    worker.lifecycle.now = lambda: time.time() + days * DAY_S
    return worker.lifecycle.run()


def keys(s3: S3, bucket: str) -> list[str]:
    s3.store.drain()
    return [one["Key"] for one in s3.client().list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_objects_end_when_their_days_are_over(s3: S3, bucket: str, worker: Worker) -> None:
    boto = s3.client()
    for key in ("old/a", "old/b", "new/a"):
        boto.put_object(Bucket=bucket, Key=key, Body=b"x")
    boto.put_object(Bucket=bucket, Key="tagged", Body=b"x", Tagging="end=yes&more=1")
    boto.put_object(Bucket=bucket, Key="other", Body=b"x", Tagging="end=no")
    boto.put_object(Bucket=bucket, Key="size/10", Body=b"x" * 10)
    boto.put_object(Bucket=bucket, Key="size/20", Body=b"x" * 20)
    set_rules(
        s3,
        bucket,
        {"Filter": {"Prefix": "old/"}, "Expiration": {"Days": 3}},
        {"Filter": {"Tag": {"Key": "end", "Value": "yes"}}, "Expiration": {"Days": 1}},
        {"Filter": {"And": {"Prefix": "size/", "ObjectSizeGreaterThan": 10}}, "Expiration": {"Days": 1}},
        {"Filter": {"Prefix": ""}, "Expiration": {"Days": 1}, "Status": "Disabled"},
    )
    run_later(worker, 0)
    assert len(keys(s3, bucket)) == 7
    assert run_later(worker, 2) == "2 ended"
    assert keys(s3, bucket) == ["new/a", "old/a", "old/b", "other", "size/10"]
    assert run_later(worker, 2.001) == "", "once a day"
    assert run_later(worker, 4) == "2 ended"
    assert keys(s3, bucket) == ["new/a", "other", "size/10"]


def test_a_date(s3: S3, bucket: str, worker: Worker) -> None:
    boto = s3.client()
    for key in ("past/a", "future/a"):
        boto.put_object(Bucket=bucket, Key=key, Body=b"x")
    set_rules(
        s3,
        bucket,
        {"Filter": {"Prefix": "past/"}, "Expiration": {"Date": "2015-01-01"}},
        {"Filter": {"Prefix": "future/"}, "Expiration": {"Date": "2090-01-01"}},
    )
    run_later(worker, 0)
    assert keys(s3, bucket) == ["future/a"]


def test_days_may_be_short(tmp_path: Path) -> None:
    """Proxy and worker agree on it: the proxy shows when an object ends, the worker ends it then."""
    with s3_store(tmp_path, lifecycle_day_s=10) as s3:
        boto = s3.client()
        boto.create_bucket(Bucket="short")
        set_rules(s3, "short", {"Filter": {"Prefix": ""}, "Expiration": {"Days": 2}})
        boto.put_object(Bucket="short", Key="k", Body=b"x")
        head = boto.head_object(Bucket="short", Key="k")
        made, shown = head["LastModified"].timestamp(), re.search('expiry-date="([^"]+)"', head["Expiration"])
        assert shown
        ends = parsedate_to_datetime(shown[1]).timestamp()
        assert made + 20 <= ends <= made + 30 and ends % 10 == 0
        worker = Worker(replace(s3.store.configs[0], lifecycle_day_s=10))
        try:
            for seconds, left in ((-1, ["k"]), (0, [])):
                worker.lifecycle.now = lambda at=ends + seconds: at  # type: ignore[misc]
                worker.lifecycle.run()
                assert keys(s3, "short") == left
        finally:
            worker.stop()


def test_rules_that_change_count_at_once(s3: S3, bucket: str, worker: Worker) -> None:
    boto = s3.client()
    boto.put_object(Bucket=bucket, Key="k", Body=b"x")
    set_rules(s3, bucket, {"Filter": {"Prefix": "none"}, "Expiration": {"Days": 1}})
    run_later(worker, 5)
    set_rules(s3, bucket, {"Filter": {"Prefix": "k"}, "Expiration": {"Days": 1}})
    run_later(worker, 5.001)
    assert keys(s3, bucket) == []
    boto.put_object(Bucket=bucket, Key="k", Body=b"x")
    boto.delete_bucket_lifecycle(Bucket=bucket)
    run_later(worker, 50)
    assert keys(s3, bucket) == ["k"]
    entries = [entry.bucket.container for entry in lifecycle_index.INDEX.entries(worker.tools)]
    assert bucket not in entries, "nobody looks after it any more"


def test_what_was_replaced_meanwhile_stays(
    s3: S3, bucket: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client puts a new version between the daemon's look at the object and its deletion."""
    boto = s3.client()
    boto.put_object(Bucket=bucket, Key="k", Body=b"old")
    set_rules(s3, bucket, {"Filter": {"Prefix": ""}, "Expiration": {"Days": 1}})
    delete = stored_objects.delete

    def put_before(*arguments: Any, **more: Any) -> Any:
        boto.put_object(Bucket=bucket, Key="k", Body=b"new")
        return delete(*arguments, **more)

    monkeypatch.setattr(stored_objects, "delete", put_before)
    run_later(worker, 3)
    monkeypatch.setattr(stored_objects, "delete", delete)
    assert boto.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_a_killed_pass_goes_on(s3: S3, bucket: str, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a page of two rows is done per run; each run is by a new worker, as after a kill."""
    boto = s3.client()
    names = [f"k{n}" for n in range(7)]
    for name in names:
        boto.put_object(Bucket=bucket, Key=name, Body=b"x")
    s3.store.drain()
    set_rules(s3, bucket, {"Filter": {"Prefix": ""}, "Expiration": {"Days": 1}})
    monkeypatch.setattr(lifecycle_scans, "PAGE", 2)
    monkeypatch.setattr(daemon, "PAGES_PER_RUN", 1)
    left = []
    for _ in range(8):
        one = Worker(s3.store.configs[0])
        run_later(one, 3)
        one.stop()
        left.append(len(keys(s3, bucket)))
    assert left[0] == 5 and left[-1] == 0 and left == sorted(left, reverse=True)


def keep_versions(s3: S3, bucket: str) -> Target:
    """Have a bucket keep versions; returns it."""
    assert s3.swift("POST", bucket, X_Versions_Enabled="true") == 204
    return Target(f"AUTH_{s3.project()}", bucket)


def kept(s3: S3, worker: Worker, bucket: Target) -> list[tuple[str, str]]:
    """The versions of a bucket: names, with "marker", their sizes, and "*" behind the current ones."""
    s3.store.drain()
    found = version_listings.list_versions(worker.tools, bucket, VersionQuery(ListingQuery(limit=1000)))[1]
    return [(one.name, ("marker" if one.is_marker else str(one.size)) + "*" * one.is_latest) for one in found]


def test_versions(s3: S3, bucket: str, worker: Worker) -> None:
    boto, target = s3.client(), keep_versions(s3, bucket)
    for size in (1, 2, 3, 4):
        boto.put_object(Bucket=bucket, Key="many", Body=b"x" * size)
    boto.put_object(Bucket=bucket, Key="gone", Body=b"x")
    boto.delete_object(Bucket=bucket, Key="gone")
    boto.put_object(Bucket=bucket, Key="kept", Body=b"x")
    boto.put_object(Bucket=bucket, Key="kept", Body=b"xy", Tagging="a=b")
    boto.put_object(Bucket=bucket, Key="kept", Body=b"xyz")
    expires = {"NoncurrentVersionExpiration": {"NoncurrentDays": 2, "NewerNoncurrentVersions": 2}}
    tagged = {"Filter": {"And": {"Prefix": "kept", "Tags": [{"Key": "a", "Value": "b"}]}}}
    set_rules(
        s3,
        bucket,
        {"Filter": {"Prefix": "many"}, **expires},
        {"Filter": {"Prefix": "gone"}, "NoncurrentVersionExpiration": {"NoncurrentDays": 4}},
        {**tagged, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
        {"Filter": {"Prefix": "gone"}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    )
    run_later(worker, 1)
    assert len(kept(s3, worker, target)) == 9
    run_later(worker, 3.5)
    many = [("many", "4*"), ("many", "3"), ("many", "2")]
    rest = [("kept", "3*"), ("kept", "1"), *many]
    assert kept(s3, worker, target) == [("gone", "marker*"), ("gone", "1"), *rest]
    run_later(worker, 6)
    assert kept(s3, worker, target) == rest


def test_an_object_of_which_versions_are_kept(s3: S3, bucket: str, worker: Worker) -> None:
    boto, target = s3.client(), keep_versions(s3, bucket)
    boto.put_object(Bucket=bucket, Key="k", Body=b"x")
    set_rules(s3, bucket, {"Filter": {"Prefix": ""}, "Expiration": {"Days": 1}})
    run_later(worker, 3)
    assert kept(s3, worker, target) == [("k", "marker*"), ("k", "1")]
    assert refusal(boto.get_object, Bucket=bucket, Key="k")[0] == 404
    run_later(worker, 4)
    assert len(kept(s3, worker, target)) == 2, "a marker is not marked again"


def test_a_version_that_was_put_meanwhile_is_not_hidden(
    s3: S3, bucket: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto, target = s3.client(), keep_versions(s3, bucket)
    boto.put_object(Bucket=bucket, Key="k", Body=b"x")
    set_rules(s3, bucket, {"Filter": {"Prefix": ""}, "Expiration": {"Days": 1}})
    delete = object_versioning.delete

    def put_before(*arguments: Any) -> Any:
        boto.put_object(Bucket=bucket, Key="k", Body=b"new")
        return delete(*arguments)

    monkeypatch.setattr(object_versioning, "delete", put_before)
    run_later(worker, 3)
    monkeypatch.setattr(object_versioning, "delete", delete)
    assert kept(s3, worker, target) == [("k", "3*"), ("k", "1")]
    assert boto.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_uploads_that_were_abandoned(s3: S3, bucket: str, worker: Worker) -> None:
    boto = s3.client()
    for key in ("a/1", "b/1"):
        upload = boto.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        boto.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"part")
    s3.store.drain()
    set_rules(s3, bucket, {"Filter": {"Prefix": "a/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}})
    run_later(worker, 1)
    assert len(boto.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 2
    run_later(worker, 4)
    s3.store.drain()
    assert [one["Key"] for one in boto.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["b/1"]
    named = {"Bucket": bucket, "Key": "b/1", "UploadId": upload}
    assert len(boto.list_parts(**named)["Parts"]) == 1, "those of other uploads stay"


def test_the_operator_may_end_uploads_of_all_buckets(s3: S3, bucket: str) -> None:
    boto = s3.client()
    upload = boto.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    one = Worker(s3.store.configs[0])
    run_later(one, 500)
    one.stop()
    assert len(boto.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1, "by default nothing ends by itself"
    one = Worker(replace(s3.store.configs[0], abandoned_upload_days=7))
    run_later(one, 508)
    one.stop()
    s3.store.drain()
    assert "Uploads" not in boto.list_multipart_uploads(Bucket=bucket)
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    assert refusal(boto.list_parts, **named) == (404, "NoSuchUpload")


def test_an_interrupted_completion_keeps_its_parts(
    s3: S3, bucket: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the object was made: the upload is still there, but its parts are the object's."""
    boto = s3.client()
    upload = boto.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    etag = boto.upload_part(**named, PartNumber=1, Body=b"part")["ETag"].strip('"')
    s3.store.drain()
    buckets = [entry.bucket for entry in lifecycle_index.INDEX.entries(worker.tools)]
    target = replace(next(one for one in buckets if one.container == bucket), object="k")
    found = multipart_uploads.find(worker.tools, target, upload)
    deletions: list[object] = []
    monkeypatch.setattr(stored_objects, "delete", lambda tools, place, **_: deletions.append(place))
    multipart_completion.complete(worker.tools, CompletionRequest(target, upload, [NamedPart(1, etag, {})], {}))
    monkeypatch.undo()
    assert deletions == [found.place], "what the killed process would have done next"
    set_rules(s3, bucket, {"Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}})
    run_later(worker, 4)
    s3.store.drain()
    assert "Uploads" not in boto.list_multipart_uploads(Bucket=bucket)
    assert boto.get_object(Bucket=bucket, Key="k")["Body"].read() == b"part"


def test_days_round_up_to_midnight() -> None:
    assert after_days(0.5, 1, DAY_S) == 2 * DAY_S
    assert after_days(0, 1, DAY_S) == DAY_S
    assert after_days(25.0, 3, 10) == 60
    assert after_days(1e9, 2**31 - 1, DAY_S) < math.inf
