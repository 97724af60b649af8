"""Who may read and delete a version that is not the current one, through both APIs."""

import http.client
import json
import urllib.request
import uuid
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError
from s3_clients import S3


@pytest.fixture
def bucket(s3: S3) -> str:
    name = f"b-{uuid.uuid4().hex}"
    s3.client().create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    return name


def anonymous(s3: S3, method: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def swift(
    s3: S3, method: str, path: str, user: str = "demo", owner: str = "demo", data: bytes | None = None, **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of a call of Swift's API on the account of `owner`; a `user` of "" has no token."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    given |= {"X-Auth-Token": s3.identity.token(user)} if user else {}
    url = f"{s3.url}/v1/AUTH_{s3.project(owner)}/{path}"
    request = urllib.request.Request(url, data, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except HTTPError as err:
        return err.code, err.read(), dict(err.headers)


def refusal(call: Any, **arguments: Any) -> str:
    """The error's code, '' for success."""
    try:
        call(**arguments)
    except ClientError as err:
        return str(err.response["Error"]["Code"])
    return ""


def keep_versions(s3: S3, bucket: str) -> None:
    s3.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def set_policy(s3: S3, bucket: str, *statements: dict[str, Any]) -> None:
    everyone = {"Effect": "Allow", "Principal": "*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    document = {"Version": "2012-10-17", "Statement": [everyone | one for one in statements]}
    s3.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))


def test_the_version_of_a_link_is_not_one_of_its_target(s3: S3, bucket: str) -> None:
    s3.client().put_bucket_acl(Bucket=bucket, ACL="public-read")
    s3.client().put_object(Bucket=bucket, Key="secret", Body=b"secret!")
    mine = {"user": "other", "owner": "other"}
    account = f"AUTH_{s3.project()}"
    assert swift(s3, "PUT", "mine", X_Versions_Enabled="true", **mine)[0] in (201, 202)
    link = {"X_Symlink_Target": f"{bucket}/secret", "X_Symlink_Target_Account": account, "Content_Type": "a/b"}
    made = swift(s3, "PUT", "mine/link", data=b"", **mine, **link)
    for path in ("mine/link", f"mine/link?version-id={made[2]['X-Object-Version-Id']}"):
        assert swift(s3, "GET", path, **mine)[0] == 403, path
    copy = swift(s3, "COPY", path, Destination="mine/copy", **mine)
    assert copy[0] == 403


def test_a_null_version_has_its_own_acl_and_policy(s3: S3, bucket: str) -> None:
    boto, other = s3.client(), s3.client("other")
    boto.put_object(Bucket=bucket, Key="k", Body=b"private null")
    keep_versions(s3, bucket)
    boto.put_object(Bucket=bucket, Key="k", Body=b"public", ACL="public-read")
    assert anonymous(s3, "GET", f"/{bucket}/k") == (200, b"public")
    assert anonymous(s3, "GET", f"/{bucket}/k?versionId=null")[0] == 403
    set_policy(
        s3,
        bucket,
        {"Effect": "Deny", "Action": ["s3:DeleteObjectVersion", "s3:GetObjectVersion"]},
        {"Action": ["s3:DeleteObject", "s3:GetObject"]},
    )
    null = {"Bucket": bucket, "Key": "k", "VersionId": "null"}
    assert refusal(other.get_object, **null) == "AccessDenied" == refusal(other.delete_object, **null)
    named = {"Objects": [{"Key": "k", "VersionId": "null"}]}
    assert other.delete_objects(Bucket=bucket, Delete=named)["Errors"][0]["Code"] == "AccessDenied"
    assert swift(s3, "DELETE", f"{bucket}/k?version-id=null", "other")[0] == 403
    set_policy(s3, bucket, {"Action": "s3:GetObjectVersion"})
    assert anonymous(s3, "GET", f"/{bucket}/k?versionId=null") == (200, b"private null")


def test_the_tags_that_count_are_those_of_the_version(s3: S3, bucket: str) -> None:
    keep_versions(s3, bucket)
    boto, named = s3.client(), {"Bucket": bucket, "Key": "k"}
    old = boto.put_object(**named, Body=b"old", Tagging="public=no")["VersionId"]
    new = boto.put_object(**named, Body=b"new", Tagging="public=yes")["VersionId"]
    public = {"StringEquals": {"s3:ExistingObjectTag/public": "yes"}}
    set_policy(s3, bucket, {"Action": ["s3:GetObject", "s3:GetObjectVersion"], "Condition": public})
    assert anonymous(s3, "GET", f"/{bucket}/k?versionId={new}") == (200, b"new")
    assert anonymous(s3, "GET", f"/{bucket}/k?versionId={old}")[0] == 403
    assert swift(s3, "GET", f"{bucket}/k?version-id={new}", "")[0] == 200
    assert swift(s3, "GET", f"{bucket}/k?version-id={old}", "")[0] == 401
    unless = {"StringNotEquals": {"s3:ExistingObjectTag/public": "yes"}}
    set_policy(s3, bucket, {"Effect": "Deny", "Action": "s3:PutObject", "Condition": unless})
    boto.put_object_tagging(**named, Tagging={"TagSet": [{"Key": "public", "Value": "no"}]})
    for parameter in (f"?version-id={old}", "", f"?version-id={new}"):
        answer = swift(s3, "PUT", f"{bucket}/k{parameter}", data=b"", X_Copy_From=f"{bucket}/k")
        assert answer[0] == 403, "a copy's version is its source's, so its destination keeps its own tags"


def test_a_condition_on_the_version_sees_what_is_deleted(s3: S3, bucket: str) -> None:
    keep_versions(s3, bucket)
    boto, other = s3.client(), s3.client("other")
    first, second = (boto.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"] for _ in range(2))
    only = {"StringEquals": {"s3:VersionId": second}}
    set_policy(s3, bucket, {"Action": "s3:DeleteObjectVersion", "Condition": only})
    for version, code in ((first, "AccessDenied"), (second, "")):
        named = {"Objects": [{"Key": "k", "VersionId": version}]}
        errors = other.delete_objects(Bucket=bucket, Delete=named).get("Errors", [])
        assert [one["Code"] for one in errors] == ([code] if code else [])


def test_acls_of_swift_grant_no_version(s3: S3, bucket: str) -> None:
    keep_versions(s3, bucket)
    boto, other = s3.client(), s3.client("other")
    old = boto.put_object(Bucket=bucket, Key="k", Body=b"old")["VersionId"]
    boto.put_object(Bucket=bucket, Key="k", Body=b"new")
    writers = f"{s3.project('other')}:*"
    assert swift(s3, "POST", bucket, X_Container_Read=".r:*,.rlistings", X_Container_Write=writers)[0] == 204
    assert anonymous(s3, "GET", f"/{bucket}/k") == (200, b"new")
    assert anonymous(s3, "GET", f"/{bucket}/k?versionId={old}")[0] == 403
    for method in ("GET", "DELETE", "PUT", "COPY"):
        answer = swift(s3, method, f"{bucket}/k?version-id={old}", "other", Destination=f"{bucket}/copy")
        assert answer[0] == 403, method
    assert swift(s3, "PUT", f"{bucket}/copy?version-id={old}", "other", X_Copy_From=f"{bucket}/k")[0] == 403
    assert refusal(other.delete_object, Bucket=bucket, Key="k", VersionId=old) == "AccessDenied"
    assert refusal(other.delete_object, Bucket=bucket, Key="k") == "", "a marker is something else"
    assert boto.get_object(Bucket=bucket, Key="k", VersionId=old)["Body"].read() == b"old"
    assert swift(s3, "GET", f"{bucket}/k?version-id={old}")[0] == 200


def test_acls_of_websites_grant_no_version(s3: S3, bucket: str) -> None:
    keep_versions(s3, bucket)
    old = s3.client().put_object(Bucket=bucket, Key="index.html", Body=b"old")["VersionId"]
    s3.client().put_object(Bucket=bucket, Key="index.html", Body=b"new")
    web = {"X_Container_Meta_Web_Index": "index.html", "X_Container_Read": ".r:*"}
    assert swift(s3, "POST", bucket, **web)[0] == 204
    assert swift(s3, "GET", f"{bucket}/", "")[:2] == (200, b"new")
    assert swift(s3, "GET", f"{bucket}/?version-id={old}", "")[0] == 401


def test_writers_of_a_bucket_delete_no_version(s3: S3, bucket: str) -> None:
    keep_versions(s3, bucket)
    boto = s3.client()
    boto.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    old = boto.put_object(Bucket=bucket, Key="k", Body=b"old")["VersionId"]
    assert anonymous(s3, "DELETE", f"/{bucket}/k?versionId={old}")[0] == 403
    assert anonymous(s3, "DELETE", f"/{bucket}/k")[0] == 204
    assert boto.get_object(Bucket=bucket, Key="k", VersionId=old)["Body"].read() == b"old"


def test_many_deletions_at_once_keep_what_a_policy_keeps(s3: S3, bucket: str) -> None:
    """Each object's own tags count, also while other threads ask for those of others."""
    keys = [f"k{n}" for n in range(24)]
    for number, key in enumerate(keys):
        tag = {"Tagging": "keep=yes"} if number % 2 else {}
        s3.client().put_object(Bucket=bucket, Key=key, Body=b"x", **tag)
    conditions = [{"StringEquals": {f"s3:ExistingObjectTag/{tag}": "yes"}} for tag in ("hold", "keep")]
    denied = {"Effect": "Deny", "Action": "s3:DeleteObject"}
    set_policy(s3, bucket, *(denied | {"Condition": condition} for condition in conditions))
    paths = "\n".join(f"{bucket}/{key}" for key in keys).encode()
    plain = {"Content_Type": "text/plain", "Accept": "application/json"}
    answer = json.loads(swift(s3, "POST", "?bulk-delete", data=paths, **plain)[1])
    assert (answer["Number Deleted"], len(answer["Errors"])) == (len(keys) // 2, len(keys) // 2)
    left = [key for key in keys if not refusal(s3.client().head_object, Bucket=bucket, Key=key)]
    assert left == keys[1::2]
