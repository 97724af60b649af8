"""Bucket policies: who gets what through S3's API, and that a deny holds for Swift's API, too."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from s3_clients import S3, s3_store

from pileus_objectstore.core.bucket_rights import POLICY
from pileus_objectstore.core.names import Target

BUCKET = "ruled"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3_store(tmp_path_factory.mktemp("s3")) as store:
        boto = store.client()
        boto.create_bucket(Bucket=BUCKET)
        boto.put_object(Bucket=BUCKET, Key="open/a", Body=b"a", Tagging="kind=open")
        boto.put_object(Bucket=BUCKET, Key="b", Body=b"b")
        yield store


@pytest.fixture
def policy(s3: S3) -> Iterator[Any]:
    """Sets the statements of the bucket's policy, until the test's end."""

    def put(*statements: dict[str, Any]) -> None:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}
        s3.client().put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))

    yield put
    if outcome(s3.client().delete_bucket_policy):
        POLICY.store(s3.store.app.tools, Target(f"AUTH_{s3.project()}", BUCKET), None)


def anyone(action: Any, key: str = "/*", **more: Any) -> dict[str, Any]:
    return {"Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{BUCKET}{key}", **more}


def outcome(call: Any, **arguments: Any) -> str:
    """The error's code, '' for success."""
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as err:
        return str(err.response["Error"]["Code"])
    return ""


def anonymous(s3: S3) -> Any:
    import boto3

    config = Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}, retries={"max_attempts": 0})
    return boto3.client("s3", endpoint_url=s3.url, region_name="RegionOne", config=config)


def test_what_is_allowed_to_everyone(s3: S3, policy: Any) -> None:
    guest, other = anonymous(s3), s3.client("other")
    assert outcome(guest.get_object, Key="open/a") == "AccessDenied"
    policy(anyone("s3:GetObject", "/open/*"))
    assert outcome(guest.get_object, Key="open/a") == "" == outcome(other.get_object, Key="open/a")
    assert outcome(guest.get_object, Key="b") == "AccessDenied"
    assert outcome(guest.put_object, Key="open/a", Body=b"") == "AccessDenied"
    assert outcome(guest.list_objects_v2) == "AccessDenied"
    assert outcome(guest.get_object, Key="open/none") == "AccessDenied", "what is there is for those who may list"
    policy(anyone("s3:GetObject"), anyone("s3:ListBucket", ""))
    assert outcome(guest.get_object, Key="open/none") == "NoSuchKey" and outcome(guest.list_objects_v2) == ""
    assert s3.swift("GET", f"{BUCKET}/b", user="other") == 200, "and the same through Swift's API"


def test_a_project_is_allowed(s3: S3, policy: Any) -> None:
    other = s3.client("other")
    for principal in (s3.project("other"), f"arn:aws:iam::{s3.project('other')}:root"):
        policy({**anyone("s3:PutObject"), "Principal": {"AWS": [principal]}})
        assert outcome(other.put_object, Key="theirs", Body=b"x") == ""
    assert outcome(other.get_object, Key="b") == "AccessDenied"
    assert outcome(anonymous(s3).put_object, Key="theirs", Body=b"x") == "AccessDenied"
    policy({**anyone("s3:PutObject"), "Principal": {"AWS": s3.project("admin")}})
    assert outcome(other.put_object, Key="theirs", Body=b"x") == "AccessDenied"


def test_a_deny_wins_in_both_apis(s3: S3, policy: Any) -> None:
    boto = s3.client()
    policy(anyone("s3:*"), anyone(["s3:Get*", "s3:DeleteObject"], "/b", Effect="Deny"))
    assert outcome(boto.get_object, Key="b") == "AccessDenied" == outcome(boto.delete_object, Key="b")
    assert outcome(boto.get_object, Key="open/a") == ""
    assert outcome(boto.copy_object, Key="copy", CopySource=f"{BUCKET}/b") == "AccessDenied"
    for method in ("GET", "HEAD", "DELETE"):
        assert s3.swift(method, f"{BUCKET}/b") == 403, method
    assert s3.swift("COPY", f"{BUCKET}/b", Destination=f"{BUCKET}/copy") == 403
    assert s3.swift("PUT", f"{BUCKET}/copy", X_Copy_From=f"{BUCKET}/b", Content_Length="0") == 403
    assert s3.swift("GET", f"{BUCKET}/open/a") == 200


def test_an_object_of_parts_is_like_any_other(s3: S3, policy: Any) -> None:
    boto, other = s3.client(), s3.client("other")
    upload = boto.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    etag = boto.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    boto.complete_multipart_upload(Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload=parts)
    assert outcome(other.get_object, Key="parts") == "AccessDenied"
    policy(anyone("s3:GetObject", "/parts"))
    assert other.get_object(Bucket=BUCKET, Key="parts")["Body"].read() == b"1"
    policy(anyone("s3:GetObject", "/parts", Effect="Deny"))
    assert s3.swift("GET", f"{BUCKET}/parts") == 403


def test_not_this(s3: S3, policy: Any) -> None:
    policy(
        {"Effect": "Deny", "NotPrincipal": {"AWS": s3.project()}, "NotAction": "s3:GetObject",
         "Resource": f"arn:aws:s3:::{BUCKET}/*"},
        {"Principal": {"AWS": "*"}, "Action": "s3:*Object", "NotResource": f"arn:aws:s3:::{BUCKET}/open/*"},
    )  # fmt: skip
    other = s3.client("other")
    assert outcome(other.get_object, Key="b") == "" and outcome(other.get_object, Key="open/a") == "AccessDenied"
    assert outcome(other.put_object, Key="c", Body=b"") == "AccessDenied"
    assert outcome(s3.client().put_object, Key="c", Body=b"") == ""


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "::1"]}}, False),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, True),
        ({"StringEquals": {"aws:SourceIp": "127.0.0.1"}}, True),
        ({"StringLike": {"aws:UserAgent": "*Botocore*"}}, True),
        ({"StringNotLike": {"aws:UserAgent": "*Botocore*"}}, False),
        ({"StringEqualsIgnoreCase": {"aws:PrincipalType": "ANONYMOUS"}}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ({"Bool": {"aws:SecureTransport": True}}, False),
        ({"Null": {"aws:Referer": "true"}}, True),
        ({"StringEquals": {"aws:Referer": "x"}}, False),
        ({"StringEqualsIfExists": {"aws:Referer": "x"}}, True),
        ({"StringNotEquals": {"aws:Referer": "x"}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
        ({"NumericGreaterThan": {"aws:EpochTime": 1}}, True),
        ({"StringEquals": {"s3:ExistingObjectTag/kind": "open"}}, True),
        ({"StringEquals": {"s3:ExistingObjectTag/Kind": "open"}}, False),
        ({"StringEquals": {"s3:ExistingObjectTag/kind": "closed"}}, False),
        ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.1"}, "Bool": {"aws:SecureTransport": "true"}}, False),
    ],
)
def test_conditions(s3: S3, policy: Any, condition: dict[str, Any], allowed: bool) -> None:
    policy(anyone("s3:GetObject", "/open/*", Condition=condition))
    assert outcome(anonymous(s3).get_object, Key="open/a") == ("" if allowed else "AccessDenied")


def test_conditions_on_listings_and_headers(s3: S3, policy: Any) -> None:
    guest = anonymous(s3)
    condition = {"StringLike": {"s3:prefix": "open/*"}, "NumericLessThanEquals": {"s3:max-keys": "10"}}
    policy(anyone("s3:ListBucket", "", Condition=condition))
    assert outcome(guest.list_objects_v2, Prefix="open/", MaxKeys=10) == ""
    assert outcome(guest.list_objects_v2, Prefix="open/", MaxKeys=11) == "AccessDenied"
    assert outcome(guest.list_objects_v2, Prefix="", MaxKeys=1) == "AccessDenied"
    policy(anyone("s3:PutObject", Condition={"StringEquals": {"s3:x-amz-acl": "public-read"}}))
    assert outcome(guest.put_object, Key="new", Body=b"", ACL="public-read") == ""
    assert outcome(guest.put_object, Key="new", Body=b"") == "AccessDenied"
    unless = {"ForAnyValue:StringEquals": {"s3:RequestObjectTagKeys": "secret"}}
    policy(anyone("s3:PutObject"), anyone("s3:PutObject*", Effect="Deny", Condition=unless))
    boto = s3.client()
    assert outcome(boto.put_object, Key="new", Body=b"", Tagging="a=1") == ""
    assert outcome(boto.put_object, Key="new", Body=b"", Tagging="a=1&secret=2") == "AccessDenied"
    tags = {"TagSet": [{"Key": "secret", "Value": "1"}]}
    assert outcome(boto.put_object_tagging, Key="new", Tagging=tags) == "AccessDenied"


def test_swifts_headers_are_not_s3s(s3: S3, policy: Any) -> None:
    """A header without an effect fulfils no condition: a PUT of Swift's API has no ACL of S3."""
    must = {"StringNotEquals": {"s3:x-amz-acl": "private"}}
    policy(anyone("s3:PutObject", Effect="Deny", Condition=must))
    assert s3.swift("PUT", f"{BUCKET}/new", X_Amz_Acl="private", Content_Length="0") == 403
    assert outcome(s3.client().put_object, Key="new", Body=b"", ACL="private") == ""


def test_nobody_locks_themselves_out(s3: S3, policy: Any) -> None:
    everything = {**anyone("s3:*", Effect="Deny"), "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}
    policy(everything)
    assert outcome(s3.client().get_bucket_policy) == "AccessDenied"
    assert outcome(s3.client().delete_bucket_policy) == "AccessDenied"
    assert s3.swift("DELETE", BUCKET) == 403 == s3.swift("POST", BUCKET, X_Container_Read=".r:*")


def test_documents_are_kept_as_they_were_written(s3: S3, policy: Any) -> None:
    boto = s3.client()
    assert outcome(boto.get_bucket_policy) == "NoSuchBucketPolicy"
    assert boto.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"] is False
    policy(anyone("s3:GetObject"))
    assert json.loads(boto.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"][0]["Action"] == "s3:GetObject"
    assert boto.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"] is True
    policy(anyone("s3:GetObject", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    assert boto.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"] is False
    assert outcome(s3.client("other").get_bucket_policy) == "AccessDenied"


WRONG: list[Any] = [
    "",
    "[]",
    "{",
    {"Statement": []},
    {"Version": "2024-01-01", "Statement": [anyone("s3:GetObject", Effect="Allow")]},
    {"Statement": [anyone("s3:GetObject", Effect="Maybe")]},
    {"Statement": [anyone("s3:GetObject")]},
    {"Statement": [anyone("iam:PassRole", Effect="Allow")]},
    {"Statement": [anyone([], Effect="Allow")]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", NotAction="s3:PutObject")]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Resource="arn:aws:s3:::another/*")]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Resource="*")]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Surprise=1)]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Principal="someone")]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Principal={"AWS": "arn:aws:iam::1:group/x"})]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Condition={"StringIs": {"aws:Referer": "x"}})]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Condition={"StringEquals": {"s3:unknown": "x"}})]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Condition={"IpAddress": {"aws:SourceIp": "1.2"}})]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Condition={"Bool": {"aws:SecureTransport": "no"}})]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Condition={"NumericEquals": {"s3:max-keys": "x"}})]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Condition={"StringEquals": {"s3:prefix": "${aws:userid}"}})]},
    {"Statement": [anyone("s3:GetObject", Effect="Allow", Sid="x" * 20500)]},
    {"Statement": [anyone([f"s3:Get{'?' * (n % 9)}*" for n in range(1500)], Effect="Allow")]},
    "[" * 20000,
    '{"Statement":' * 1500,
]


@pytest.mark.parametrize("document", WRONG, ids=range(len(WRONG)))
def test_what_is_no_policy_is_refused(s3: S3, document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    assert outcome(s3.client().put_bucket_policy, Policy=text) == "MalformedPolicy"


def test_patterns_do_not_backtrack(s3: S3, policy: Any) -> None:
    policy(anyone("s3:GetObject", "/" + "*a" * 2000 + "b"), anyone("s3:GetObject", "/" + "?*" * 2000))
    assert outcome(anonymous(s3).get_object, Key="a" * 1000) == "AccessDenied"


def test_versions_have_actions_of_their_own(s3: S3, policy: Any) -> None:
    boto, other = s3.client(), s3.client("other")
    boto.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first, _ = (boto.put_object(Bucket=BUCKET, Key="v", Body=body)["VersionId"] for body in (b"1", b"2"))
    policy(anyone("s3:GetObject", "/v"))
    assert other.get_object(Bucket=BUCKET, Key="v")["Body"].read() == b"2"
    assert outcome(other.get_object, Key="v", VersionId=first) == "AccessDenied"
    policy(anyone("s3:GetObjectVersion", "/v"))
    assert other.get_object(Bucket=BUCKET, Key="v", VersionId=first)["Body"].read() == b"1"
    assert outcome(other.get_object, Key="v") == "AccessDenied"
    policy(anyone("s3:GetObject", "/v", Effect="Deny"))
    assert outcome(boto.get_object, Key="v", VersionId=first) == "AccessDenied"
    assert s3.swift("GET", f"{BUCKET}/v?version-id={first}") == 403
