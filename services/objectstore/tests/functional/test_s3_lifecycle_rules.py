"""Lifecycle configurations: what S3 takes, shows and refuses. What the daemon makes of them: test_s3_lifecycle.py."""

import http.client
import re
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from s3_clients import S3, refusal, set_rules

RULES = [
    {"ID": "days", "Status": "Enabled", "Prefix": "old/", "Expiration": {"Days": 3}},
    {"ID": "off", "Status": "Disabled", "Filter": {"Prefix": "p/"}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    {"ID": "tag", "Status": "Enabled", "Filter": {"Tag": {"Key": "k", "Value": "v"}}, "Expiration": {"Days": 1}},
    {
        "ID": "and",
        "Status": "Enabled",
        "Filter": {
            "And": {
                "Prefix": "q/",
                "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}],
                "ObjectSizeGreaterThan": 5,
                "ObjectSizeLessThan": 500,
            }
        },
        "NoncurrentVersionExpiration": {"NoncurrentDays": 9, "NewerNoncurrentVersions": 2},
    },
    {
        "ID": "all",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    },
]


def test_rules_are_shown_as_they_were_set(s3: S3, bucket: str) -> None:
    boto = s3.client()
    missing = refusal(boto.get_bucket_lifecycle_configuration, Bucket=bucket)
    assert missing == (404, "NoSuchLifecycleConfiguration")
    boto.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": RULES})
    assert boto.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == RULES
    for _ in range(2):
        boto.delete_bucket_lifecycle(Bucket=bucket)
    assert refusal(boto.get_bucket_lifecycle_configuration, Bucket=bucket) == missing
    set_rules(s3, bucket, {"ID": "", "Filter": {}, "Expiration": {"Date": "2030-02-03"}})
    shown = boto.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]
    assert shown["ID"] and f"{shown['Expiration']['Date']:%Y-%m-%d %H}" == "2030-02-03 00"


FILTER = {"Filter": {"Prefix": ""}}
LONG_AFTER = "2030-01-01T10:00:00Z"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({**FILTER, "Expiration": {"Days": 0}}, "InvalidArgument"),
    ({**FILTER, "Expiration": {"Days": -1}}, "InvalidArgument"),
    ({**FILTER, "Expiration": {"Days": 2**31}}, "InvalidArgument"),
    ({**FILTER, "Expiration": {"Date": LONG_AFTER}}, "InvalidArgument"),
    ({**FILTER, "Expiration": {"Days": 1, "Date": "2030-01-01"}}, "MalformedXML"),
    ({**FILTER, "Expiration": {}}, "MalformedXML"),
    (FILTER, "InvalidRequest"),
    ({"Expiration": {"Days": 1}}, "MalformedXML"),
    ({"Prefix": "", **FILTER, "Expiration": {"Days": 1}}, "MalformedXML"),
    ({**FILTER, "Expiration": {"Days": 1}, "Status": "enabled"}, "MalformedXML"),
    ({**FILTER, "Expiration": {"Days": 1}, "ID": "i" * 256}, "InvalidArgument"),
    ({"Filter": {"ObjectSizeGreaterThan": 5, "Prefix": "x"}, "Expiration": {"Days": 1}}, "MalformedXML"),
    ({"Filter": {"ObjectSizeGreaterThan": 2**60}, "Expiration": {"Days": 1}}, "InvalidArgument"),
    (
        {"Filter": {"And": {"ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 5}}, "Expiration": {"Days": 1}},
        "InvalidRequest",
    ),
    (
        {"Filter": {"Tag": {"Key": "k", "Value": "v"}}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
        "InvalidRequest",
    ),
    (
        {
            "Filter": {"Tag": {"Key": "k", "Value": "v"}},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
        "InvalidRequest",
    ),
    ({**FILTER, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}}, "InvalidArgument"),
    ({**FILTER, "NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 3}}, "MalformedXML"),
    (
        {**FILTER, "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 101}},
        "InvalidArgument",
    ),
    ({**FILTER, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}, "NotImplemented"),
    (
        {
            **FILTER,
            "Expiration": {"Days": 9},
            "NoncurrentVersionTransitions": [{"NoncurrentDays": 1, "StorageClass": "GLACIER"}],
        },
        "NotImplemented",
    ),
]


@pytest.mark.parametrize(("rule", "expected"), REFUSED)
def test_rules_that_s3_refuses(s3: S3, rule: dict[str, Any], expected: str) -> None:
    boto = s3.client()
    if "refused" not in [one["Name"] for one in boto.list_buckets()["Buckets"]]:
        boto.create_bucket(Bucket="refused")
    rules = {"Rules": [{"ID": "r", "Status": "Enabled", **rule}]}
    refused = refusal(boto.put_bucket_lifecycle_configuration, Bucket="refused", LifecycleConfiguration=rules)
    assert refused[1] == expected and refused[0] < 502


def test_lists_of_rules_that_s3_refuses(s3: S3, bucket: str) -> None:
    boto = s3.client()
    rule = {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    twice = {"Rules": [{**rule, "ID": "same"}, {**rule, "ID": "same"}]}
    refused = refusal(boto.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration=twice)
    assert refused == (400, "InvalidArgument")
    many = {"Rules": [{**rule, "ID": str(n)} for n in range(1001)]}
    refused = refusal(boto.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration=many)
    assert refused == (400, "MalformedXML")
    boto.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": many["Rules"][:1000]})
    assert len(boto.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]) == 1000


BOMB = (
    '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<LifecycleConfiguration><Rule><ID>&b;</ID></Rule></LifecycleConfiguration>"
)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<LifecycleConfiguration/>",
        BOMB,
        "<LifecycleConfiguration><Other/></LifecycleConfiguration>",
        '<!DOCTYPE l SYSTEM "file:///etc/passwd"><LifecycleConfiguration/>',
        "<LifecycleConfiguration>" + "<Rule>" * 5000,
        "<LifecycleConfiguration><Rule><Status>Enabled</Status><Prefix/><Expiration><Days>"
        + "9" * 5000
        + "</Days></Expiration></Rule></LifecycleConfiguration>",
        "<LifecycleConfiguration><Rule><Status>Enabled</Status><Prefix/><Expiration><Days>١</Days></Expiration>"
        "</Rule></LifecycleConfiguration>",
        "<LifecycleConfiguration><Rule><Status>Enabled</Status><Prefix/><Expiration><Date>2030-99-99</Date>"
        "</Expiration></Rule></LifecycleConfiguration>",
    ],
)
def test_hostile_documents(s3: S3, body: str) -> None:
    boto = s3.client()
    if "hostile" not in [one["Name"] for one in boto.list_buckets()["Buckets"]]:
        boto.create_bucket(Bucket="hostile")
    data = body.encode()
    request = AWSRequest("PUT", f"{s3.url}/hostile?lifecycle", {}, data)
    S3SigV4Auth(Credentials(*s3.key("demo")), "s3", "RegionOne").add_auth(request)
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request("PUT", "/hostile?lifecycle", data, dict(request.headers.items()))
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status == 400 and re.search("<Code>(MalformedXML|InvalidArgument)</Code>", text)


def test_the_header_that_tells_the_end(s3: S3, bucket: str) -> None:
    boto = s3.client()
    set_rules(
        s3,
        bucket,
        {"ID": "late", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}},
        {"ID": "soon now", "Filter": {"Prefix": "s/"}, "Expiration": {"Days": 1}},
        {"ID": "tag", "Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Expiration": {"Date": "2016-01-01"}},
        {"ID": "ever", "Filter": {"Prefix": ""}, "Expiration": {"Days": 2**31 - 1}},
    )
    put = boto.put_object(Bucket=bucket, Key="s/1", Body=b"x")
    assert re.fullmatch(r'expiry-date="\w{3}, \d\d \w{3} \d{4} 00:00:00 GMT", rule-id="soon%20now"', put["Expiration"])
    assert boto.head_object(Bucket=bucket, Key="s/1")["Expiration"] == put["Expiration"]
    assert boto.get_object(Bucket=bucket, Key="s/1")["Expiration"] == put["Expiration"]
    tagged = boto.put_object(Bucket=bucket, Key="t", Body=b"x", Tagging="a=b")
    assert tagged["Expiration"] == 'expiry-date="Fri, 01 Jan 2016 00:00:00 GMT", rule-id="tag"'
    boto.delete_bucket_lifecycle(Bucket=bucket)
    assert "Expiration" not in boto.put_object(Bucket=bucket, Key="s/2", Body=b"x")


def test_who_may_change_rules(s3: S3, bucket: str) -> None:
    other = s3.client("other")
    rules = {"Rules": [{"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
    refused = (403, "AccessDenied")
    assert refusal(other.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration=rules) == refused
    assert refusal(other.get_bucket_lifecycle_configuration, Bucket=bucket) == refused
    assert refusal(other.delete_bucket_lifecycle, Bucket=bucket) == refused
