"""Event notifications: configurations, and what webhooks are told, through both APIs."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from s3_clients import S3, refusal, s3_store
from webhooks import HOOK, Hook, notify, send, told

from pileus_objectstore.worker import Worker


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    server = Hook()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory, hook: Hook) -> Iterator[S3]:
    with s3_store(tmp_path_factory.mktemp("s3"), notification_targets=(f"hook={hook.url}",)) as store:
        yield store


@pytest.fixture
def worker(s3: S3, hook: Hook) -> Iterator[Worker]:
    made = new_worker(s3)
    hook.status, hook.location = 200, ""
    send(s3, made)  # what other tests have left
    hook.told.clear()
    yield made
    made.stop()


def new_worker(s3: S3, **options: Any) -> Worker:
    """A worker with the options of the proxy."""
    given = {"notification_targets": s3.store.config.notification_targets, **options}
    return Worker(replace(s3.store.configs[0], **given))


def test_a_configuration_is_shown_as_it_was_put(s3: S3, bucket: str) -> None:
    boto = s3.client()
    empty = boto.get_bucket_notification_configuration(Bucket=bucket)
    assert not {name for name in empty if name.endswith("Configurations")}
    rules = [{"Name": "prefix", "Value": "a/"}, {"Name": "suffix", "Value": ".png"}]
    given = {
        "TopicConfigurations": [
            {
                "Id": "t",
                "TopicArn": "arn:aws:sns:::hook",
                "Events": ["s3:ObjectCreated:Put"],
                "Filter": {"Key": {"FilterRules": rules}},
            }
        ],
        "QueueConfigurations": [{"Id": "q", "QueueArn": HOOK, "Events": ["s3:ObjectRemoved:*", "s3:ObjectTagging:*"]}],
    }
    boto.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=given)
    found = boto.get_bucket_notification_configuration(Bucket=bucket)
    assert {name: found[name] for name in given} == given
    boto.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    assert "QueueConfigurations" not in boto.get_bucket_notification_configuration(Bucket=bucket)
    refused = (403, "AccessDenied")
    other = s3.client("other")
    assert refusal(other.get_bucket_notification_configuration, Bucket=bucket) == refused
    put = other.put_bucket_notification_configuration
    assert refusal(put, Bucket=bucket, NotificationConfiguration=given) == refused


CREATED = ["s3:ObjectCreated:*"]


@pytest.mark.parametrize(
    ("arn", "events", "rules"),
    [
        ("arn:aws:sqs:::unknown", CREATED, []),
        ("arn:aws:sns:::hook", CREATED, []),
        ("hook", CREATED, []),
        ("arn:aws:sqs:hook", CREATED, []),
        (HOOK, ["s3:ObjectEaten:*"], []),
        (HOOK, ["s3:Replication:*"], []),
        (HOOK, CREATED, [{"Name": "infix", "Value": "x"}]),
        (HOOK, CREATED, [{"Name": "prefix", "Value": "x"}, {"Name": "prefix", "Value": "y"}]),
        (HOOK, CREATED, [{"Name": "prefix", "Value": "x" * 1025}]),
        ("arn:aws:sqs:::http://127.0.0.1:8080/", CREATED, []),
        ("arn:aws:sqs:::http://user:password@example.org/", CREATED, []),
        ("arn:aws:sqs:::http://example.org:5000/v3", CREATED, []),
        ("arn:aws:sqs:::ftp://example.org/", CREATED, []),
        ("arn:aws:sqs:::http://[::1", CREATED, []),
        ("arn:aws:sqs:::http:///nowhere", CREATED, []),
        ("arn:aws:sqs:::file:///etc/passwd", CREATED, []),
        ("arn:aws:sqs:::amqp://guest:guest@127.0.0.1/", CREATED, []),
    ],
)
def test_configurations_that_are_refused(s3: S3, arn: str, events: list[str], rules: list[dict[str, str]]) -> None:
    boto = s3.client()
    if "refused" not in [one["Name"] for one in boto.list_buckets()["Buckets"]]:
        boto.create_bucket(Bucket="refused")
    one = {"Id": "i", "QueueArn": arn, "Events": events, "Filter": {"Key": {"FilterRules": rules}}}
    given = {"QueueConfigurations": [one]}
    put = boto.put_bucket_notification_configuration
    assert refusal(put, Bucket="refused", NotificationConfiguration=given) == (400, "InvalidArgument")


def test_configurations_may_not_overlap(s3: S3, bucket: str) -> None:
    put = s3.client().put_bucket_notification_configuration

    def filtered(name: str, prefix: str, event: str) -> dict[str, Any]:
        rules = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
        return {"Id": name, "QueueArn": HOOK, "Events": [event], "Filter": rules}

    wide, narrow = filtered("1", "a", "s3:ObjectCreated:*"), filtered("2", "ab", "s3:ObjectCreated:Put")
    both = {"QueueConfigurations": [wide, narrow]}
    assert refusal(put, Bucket=bucket, NotificationConfiguration=both) == (400, "InvalidArgument")
    apart = {"QueueConfigurations": [wide, filtered("2", "b", "s3:ObjectCreated:Put")]}
    put(Bucket=bucket, NotificationConfiguration=apart)
    same = {"QueueConfigurations": [wide, {**filtered("2", "b", "s3:ObjectRemoved:*"), "Id": "1"}]}
    assert refusal(put, Bucket=bucket, NotificationConfiguration=same) == (400, "InvalidArgument")
    bridge = {"EventBridgeConfiguration": {}}
    assert refusal(put, Bucket=bucket, NotificationConfiguration=bridge) == (501, "NotImplemented")


def test_what_a_record_says(s3: S3, bucket: str, worker: Worker, hook: Hook) -> None:
    boto = s3.client()
    notify(s3, bucket)
    put = boto.put_object(Bucket=bucket, Key="a b/ä", Body=b"12345")
    send(s3, worker)
    message = hook.told[0]
    assert message["path"] == "/path?q=1"
    (record,) = message["Records"]
    assert (record["eventVersion"], record["eventSource"], record["awsRegion"]) == ("2.1", "aws:s3", "RegionOne")
    assert record["eventName"] == "ObjectCreated:Put" and record["requestParameters"]["sourceIPAddress"] == "127.0.0.1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["eventTime"])
    assert record["responseElements"]["x-amz-request-id"] == put["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]
    owner = record["s3"]["bucket"]["ownerIdentity"]["principalId"]
    assert owner and record["userIdentity"]["principalId"] == owner
    assert record["s3"]["configurationId"] == "conf" and record["s3"]["s3SchemaVersion"] == "1.0"
    assert (record["s3"]["bucket"]["name"], record["s3"]["bucket"]["arn"]) == (bucket, f"arn:aws:s3:::{bucket}")
    shown = record["s3"]["object"]
    assert (shown["key"], shown["size"]) == ("a+b%2F%C3%A4", 5) and f'"{shown["eTag"]}"' == put["ETag"]
    boto.put_object(Bucket=bucket, Key="a b/ä", Body=b"6")
    send(s3, worker)
    assert hook.told[1]["Records"][0]["s3"]["object"]["sequencer"] > shown["sequencer"]


def test_both_apis_raise_events(s3: S3, bucket: str, worker: Worker, hook: Hook) -> None:
    boto = s3.client()
    notify(s3, bucket, "s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put")
    boto.put_object(Bucket=bucket, Key="put", Body=b"x")
    boto.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/put")
    upload = boto.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    named = {"Bucket": bucket, "Key": "parts", "UploadId": upload}
    etag = boto.upload_part(**named, PartNumber=1, Body=b"part")["ETag"]
    boto.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    boto.put_object_tagging(Bucket=bucket, Key="put", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    boto.delete_object_tagging(Bucket=bucket, Key="put")
    boto.delete_object(Bucket=bucket, Key="none")
    boto.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "put"}, {"Key": "copy"}]})
    assert s3.swift("PUT", f"{bucket}/swift", b"x", Content_Type="text/plain") < 300
    assert s3.swift("COPY", f"{bucket}/swift", Destination=f"{bucket}/swift2") < 300
    assert s3.swift("DELETE", f"{bucket}/swift") < 300
    send(s3, worker)
    assert told(hook) == [
        ("ObjectCreated:Put", "put"),
        ("ObjectCreated:Copy", "copy"),
        ("ObjectCreated:CompleteMultipartUpload", "parts"),
        ("ObjectTagging:Put", "put"),
        ("ObjectTagging:Delete", "put"),
        ("ObjectRemoved:Delete", "put"),
        ("ObjectRemoved:Delete", "copy"),
        ("ObjectCreated:Put", "swift"),
        ("ObjectCreated:Copy", "swift2"),
        ("ObjectRemoved:Delete", "swift"),
    ]
    whole = hook.told[2]["Records"][0]["s3"]["object"]
    assert whole["size"] == 4 and whole["eTag"].endswith("-1")


def test_versions_in_events(s3: S3, bucket: str, worker: Worker, hook: Hook) -> None:
    assert s3.swift("POST", bucket, X_Versions_Enabled="true") < 300
    notify(s3, bucket)
    boto = s3.client()
    boto.put_object(Bucket=bucket, Key="k", Body=b"x")
    boto.delete_object(Bucket=bucket, Key="k")
    send(s3, worker)
    assert told(hook) == [("ObjectCreated:Put", "k"), ("ObjectRemoved:DeleteMarkerCreated", "k")]
    assert all(message["Records"][0]["s3"]["object"]["versionId"] for message in hook.told)


def test_what_a_lifecycle_rule_ends(s3: S3, bucket: str, worker: Worker, hook: Hook) -> None:
    boto = s3.client()
    notify(s3, bucket, "s3:LifecycleExpiration:*")
    boto.put_object(Bucket=bucket, Key="k", Body=b"x")
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    boto.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    worker.lifecycle.now = lambda: time.time() + 3 * 86400
    worker.lifecycle.run()
    send(s3, worker)
    assert told(hook) == [("LifecycleExpiration:Delete", "k")]


def test_filters(s3: S3, bucket: str, worker: Worker, hook: Hook) -> None:
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".png"}]
    notify(s3, bucket, "s3:ObjectCreated:Put", Filter={"Key": {"FilterRules": rules}})
    boto = s3.client()
    for key in ("in/1.png", "in/1.jpg", "out/1.png"):
        boto.put_object(Bucket=bucket, Key=key, Body=b"x")
    boto.copy_object(Bucket=bucket, Key="in/2.png", CopySource=f"{bucket}/in/1.png")
    send(s3, worker)
    assert told(hook) == [("ObjectCreated:Put", "in%2F1.png")]


def test_a_target_is_tried_out(s3: S3, bucket: str, worker: Worker, hook: Hook) -> None:
    given = {"QueueConfigurations": [{"QueueArn": HOOK, "Events": CREATED}]}
    s3.client().put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=given)
    send(s3, worker)
    assert [(one["Event"], one["Bucket"]) for one in hook.told] == [("s3:TestEvent", bucket)]


def test_a_target_that_is_away_gets_everything_later(s3: S3, bucket: str, worker: Worker, hook: Hook) -> None:
    """Each pass is by a new worker, as after a kill; the proxy has nothing in memory either."""
    notify(s3, bucket)
    boto = s3.client()
    hook.status = 503
    for n in range(3):
        boto.put_object(Bucket=bucket, Key=str(n), Body=b"x")
        one = new_worker(s3)
        send(s3, one)
        one.stop()
    assert hook.told == []
    hook.status = 204
    send(s3, worker)
    assert told(hook) == [("ObjectCreated:Put", str(n)) for n in range(3)], "in order"
    send(s3, worker)
    assert len(hook.told) == 3


def test_a_target_that_fails_is_tried_later_each_time(s3: S3, bucket: str, worker: Worker, hook: Hook) -> None:
    notify(s3, bucket)
    s3.client().put_object(Bucket=bucket, Key="k", Body=b"x")
    hook.status = 500
    send(s3, worker)
    hook.status = 200
    send(s3, worker)
    assert hook.told == [], "not at once"
    worker.notifier.now = lambda: time.time() + 2
    send(s3, worker)
    assert told(hook) == [("ObjectCreated:Put", "k")]


def test_old_events_are_dropped(s3: S3, bucket: str, worker: Worker, hook: Hook) -> None:
    notify(s3, bucket)
    s3.client().put_object(Bucket=bucket, Key="k", Body=b"x")
    hook.status = 500
    s3.store.drain()
    worker.notifier.now = lambda: time.time() + 5 * 86400
    send(s3, worker)
    hook.status = 200
    worker.notifier.now = lambda: time.time() + 5 * 86400 + 10  # a message that is still there would be tried again
    send(s3, worker)
    assert hook.told == []


def test_a_redirect_is_not_followed(s3: S3, bucket: str, worker: Worker, hook: Hook) -> None:
    """Else a target could send us to the cloud's own services."""
    inner = Hook()
    notify(s3, bucket)
    s3.client().put_object(Bucket=bucket, Key="k", Body=b"x")
    hook.status, hook.location = 307, inner.url
    send(s3, worker)
    hook.status, hook.location = 200, ""
    worker.notifier.now = lambda: time.time() + 2
    send(s3, worker)
    inner.shutdown()
    inner.server_close()
    assert inner.told == [] and told(hook) == [("ObjectCreated:Put", "k")]


def test_an_endpoint_of_a_user(tmp_path: Any, hook: Hook) -> None:
    """Networks of the operator's choice may be reached; a name that leads elsewhere may not."""
    with s3_store(tmp_path, notification_networks=("127.0.0.0/8",)) as s3:
        boto = s3.client()
        boto.create_bucket(Bucket="own")
        hook.status = 200
        hook.told.clear()
        notify(s3, "own", arn=f"arn:aws:sqs:::{hook.url}")
        boto.put_object(Bucket="own", Key="k", Body=b"x")
        for networks, expected in (((), 0), (("127.0.0.0/8",), 1)):
            one = new_worker(s3, notification_networks=networks)
            send(s3, one)
            one.stop()
            assert len(hook.told) == expected
    with s3_store(tmp_path / "none", notification_endpoints=False) as s3:
        s3.client().create_bucket(Bucket="own")
        put = s3.client().put_bucket_notification_configuration
        given = {"QueueConfigurations": [{"QueueArn": "arn:aws:sqs:::https://example.org/", "Events": CREATED}]}
        assert refusal(put, Bucket="own", NotificationConfiguration=given) == (400, "InvalidArgument")
