"""Server access logs: configurations, the format of lines, and their delivery as objects."""

import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from s3_clients import S3, refusal

from pileus_kit.errors import Unavailable
from pileus_objectstore.core import access_logs, objects
from pileus_objectstore.core.access_logs import Line, Logging, Source, Spool
from pileus_objectstore.worker import Worker

FIELD = re.compile(r'"[^"]*"|\[[^\]]*\]|\S+')
BUCKETS = ("logs",)


@pytest.fixture
def worker(s3: S3) -> Iterator[Worker]:
    made = Worker(s3.store.configs[0])
    yield made
    made.stop()


def enable(s3: S3, bucket: str, target: str = "logs", **more: Any) -> None:
    enabled = {"TargetBucket": target, "TargetPrefix": f"{bucket}/", **more}
    s3.client().put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled})


def deliver(s3: S3, worker: Worker) -> None:
    """One pass of the worker, as if the slot were over."""
    worker.log_delivery.now = lambda: time.time() + 2 * access_logs.SLOT_S
    worker.log_delivery.run()
    s3.store.drain()


def delivered(s3: S3, bucket: str, target: str = "logs") -> list[list[str]]:
    """The fields of all lines that were delivered for a bucket, but for the request that began it."""
    boto = s3.client()
    keys = [one["Key"] for one in boto.list_objects_v2(Bucket=target, Prefix=f"{bucket}/").get("Contents", [])]
    texts = [boto.get_object(Bucket=target, Key=key)["Body"].read().decode() for key in keys]
    lines = [FIELD.findall(line) for text in texts for line in text.splitlines()]
    assert lines.pop(0)[6] == "REST.PUT.LOGGING_STATUS"
    return lines


def test_a_configuration_is_shown_as_it_was_put(s3: S3, bucket: str) -> None:
    boto = s3.client()
    assert "LoggingEnabled" not in boto.get_bucket_logging(Bucket=bucket)
    enable(s3, bucket)
    assert boto.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == {
        "TargetBucket": "logs",
        "TargetPrefix": f"{bucket}/",
    }
    dated = {"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}}
    enable(s3, bucket, TargetObjectKeyFormat=dated)
    assert boto.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetObjectKeyFormat"] == dated
    boto.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in boto.get_bucket_logging(Bucket=bucket)


def test_configurations_that_are_refused(s3: S3, bucket: str) -> None:
    s3.client("other").create_bucket(Bucket="foreign-logs")
    put = s3.client().put_bucket_logging

    def refused(**enabled: Any) -> tuple[int, str]:
        return refusal(put, Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": {"TargetPrefix": "", **enabled}})

    assert refused(TargetBucket="none-such") == (400, "InvalidTargetBucketForLogging")
    assert refused(TargetBucket="foreign-logs") == (400, "InvalidTargetBucketForLogging")
    assert refused(TargetBucket="") == (400, "MalformedXML")
    assert refused(TargetBucket="logs", TargetPrefix="x" * 801) == (400, "MalformedXML")
    grants = [{"Grantee": {"Type": "CanonicalUser", "ID": "x"}, "Permission": "READ"}]
    assert refused(TargetBucket="logs", TargetGrants=grants) == (501, "NotImplemented")
    other = s3.client("other")
    assert refusal(other.get_bucket_logging, Bucket=bucket) == (403, "AccessDenied")
    assert refusal(other.put_bucket_logging, Bucket=bucket, BucketLoggingStatus={}) == (403, "AccessDenied")


def test_the_fields_of_a_line(s3: S3, bucket: str, worker: Worker) -> None:
    enable(s3, bucket)
    boto = s3.client(user_agent='agent "quoted"\r')
    boto.put_object(Bucket=bucket, Key="a b/ä", Body=b"12345")
    got = boto.get_object(Bucket=bucket, Key="a b/ä", Range="bytes=1-2")
    boto.head_object(Bucket=bucket, Key="a b/ä")
    refusal(boto.get_object, Bucket=bucket, Key="none")
    boto.list_objects_v2(Bucket=bucket)
    boto.get_bucket_acl(Bucket=bucket)
    boto.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a b/ä"}]})
    refusal(s3.client(secret="wrong").get_object, Bucket=bucket, Key="k")
    deliver(s3, worker)
    lines = delivered(s3, bucket)
    assert [(line[6], line[9], line[10]) for line in lines] == [
        ("REST.PUT.OBJECT", "200", "-"),
        ("REST.GET.OBJECT", "206", "-"),
        ("REST.HEAD.OBJECT", "200", "-"),
        ("REST.GET.OBJECT", "404", "NoSuchKey"),
        ("REST.GET.BUCKET", "200", "-"),
        ("REST.GET.ACL", "200", "-"),
        ("REST.POST.MULTI_OBJECT_DELETE", "200", "-"),
        ("REST.GET.OBJECT", "403", "SignatureDoesNotMatch"),
    ]
    assert {len(line) for line in lines} == {26}
    put, read, head, *_, unknown = lines
    assert put[0] == put[4] and put[1] == bucket and put[3] == "127.0.0.1"
    assert re.fullmatch(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\]", put[2])
    assert put[7] == "a%2520b/%25C3%25A4" and put[8].startswith(f'"PUT /{bucket}/a%20b/%C3%A4')
    assert (put[11], put[12]) == ("-", "5") and (read[11], read[12]) == ("2", "5") and head[11] == "-"
    assert read[5] == got["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]
    assert read[16].startswith('"agent %22quoted%22') and (read[19], read[21]) == ("SigV4", "AuthHeader")
    assert unknown[4] == "-", "whoever failed to sign isn't known"


def test_forms_are_logged(s3: S3, bucket: str, worker: Worker) -> None:
    enable(s3, bucket)
    signed = s3.client().generate_presigned_post(bucket, "a b")

    def post(**fields: str) -> int:
        parts = {**signed["fields"], **fields, "file": "data"}
        lines = (f'--xx\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in parts.items())
        headers = {"Content-Type": "multipart/form-data; boundary=xx"}
        try:
            with urlopen(Request(f"{s3.url}/{bucket}", f"{''.join(lines)}--xx--\r\n".encode(), headers)) as answer:
                return int(answer.status)
        except HTTPError as err:
            return err.code

    assert (post(), post(key="elsewhere")) == (204, 403)
    deliver(s3, worker)
    stored, refused = delivered(s3, bucket)
    assert (stored[6], stored[7], stored[9], stored[10]) == ("REST.POST.OBJECT", "a%2520b", "204", "-")
    assert (refused[6], refused[7], refused[9], refused[10]) == ("REST.POST.OBJECT", "elsewhere", "403", "AccessDenied")


def test_nothing_adds_a_field(s3: S3, bucket: str, worker: Worker) -> None:
    enable(s3, bucket)
    refusal(s3.client().get_object, Bucket=bucket, Key="k", VersionId="a b")
    deliver(s3, worker)
    (line,) = delivered(s3, bucket)
    assert len(line) == 26 and line[17] == "a%20b"


def test_swift_requests_are_logged(s3: S3, bucket: str, worker: Worker) -> None:
    enable(s3, bucket)
    assert s3.swift("PUT", f"{bucket}/o", b"x") == 201
    deliver(s3, worker)
    assert [(line[4], line[6], line[9]) for line in delivered(s3, bucket)] == [
        (s3.project(), "SWIFT.PUT.OBJECT", "201")
    ]


def test_a_bucket_may_hold_its_own_logs(s3: S3, bucket: str, worker: Worker) -> None:
    enable(s3, bucket, bucket)
    s3.client().put_object(Bucket=bucket, Key="k", Body=b"x")
    for _ in range(3):
        deliver(s3, worker)
    keys = [one["Key"] for one in s3.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert len(keys) == 2, "no delivery is logged"


def test_partitioned_names(s3: S3, bucket: str, worker: Worker) -> None:
    enable(s3, bucket, TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}})
    s3.client().head_bucket(Bucket=bucket)
    deliver(s3, worker)
    (found,) = s3.client().list_objects_v2(Bucket="logs", Prefix=f"{bucket}/")["Contents"]
    pattern = rf"{bucket}/\w+/RegionOne/{bucket}/\d{{4}}/\d\d/\d\d/\d{{4}}(-\d\d){{5}}-[0-9A-F]{{16}}"
    assert re.fullmatch(pattern, found["Key"])


def test_a_delivery_that_was_interrupted(s3: S3, bucket: str, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the file was removed, or with the store away: it is delivered again, and nothing is there twice."""
    enable(s3, bucket)
    s3.client().head_bucket(Bucket=bucket)
    put = objects.put

    def store_then_fail(*arguments: Any) -> None:
        put(*arguments)
        raise Unavailable(why="as if killed")

    monkeypatch.setattr(objects, "put", store_then_fail)
    with pytest.raises(Unavailable):
        deliver(s3, worker)
    monkeypatch.undo()
    deliver(s3, worker)
    deliver(s3, worker)
    assert [line[6] for line in delivered(s3, bucket)] == ["REST.HEAD.BUCKET"]


def test_a_target_that_is_gone(s3: S3, bucket: str, worker: Worker) -> None:
    boto = s3.client()
    boto.create_bucket(Bucket="short-lived")
    enable(s3, bucket, "short-lived")
    boto.head_bucket(Bucket=bucket)
    boto.delete_bucket(Bucket="short-lived")
    deliver(s3, worker)
    assert access_logs.finished(access_logs.directory(s3.store.configs[0].home), time.time() + 1000) == []


def test_a_spool_survives_its_process(tmp_path: Any) -> None:
    source = Source("AUTH_p", "b", Logging("logs"))
    spool = Spool(tmp_path / "spool", lambda: 1000.0)
    spool.write(Line(source, "one"))
    spool.write(Line(source, "two"))
    (file,) = (tmp_path / "spool").iterdir()
    with file.open("ab") as cut:
        cut.write(b'[["AUTH_p","b",{"bu')
    assert [line.text for line in access_logs.lines(file)] == ["one", "two"]
    assert access_logs.finished(tmp_path / "spool", 1000.0) == []
    assert access_logs.finished(tmp_path / "spool", 1100.0) == [file]
    spool.close()
