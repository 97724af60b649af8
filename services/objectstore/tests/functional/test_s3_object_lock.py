"""S3's object lock: what protects a version, and that nothing else ends it either."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from s3_clients import S3, refusal, s3_store

from pileus_objectstore.core import account_deletions, manifests, object_locks, object_versioning, stored_objects
from pileus_objectstore.core.account_deletions import Remains
from pileus_objectstore.core.clock import Clock
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.object_locks import COMPLIANCE, GOVERNANCE, MODE, UNTIL, LockRules
from pileus_objectstore.core.version_names import version_target
from pileus_objectstore.errors import ObjectLocked

FAR = datetime(2040, 1, 1, tzinfo=UTC)
FARTHER = datetime(2041, 1, 1, tzinfo=UTC)


@pytest.fixture
def bucket(s3: S3) -> str:
    name = f"l-{uuid.uuid4().hex}"
    s3.client().create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


DENIED = (403, "AccessDenied")


def put(s3: S3, bucket: str, **more: Any) -> str:
    return str(s3.client().put_object(Bucket=bucket, Key="k", Body=b"kept", **more)["VersionId"])


def test_a_bucket_has_rules(s3: S3, bucket: str) -> None:
    boto = s3.client()
    assert boto.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert boto.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled"
    }
    rules = {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}},
    }
    boto.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=rules)
    assert boto.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == rules
    put(s3, bucket)
    head = boto.head_object(Bucket=bucket, Key="k")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    left = head["ObjectLockRetainUntilDate"] - datetime.now(UTC)
    assert timedelta(days=2) < left <= timedelta(days=3)
    state = {"Status": "Suspended"}
    assert refusal(boto.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=state) == (
        409,
        "InvalidBucketState",
    )
    for wrong, code in (
        ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Mode": "none", "Days": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidRetentionPeriod"),
    ):
        refused = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": wrong}}
        assert refusal(boto.put_object_lock_configuration, Bucket=bucket, ObjectLockConfiguration=refused) == (
            400,
            code,
        )


def test_a_default_of_years_ends_on_the_same_day() -> None:
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC).timestamp()
    found = object_locks.default_headers(LockRules(COMPLIANCE, years=1), {}, leap)
    assert float(found[UNTIL]) == datetime(2029, 2, 28, 12, tzinfo=UTC).timestamp()
    assert object_locks.default_headers(LockRules(COMPLIANCE, years=1), {MODE: GOVERNANCE}, leap) == {}


def test_compliance_can_only_become_longer(s3: S3, bucket: str) -> None:
    boto, named = s3.client(), {"Bucket": bucket, "Key": "k"}
    version = put(s3, bucket, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=FAR)
    delete = {**named, "VersionId": version}
    assert refusal(boto.delete_object, **delete) == DENIED
    assert refusal(boto.delete_object, **delete, BypassGovernanceRetention=True) == DENIED
    for mode, until in (("COMPLIANCE", FAR - timedelta(days=1)), ("GOVERNANCE", FARTHER)):
        retention = {"Mode": mode, "RetainUntilDate": until}
        assert (
            refusal(boto.put_object_retention, **named, Retention=retention, BypassGovernanceRetention=True) == DENIED
        )
    longer = {"Mode": "COMPLIANCE", "RetainUntilDate": FARTHER}
    boto.put_object_retention(**named, Retention=longer)
    assert boto.get_object_retention(**named)["Retention"] == longer
    gone = boto.delete_object(**named)
    assert gone["DeleteMarker"] is True and refusal(boto.delete_object, **delete) == DENIED
    boto.delete_object(**named, VersionId=gone["VersionId"])
    assert boto.get_object(**named)["Body"].read() == b"kept"


def test_governance_is_bypassed_on_demand(s3: S3, bucket: str) -> None:
    boto, named = s3.client(), {"Bucket": bucket, "Key": "k"}
    version = put(s3, bucket, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=FARTHER)
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": FAR}
    assert refusal(boto.put_object_retention, **named, Retention=shorter) == DENIED
    boto.put_object_retention(**named, Retention=shorter, BypassGovernanceRetention=True)
    assert refusal(boto.delete_object, **named, VersionId=version) == DENIED
    wanted = {"Objects": [{"Key": "k", "VersionId": version}]}
    assert boto.delete_objects(Bucket=bucket, Delete=wanted)["Errors"][0]["Code"] == "AccessDenied"
    boto.delete_objects(Bucket=bucket, Delete=wanted, BypassGovernanceRetention=True)
    assert refusal(boto.head_object, **named, VersionId=version)[0] == 404


def test_legal_hold(s3: S3, bucket: str) -> None:
    boto, named = s3.client(), {"Bucket": bucket, "Key": "k"}
    version = put(s3, bucket, ObjectLockLegalHoldStatus="ON")
    assert boto.get_object_legal_hold(**named)["LegalHold"] == {"Status": "ON"}
    assert refusal(boto.delete_object, **named, VersionId=version, BypassGovernanceRetention=True) == DENIED
    boto.put_object_tagging(**named, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert boto.head_object(**named)["ObjectLockLegalHoldStatus"] == "ON"
    boto.put_object_legal_hold(**named, LegalHold={"Status": "OFF"})
    boto.delete_object(**named, VersionId=version)
    assert refusal(boto.get_object_legal_hold, **named)[0] == 404


def test_copies_and_uploads_in_parts_are_locked(s3: S3, bucket: str) -> None:
    boto, lock = s3.client(), {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": FAR}
    put(s3, bucket)
    copied = boto.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **lock)["VersionId"]
    assert refusal(boto.delete_object, Bucket=bucket, Key="copy", VersionId=copied) == DENIED
    named = {"Bucket": bucket, "Key": "parts"}
    named["UploadId"] = boto.create_multipart_upload(**named, **lock)["UploadId"]
    etag = boto.upload_part(**named, PartNumber=1, Body=b"part")["ETag"]
    s3.store.drain()
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    made = boto.complete_multipart_upload(**named, MultipartUpload=parts)["VersionId"]
    assert refusal(boto.delete_object, Bucket=bucket, Key="parts", VersionId=made) == DENIED
    assert boto.get_object(Bucket=bucket, Key="parts")["Body"].read() == b"part"


def test_what_is_encrypted_is_locked_too(s3: S3, bucket: str) -> None:
    """Storage hosts, which have no keys, read the lock of an encrypted object."""
    boto, named, lock = s3.client(), {"Bucket": bucket, "Key": "k"}, {"ObjectLockLegalHoldStatus": "ON"}
    version = put(s3, bucket, ServerSideEncryption="AES256", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=FAR)
    assert refusal(boto.delete_object, **named, VersionId=version) == DENIED
    account = f"AUTH_{boto.list_buckets()['Owner']['ID']}"
    with pytest.raises(ObjectLocked):
        stored_objects.delete(s3.store.app.tools, version_target(Target(account, bucket, "k"), version))
    held = put(s3, bucket, ServerSideEncryption="AES256", **lock)
    assert boto.head_object(**named)["ObjectLockLegalHoldStatus"] == "ON"
    assert refusal(boto.delete_object, **named, VersionId=held) == DENIED
    boto.put_object_legal_hold(**named, LegalHold={"Status": "OFF"})
    boto.delete_object(**named, VersionId=held)
    assert boto.get_object(**named)["Body"].read() == b"kept"


def test_nothing_else_ends_a_locked_version(s3: S3, bucket: str) -> None:
    """Swift's API and the deletions that daemons make are refused; the storage host itself refuses."""
    version, tools = put(s3, bucket, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=FAR), s3.store.app.tools
    target = Target(f"AUTH_{s3.project()}", bucket, "k")
    assert s3.swift("DELETE", f"{bucket}/k?version-id={version}") == 403
    assert s3.swift("POST", bucket, X_Versions_Enabled="false") == 409
    assert s3.swift("POST", f"{bucket}/k", X_Object_Meta_A="b", X_Delete_After="1") == 202
    assert s3.swift("PUT", f"{bucket}/k", b"newer") == 201
    assert s3.swift("DELETE", f"{bucket}/k") == 204
    assert s3.swift("DELETE", bucket) == 409
    with pytest.raises(ObjectLocked):
        object_versioning.delete_version(tools, target, version, promote=True)
    with pytest.raises(ObjectLocked):
        stored_objects.delete(tools, version_target(target, version))
    kept = s3.client().get_object(Bucket=bucket, Key="k", VersionId=version)
    assert (kept["Body"].read(), kept["ObjectLockMode"]) == (b"kept", "GOVERNANCE")


def test_a_deleted_account_keeps_what_is_locked(tmp_path: Path) -> None:
    """Also the parts of which a locked version is made; what is not locked goes."""
    with s3_store(tmp_path) as s3:
        boto, tools = s3.client(), s3.store.app.tools
        boto.create_bucket(Bucket="kept", ObjectLockEnabledForBucket=True)
        boto.create_bucket(Bucket="gone")
        boto.put_object(Bucket="gone", Key="k", Body=b"x")
        named, lock = {"Bucket": "kept", "Key": "k"}, {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": FAR}
        boto.create_multipart_upload(**named, **lock)
        upload = boto.create_multipart_upload(**named, **lock)["UploadId"]
        etag = boto.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
        s3.store.drain()
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        boto.complete_multipart_upload(**named, UploadId=upload, MultipartUpload=parts)
        account = Target(f"AUTH_{boto.list_buckets()['Owner']['ID']}")
        s3.store.drain()
        account_deletions.delete(tools, account)
        for _ in range(2):
            remains = Remains(1000)
            entry = next(iter(account_deletions.INDEX.entries(tools)))
            assert not account_deletions.reap(tools, entry, remains)
            assert (remains.locked, remains.failed > 0) == (1, True)
            s3.store.drain()
        target = Target(account.account, "kept", "k")
        version = object_versioning.newest(tools, target)
        assert version is not None
        lines = manifests.read_lines(stored_objects.content_of(tools, version))
        part = stored_objects.find(tools, Target(account.account, *lines[0].name[1:].split("/", 1)))
        assert part is not None and part.size == 4
        assert tools.listing_cache.get(Target(account.account, "gone"), fresh=True) is None


def test_what_is_locked_does_not_expire(s3: S3) -> None:
    """A null version may have both a time of Swift's and a retention."""
    boto, bucket = s3.client(), f"e-{uuid.uuid4().hex}"
    boto.create_bucket(Bucket=bucket)
    moment = int(time.time()) + 60
    assert s3.swift("PUT", f"{bucket}/k", b"kept", X_Delete_At=str(moment)) == 201
    boto.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    boto.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    boto.put_object_retention(Bucket=bucket, Key="k", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": FAR})
    clock = s3.store.app.tools.now
    assert isinstance(clock, Clock)
    clock.observe(moment + 1, moment)
    assert clock() > moment
    assert boto.get_object(Bucket=bucket, Key="k")["Body"].read() == b"kept"
    with pytest.raises(ObjectLocked):
        stored_objects.delete(s3.store.app.tools, Target(f"AUTH_{s3.project()}", bucket, "k"), if_delete_at=moment)
    assert refusal(boto.delete_object, Bucket=bucket, Key="k", VersionId="null") == DENIED
    boto.delete_object(Bucket=bucket, Key="k")
    assert boto.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"kept"
    assert refusal(boto.delete_object, Bucket=bucket, Key="k", VersionId="null") == DENIED


def test_what_needs_a_bucket_with_object_lock(s3: S3) -> None:
    boto, bucket = s3.client(), f"n-{uuid.uuid4().hex}"
    boto.create_bucket(Bucket=bucket)
    named = {"Bucket": bucket, "Key": "k"}
    boto.put_object(**named, Body=b"x")
    rules = {"ObjectLockEnabled": "Enabled"}
    assert refusal(boto.get_object_lock_configuration, Bucket=bucket)[1] == "ObjectLockConfigurationNotFoundError"
    assert refusal(boto.put_object_lock_configuration, Bucket=bucket, ObjectLockConfiguration=rules)[0] == 409
    assert refusal(boto.put_object_legal_hold, **named, LegalHold={"Status": "ON"}) == (400, "InvalidRequest")
    assert refusal(boto.get_object_retention, **named) == (400, "InvalidRequest")
    assert refusal(boto.put_object, **named, Body=b"", ObjectLockLegalHoldStatus="ON") == (400, "InvalidRequest")
    other = s3.client("other")
    assert refusal(other.put_object_legal_hold, **named, LegalHold={"Status": "ON"}) == DENIED


def test_no_lock_lasts_longer_than_a_date_can_say(s3: S3, bucket: str) -> None:
    boto = s3.client()

    def in_another_zone(request: Any, **_: Any) -> None:
        del request.headers["x-amz-object-lock-retain-until-date"]  # assignment would add a second one
        request.headers["x-amz-object-lock-retain-until-date"] = "9999-12-31T23:59:59-14:00"

    boto.meta.events.register("before-sign.s3.PutObject", in_another_zone)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": FAR}
    assert refusal(boto.put_object, Bucket=bucket, Key="k", Body=b"", **lock) == (400, "InvalidArgument")
    boto.meta.events.unregister("before-sign.s3.PutObject", in_another_zone)
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    put(s3, bucket, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=last)
    assert boto.head_object(Bucket=bucket, Key="k")["ObjectLockRetainUntilDate"] == last


def test_a_copy_of_swift_has_no_lock(s3: S3, bucket: str) -> None:
    """Not even one that asks for a manifest: where nothing is locked, nobody could end its retention."""
    put(s3, bucket, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=FAR)
    s3.client().create_bucket(Bucket=(plain := f"plain-{uuid.uuid4().hex}"))
    for parameter in ("", "?multipart-manifest=get"):
        assert s3.swift("PUT", f"{plain}/k{parameter}", X_Copy_From=f"{bucket}/k") == 201
        assert "ObjectLockMode" not in s3.client().head_object(Bucket=plain, Key="k")
        s3.client().delete_object(Bucket=plain, Key="k")
    s3.client().delete_bucket(Bucket=plain)
