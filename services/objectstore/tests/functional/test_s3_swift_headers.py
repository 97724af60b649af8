"""Headers of Swift's that S3 requests may carry: the end of an object, and what robots are told."""

import time
from email.utils import formatdate
from typing import Any

import pytest
from s3_clients import S3, refusal, set_rules

BUCKETS = ("swifts",)


def put(s3: S3, key: str, swift: dict[str, str], **arguments: Any) -> Any:
    """Store an object with Swift's headers."""
    boto = s3.client()
    boto.meta.events.register("before-call.s3", lambda params, **_: params["headers"].update(swift))
    call = boto.copy_object if "CopySource" in arguments else boto.put_object
    return call(Bucket="swifts", Key=key, **arguments)


def test_an_object_tells_when_it_ends(s3: S3) -> None:
    boto, moment = s3.client(), int(time.time()) + 100_000
    shown = f'expiry-date="{formatdate(moment, usegmt=True)}", rule-id="swift-object-expiration"'
    assert put(s3, "at", {"X-Delete-At": str(moment)})["Expiration"] == shown
    assert boto.head_object(Bucket="swifts", Key="at")["Expiration"] == shown
    assert boto.get_object(Bucket="swifts", Key="at")["Expiration"] == shown
    assert s3.swift("PUT", "swifts/swifts-own", b"x", X_Delete_At=str(moment)) == 201
    assert boto.head_object(Bucket="swifts", Key="swifts-own")["Expiration"] == shown
    put(s3, "copy", {}, CopySource="swifts/at")
    assert "Expiration" not in boto.head_object(Bucket="swifts", Key="copy")
    put(s3, "copy", {"X-Delete-After": "100"}, CopySource="swifts/at")
    assert "swift-object-expiration" in boto.head_object(Bucket="swifts", Key="copy")["Expiration"]


def test_the_earlier_end_counts(s3: S3, bucket: str) -> None:
    set_rules(s3, bucket, {"Filter": {"Prefix": ""}, "Expiration": {"Days": 10}})
    boto = s3.client()
    boto.put_object(Bucket=bucket, Key="k", Body=b"")
    assert s3.swift("POST", f"{bucket}/k", X_Delete_After="100") == 202
    assert "swift-object-expiration" in boto.head_object(Bucket=bucket, Key="k")["Expiration"]
    assert s3.swift("POST", f"{bucket}/k", X_Delete_After="10000000") == 202
    assert 'rule-id="r0"' in boto.head_object(Bucket=bucket, Key="k")["Expiration"]


@pytest.mark.parametrize(
    "headers", [{"X-Delete-At": "1"}, {"X-Delete-At": "soon"}, {"X-Delete-After": "-5"}, {"X-Delete-After": "1.5"}]
)
def test_times_that_are_none(s3: S3, headers: dict[str, str]) -> None:
    assert refusal(put, s3=s3, key="never", swift=headers) == (400, "InvalidArgument")
    assert refusal(s3.client().head_object, Bucket="swifts", Key="never")[0] == 404


def test_what_robots_are_told(s3: S3) -> None:
    put(s3, "r", {"X-Robots-Tag": "googlebot: noarchive"})
    answer = s3.client().head_object(Bucket="swifts", Key="r")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-robots-tag"] == "googlebot: noarchive"
