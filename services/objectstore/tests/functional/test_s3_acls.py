"""ACLs, object ownership, public access blocks and bucket tags of S3."""

import http.client
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from s3_clients import S3, s3_store

ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
BUCKET = "shared"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3_store(tmp_path_factory.mktemp("s3")) as found:
        yield found


@pytest.fixture
def s3(store: S3) -> Iterator[S3]:
    boto = store.client()
    boto.create_bucket(Bucket=BUCKET)
    yield store
    for key in boto.list_object_versions(Bucket=BUCKET).get("Versions", ()):
        boto.delete_object(Bucket=BUCKET, Key=key["Key"], VersionId=key["VersionId"])
    boto.delete_bucket(Bucket=BUCKET)


def outcome(call: Any, **arguments: Any) -> str:
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as err:
        return str(err.response["Error"]["Code"])
    return ""


def anonymous(s3: S3, method: str = "GET", path: str = "", body: bytes = b"") -> int:
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request(method, f"/{BUCKET}{path}", body or None)
    return connection.getresponse().status


def grants(acl: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["Grantee"].get("URI") or one["Grantee"]["ID"], one["Permission"]) for one in acl["Grants"]}


def test_canned_acls_of_buckets(s3: S3) -> None:
    boto, me = s3.client(), s3.project()
    assert grants(boto.get_bucket_acl(Bucket=BUCKET)) == {(me, "FULL_CONTROL")}
    boto.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    other = s3.client("other")
    for canned, guest, theirs, writes in (
        ("private", 403, "AccessDenied", 403),
        ("authenticated-read", 403, "", 403),
        ("public-read", 200, "", 403),
        ("public-read-write", 200, "", 200),
    ):
        boto.put_bucket_acl(Bucket=BUCKET, ACL=canned)
        assert anonymous(s3) == guest and outcome(other.list_objects_v2) == theirs, canned
        assert anonymous(s3, "PUT", "/new", b"x") == writes and anonymous(s3, "GET", "/k") == 403
    assert grants(boto.get_bucket_acl(Bucket=BUCKET)) == {(me, "FULL_CONTROL"), (ALL, "READ"), (ALL, "WRITE")}
    assert anonymous(s3, "DELETE", "/new") == 204
    boto.put_bucket_acl(Bucket=BUCKET, ACL="log-delivery-write")
    assert ("http://acs.amazonaws.com/groups/s3/LogDelivery", "WRITE") in grants(boto.get_bucket_acl(Bucket=BUCKET))


def test_canned_acls_of_objects(s3: S3) -> None:
    boto, other = s3.client(), s3.client("other")
    boto.put_object(Bucket=BUCKET, Key="k", Body=b"x", ACL="public-read")
    assert anonymous(s3, "GET", "/k") == 200 and anonymous(s3) == 403 == anonymous(s3, "PUT", "/k", b"y")
    boto.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    assert anonymous(s3, "GET", "/k") == 403, "a new object begins private"
    boto.put_object_acl(Bucket=BUCKET, Key="k", ACL="authenticated-read")
    assert anonymous(s3, "GET", "/k") == 403 and outcome(other.get_object, Key="k") == ""
    assert outcome(other.get_object_acl, Key="k") == "AccessDenied" == outcome(other.get_object_tagging, Key="k")
    boto.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/k", ACL="public-read")
    assert anonymous(s3, "GET", "/copy") == 200
    assert outcome(boto.put_object_acl, Key="none", ACL="private") == "NoSuchKey"
    assert anonymous(s3, "GET", "/none") == 403, "what is there is for those who may list"


def test_grants_by_document_and_header(s3: S3) -> None:
    boto, other, them = s3.client(), s3.client("other"), s3.project("other")
    boto.put_object(Bucket=BUCKET, Key="k", Body=b"x", GrantRead=f"id={them}", GrantReadACP=f'id="{them}", uri="{ALL}"')
    assert outcome(other.get_object, Key="k") == "" == outcome(other.get_object_acl, Key="k")
    assert anonymous(s3, "GET", "/k") == 403 and anonymous(s3, "GET", "/k?acl") == 200
    acl = boto.get_object_acl(Bucket=BUCKET, Key="k")
    assert grants(acl) == {(them, "READ"), (them, "READ_ACP"), (ALL, "READ_ACP")}
    owner = boto.get_bucket_acl(Bucket=BUCKET)["Owner"]
    grant = {"Grantee": {"Type": "CanonicalUser", "ID": them}, "Permission": "WRITE_ACP"}
    boto.put_bucket_acl(Bucket=BUCKET, AccessControlPolicy={"Owner": owner, "Grants": [grant]})
    assert outcome(other.list_objects_v2) == "AccessDenied" and outcome(other.put_bucket_acl, ACL="public-read") == ""
    assert outcome(other.list_objects_v2) == "" and outcome(boto.put_object, Key="mine", Body=b"") == ""


def test_what_others_store_is_theirs_to_share(s3: S3) -> None:
    boto, other, them, me = s3.client(), s3.client("other"), s3.project("other"), s3.project()
    boto.put_bucket_acl(Bucket=BUCKET, ACL="public-read-write")
    other.put_object(Bucket=BUCKET, Key="k", Body=b"theirs")
    assert other.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"theirs"
    assert boto.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"theirs", "a bucket's project reads all in it"
    assert other.get_object_acl(Bucket=BUCKET, Key="k")["Owner"]["ID"] == them
    other.put_object_acl(Bucket=BUCKET, Key="k", ACL="public-read")
    assert anonymous(s3, "GET", "/k") == 200
    other.put_object(Bucket=BUCKET, Key="k", Body=b"", ACL="bucket-owner-full-control")
    assert grants(other.get_object_acl(Bucket=BUCKET, Key="k")) == {(them, "FULL_CONTROL"), (me, "FULL_CONTROL")}


def test_object_ownership(s3: S3) -> None:
    boto, other, me = s3.client(), s3.client("other"), s3.project()
    assert outcome(boto.get_bucket_ownership_controls) == "OwnershipControlsNotFoundError"

    def rule(name: str) -> str:
        return outcome(boto.put_bucket_ownership_controls, OwnershipControls={"Rules": [{"ObjectOwnership": name}]})

    boto.put_bucket_acl(Bucket=BUCKET, ACL="public-read-write")
    assert rule("BucketOwnerEnforced") == "InvalidBucketAclWithObjectOwnership" and rule("Mine") == "MalformedXML"
    assert rule("BucketOwnerPreferred") == ""
    other.put_object(Bucket=BUCKET, Key="k", Body=b"", ACL="bucket-owner-full-control")
    assert boto.get_object_acl(Bucket=BUCKET, Key="k")["Owner"]["ID"] == me
    boto.put_object(Bucket=BUCKET, Key="open", Body=b"", ACL="public-read")
    boto.put_bucket_acl(Bucket=BUCKET, ACL="private")
    assert anonymous(s3, "GET", "/open") == 200 and rule("BucketOwnerEnforced") == ""
    assert anonymous(s3, "GET", "/open") == 403, "no ACL counts any more"
    assert outcome(boto.put_bucket_acl, ACL="private") == "AccessControlListNotSupported"
    assert outcome(boto.put_object, Key="k", Body=b"", ACL="public-read") == "AccessControlListNotSupported"
    assert outcome(boto.put_object, Key="k", Body=b"", ACL="bucket-owner-full-control") == ""
    boto.delete_bucket_ownership_controls(Bucket=BUCKET)
    assert anonymous(s3, "GET", "/open") == 200


def block(s3: S3, **flags: bool) -> None:
    s3.client().put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=flags)


def test_public_access_block(s3: S3) -> None:
    boto = s3.client()
    assert outcome(boto.get_public_access_block) == "NoSuchPublicAccessBlockConfiguration"
    boto.put_object(Bucket=BUCKET, Key="k", Body=b"x", ACL="public-read")
    boto.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    public = (
        '{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::shared/p"}}'
    )
    boto.put_object(Bucket=BUCKET, Key="p", Body=b"x")
    boto.put_bucket_policy(Bucket=BUCKET, Policy=public)
    assert [anonymous(s3, "GET", path) for path in ("", "/k", "/p")] == [200, 200, 200]
    block(s3, BlockPublicAcls=True, BlockPublicPolicy=True)
    assert [anonymous(s3, "GET", path) for path in ("", "/k", "/p")] == [200, 200, 200], "what is there stays"
    assert outcome(boto.put_bucket_acl, ACL="public-read") == "AccessDenied"
    assert outcome(boto.put_object, Key="q", Body=b"", ACL="authenticated-read") == "AccessDenied"
    assert outcome(boto.put_object_acl, Key="p", ACL="public-read") == "AccessDenied"
    assert outcome(boto.put_bucket_policy, Policy=public) == "AccessDenied"
    assert s3.swift("POST", BUCKET, X_Container_Read=".r:*,.rlistings") == 204, "Swift's ACL is not S3's, but …"
    block(s3, IgnorePublicAcls=True)
    assert [anonymous(s3, "GET", path) for path in ("", "/k", "/p")] == [403, 403, 200], "… neither counts now"
    block(s3, RestrictPublicBuckets=True)
    assert s3.swift("POST", BUCKET, X_Remove_Container_Read="x") == 204
    assert anonymous(s3, "GET", "/p") == 403 and outcome(s3.client("other").get_object, Key="p") == "AccessDenied"
    assert outcome(boto.get_object, Key="p") == ""
    shown = boto.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert [name for name, value in shown.items() if value] == ["RestrictPublicBuckets"] and len(shown) == 4
    boto.delete_public_access_block(Bucket=BUCKET)
    assert anonymous(s3, "GET", "/p") == 200


def test_a_new_bucket_has_what_its_headers_ask_for(store: S3) -> None:
    boto = store.client()
    boto.create_bucket(Bucket="asked", ACL="public-read", ObjectOwnership="ObjectWriter")
    with pytest.raises(ClientError, match="BucketAlreadyOwnedByYou"):
        boto.create_bucket(Bucket="asked", ACL="private")
    assert len(boto.get_bucket_acl(Bucket="asked")["Grants"]) == 2, "a second creation changes nothing"
    with pytest.raises(ClientError, match="InvalidBucketAclWithObjectOwnership"):
        boto.create_bucket(Bucket="asked2", ACL="public-read", ObjectOwnership="BucketOwnerEnforced")
    boto.delete_bucket(Bucket="asked")


def test_versions_have_acls_of_their_own(s3: S3) -> None:
    boto = s3.client()
    boto.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first = boto.put_object(Bucket=BUCKET, Key="k", Body=b"1", ACL="public-read")["VersionId"]
    assert anonymous(s3, "GET", "/k") == 200
    second = boto.put_object(Bucket=BUCKET, Key="k", Body=b"2")["VersionId"]
    assert anonymous(s3, "GET", "/k") == 403 and anonymous(s3, "GET", f"/k?versionId={first}") == 200
    assert anonymous(s3, "GET", f"/k?versionId={second}") == 403
    boto.put_object_acl(Bucket=BUCKET, Key="k", VersionId=first, ACL="private")
    assert anonymous(s3, "GET", f"/k?versionId={first}") == 403
    boto.put_object_acl(Bucket=BUCKET, Key="k", ACL="public-read")
    assert anonymous(s3, "GET", "/k") == 200 and len(boto.get_object_acl(Bucket=BUCKET, Key="k")["Grants"]) == 2


@pytest.mark.parametrize(
    "document",
    [
        b"<AccessControlPolicy/>",
        b"<AccessControlPolicy><Owner><ID>%(me)s</ID></Owner></AccessControlPolicy>",
        b"<AccessControlPolicy><Owner><ID>someone</ID></Owner><AccessControlList/></AccessControlPolicy>",
        b"<AccessControlPolicy><Owner><ID>%(me)s</ID></Owner><AccessControlList>"
        + b"<Grant><Grantee><ID>p</ID></Grantee><Permission>READ</Permission></Grant>" * 101
        + b"</AccessControlList></AccessControlPolicy>",
        b"<AccessControlPolicy><Owner><ID>%(me)s</ID></Owner><AccessControlList><Grant><Grantee><ID>p</ID></Grantee>"
        b"<Permission>EVERYTHING</Permission></Grant></AccessControlList></AccessControlPolicy>",
        b"<AccessControlPolicy><Owner><ID>%(me)s</ID></Owner><AccessControlList><Grant><Grantee><URI>http://x</URI>"
        b"</Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
        b"<AccessControlPolicy><Owner><ID>%(me)s</ID></Owner><AccessControlList><Grant><Grantee><EmailAddress>a@b"
        b"</EmailAddress></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><AccessControlPolicy>&a;</AccessControlPolicy>',
        b"<AccessControlPolicy>" * 3000,
    ],
    ids=range(9),
)
def test_odd_documents_are_refused(s3: S3, document: bytes) -> None:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    body = document.replace(b"%(me)s", s3.project().encode())
    request = AWSRequest("PUT", f"{s3.url}/{BUCKET}?acl", {}, body)
    S3SigV4Auth(Credentials(*s3.key("demo")), "s3", "RegionOne").add_auth(request)
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request("PUT", f"/{BUCKET}?acl", body, dict(request.headers.items()))
    answer = connection.getresponse()
    assert answer.status in (400, 403) and b"<Code>" in answer.read()


def test_tags_of_buckets(s3: S3) -> None:
    boto = s3.client()

    def put(*tags: tuple[str, str]) -> str:
        return outcome(boto.put_bucket_tagging, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags]})

    assert outcome(boto.get_bucket_tagging) == "NoSuchTagSet"
    assert put(("a", "1"), ("ä b", "<&>")) == ""
    found = boto.get_bucket_tagging(Bucket=BUCKET)["TagSet"]
    assert found == [{"Key": "a", "Value": "1"}, {"Key": "ä b", "Value": "<&>"}]
    assert put(("a", "1"), ("a", "2")) == "InvalidTag" == put(*((str(n), "") for n in range(51)))
    assert put(("k" * 129, "")) == "InvalidTag"
    boto.delete_bucket_tagging(Bucket=BUCKET)
    assert outcome(boto.get_bucket_tagging) == "NoSuchTagSet"
