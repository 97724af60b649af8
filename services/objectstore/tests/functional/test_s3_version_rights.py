"""Who may read and delete which version: its own ACL and tags count, and rights of versions have their own names."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from s3_clients import S3, s3_store

BUCKET = "kept"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3_store(tmp_path_factory.mktemp("s3")) as store:
        boto = store.client()
        boto.create_bucket(Bucket=BUCKET)
        boto.put_object(Bucket=BUCKET, Key="null", Body=b"secret")
        versioning(boto, "Enabled")
        boto.put_object(Bucket=BUCKET, Key="null", Body=b"open", ACL="public-read")
        yield store


@pytest.fixture
def guest(s3: S3) -> Any:
    config = Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}, retries={"max_attempts": 0})
    return boto3.client("s3", endpoint_url=s3.url, region_name="RegionOne", config=config)


def versioning(boto: Any, status: str) -> str:
    return outcome(boto.put_bucket_versioning, VersioningConfiguration={"Status": status})


def outcome(call: Any, **arguments: Any) -> str:
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as err:
        return str(err.response["Error"]["Code"])
    return ""


def rule(s3: S3, *statements: dict[str, Any]) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", **s} for s in statements]}
    s3.client().put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))


def objects(action: Any, **more: Any) -> dict[str, Any]:
    return {"Action": action, "Resource": f"arn:aws:s3:::{BUCKET}/*", **more}


def bucket(action: Any, **more: Any) -> dict[str, Any]:
    return {"Action": action, "Resource": f"arn:aws:s3:::{BUCKET}", **more}


def test_who_may_write_deletes_no_version_for_good(s3: S3, guest: Any) -> None:
    boto = s3.client()
    version = boto.put_object(Bucket=BUCKET, Key="k", Body=b"1")["VersionId"]
    boto.put_bucket_acl(Bucket=BUCKET, ACL="public-read-write")
    many = {"Objects": [{"Key": "k", "VersionId": version}]}
    assert outcome(guest.delete_object, Key="k", VersionId=version) == "AccessDenied"
    assert guest.delete_objects(Bucket=BUCKET, Delete=many)["Errors"][0]["Code"] == "AccessDenied"
    assert outcome(guest.delete_object, Key="null", VersionId="null") == "AccessDenied"
    marker = guest.delete_object(Bucket=BUCKET, Key="k")
    assert marker["DeleteMarker"], "this takes nothing away"
    assert outcome(boto.get_object, Key="k", VersionId=version) == "" == outcome(boto.get_object, Key="null")
    rule(s3, objects("s3:DeleteObjectVersion"))
    assert outcome(guest.delete_object, Key="k", VersionId=version) == ""
    boto.delete_bucket_policy(Bucket=BUCKET)
    boto.put_bucket_acl(Bucket=BUCKET, ACL="private")


def test_the_version_called_null_is_a_version(s3: S3, guest: Any) -> None:
    boto = s3.client()
    rule(s3, objects(["s3:DeleteObjectVersion", "s3:GetObjectVersion"], Effect="Deny"))
    assert outcome(boto.delete_object, Key="null", VersionId="null") == "AccessDenied"
    assert outcome(boto.get_object, Key="null", VersionId="null") == "AccessDenied"
    assert outcome(boto.get_object, Key="null") == ""
    boto.delete_bucket_policy(Bucket=BUCKET)
    assert outcome(guest.get_object, Key="null") == ""
    assert outcome(guest.get_object, Key="null", VersionId="null") == "AccessDenied", "its own ACL is private"


def test_versioning_has_actions_of_its_own(s3: S3, guest: Any) -> None:
    boto = s3.client()
    rule(s3, bucket(["s3:PutBucketAcl", "s3:ListBucket"]), bucket("s3:PutBucketVersioning", Effect="Deny"))
    assert versioning(guest, "Suspended") == "AccessDenied" == versioning(boto, "Suspended")
    assert outcome(guest.get_bucket_versioning) == "AccessDenied" == outcome(guest.list_object_versions)
    assert outcome(guest.list_objects_v2) == ""
    rule(s3, bucket(["s3:GetBucketVersioning", "s3:ListBucketVersions"]))
    assert guest.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert outcome(guest.list_object_versions) == "" and outcome(guest.list_objects_v2) == "AccessDenied"
    boto.delete_bucket_policy(Bucket=BUCKET)


def test_the_tags_of_the_version_count(s3: S3, guest: Any) -> None:
    boto = s3.client()
    secret = boto.put_object(Bucket=BUCKET, Key="t", Body=b"secret", Tagging="level=secret")["VersionId"]
    public = boto.put_object(Bucket=BUCKET, Key="t", Body=b"public", Tagging="level=public")["VersionId"]
    tagged = {"StringEquals": {"s3:ExistingObjectTag/level": "public"}}
    rule(s3, objects(["s3:GetObject", "s3:GetObjectVersion"], Condition=tagged))
    assert outcome(guest.get_object, Key="t") == "" == outcome(guest.get_object, Key="t", VersionId=public)
    assert outcome(guest.get_object, Key="t", VersionId=secret) == "AccessDenied"
    rule(s3, objects("s3:PutObject"), objects("s3:PutObject", Effect="Deny", Condition=tagged))
    put = urllib.request.Request(f"{s3.url}/{BUCKET}/t?versionId={secret}", b"x", method="PUT")
    with pytest.raises(HTTPError, match="403"):  # a PUT is of the current version, whatever it names
        urllib.request.urlopen(put, timeout=30)
    boto.delete_bucket_policy(Bucket=BUCKET)


def test_a_version_that_is_named_says_nothing_of_a_links_target(s3: S3, guest: Any) -> None:
    boto, token = s3.client(), s3.identity.token("demo")
    boto.put_object(Bucket=BUCKET, Key="hidden", Body=b"hidden")
    boto.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    account = s3.store.config.account_prefix + boto.get_bucket_acl(Bucket=BUCKET)["Owner"]["ID"]
    headers = {"X-Auth-Token": token, "X-Symlink-Target": f"{BUCKET}/hidden", "Content-Length": "0"}
    request = urllib.request.Request(f"{s3.url}/v1/{account}/{BUCKET}/link", method="PUT", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        version = answer.headers["X-Object-Version-Id"]
    boto.put_object_acl(Bucket=BUCKET, Key="link", ACL="public-read")
    assert outcome(guest.list_objects_v2) == "" and outcome(guest.get_object, Key="hidden") == "AccessDenied"
    assert outcome(guest.get_object, Key="link") == "AccessDenied"
    assert outcome(guest.get_object, Key="link", VersionId=version) == "AccessDenied"
    boto.put_bucket_acl(Bucket=BUCKET, ACL="private")
