"""A bucket's policy at every door of Swift's API, and for each kind of principal."""

import hmac
import io
import json
import tarfile
import time
from typing import Any

import pytest

from pileus_kit.auth import Caller
from pileus_kit.errors import Forbidden
from pileus_objectstore.core.access import Access, change_setting, read_setting
from pileus_objectstore.core.bucket_rights import POLICY, PolicyText
from pileus_objectstore.core.names import Target
from pileus_objectstore.testing import ObjectStoreFixture

BUCKET = Target("AUTH_p1", "c")
KEY = "k"


def rule(store: ObjectStoreFixture, effect: str, action: Any, principal: Any = "*", key: str = "/*") -> None:
    resource = f"arn:aws:s3:::c{key}"
    statement = {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource}
    POLICY.store(store.app.tools, BUCKET, PolicyText(json.dumps({"Statement": statement})))


@pytest.fixture
def path(store: ObjectStoreFixture, container: str) -> str:
    store.client.put(f"{container}/o", data=b"data")
    store.client.put(f"{store.account}/free")
    store.client.post(store.account, headers={"X-Account-Meta-Temp-Url-Key": KEY})
    return f"{container}/o"


def temporary(method: str, path: str) -> str:
    expires = int(time.time()) + 100
    signature = hmac.new(KEY.encode(), f"{method}\n{expires}\n{path}".encode(), "sha256").hexdigest()
    return f"{path}?temp_url_sig={signature}&temp_url_expires={expires}"


def test_reads_are_denied_everywhere(store: ObjectStoreFixture, path: str) -> None:
    client, free = store.client, f"{store.account}/free"
    assert client.put(f"{free}/link", headers={"X-Symlink-Target": "c/o"}, content_length=0).status_code == 201
    assert client.put(f"{free}/joined", headers={"X-Object-Manifest": "c/o"}, content_length=0).status_code == 201
    segments = json.dumps([{"path": "/c/o"}])
    assert client.put(f"{free}/static?multipart-manifest=put", data=segments.encode()).status_code == 201
    client.post(f"{store.account}/c", headers={"X-Container-Read": ".r:*,.rlistings"})
    doors = (path, f"{free}/link", f"{free}/joined", f"{free}/static")
    assert [client.get(door).data for door in doors] == [b"data"] * 4
    assert client.get(temporary("GET", path), anonymous=True).data == b"data"
    rule(store, "Deny", "s3:GetObject")
    assert client.get(path).status_code == 403 == client.head(path).status_code
    for door in doors[1:]:
        answer = client.get(door)
        assert answer.status_code in (403, 409) and b"data" not in answer.data, door
    assert client.get(temporary("GET", path), anonymous=True).status_code == 401
    assert client.get(path, anonymous=True).status_code == 401, "Swift's ACL admits no one whom the policy denies"
    copy = {"X-Copy-From": "c/o"}
    assert client.put(f"{free}/copy", headers=copy, content_length=0).status_code == 403
    assert client.put(f"{free}/static2?multipart-manifest=put", data=segments.encode()).status_code in (400, 403)


def test_writes_are_denied_everywhere(store: ObjectStoreFixture, path: str) -> None:
    client, container = store.client, f"{store.account}/c"
    rule(store, "Deny", ["s3:PutObject", "s3:DeleteObject"])
    assert client.put(f"{container}/new", data=b"x").status_code == 403 == client.delete(path).status_code
    assert client.post(path, headers={"X-Object-Meta-A": "b"}).status_code == 403
    assert client.put(temporary("PUT", f"{container}/new"), data=b"x", anonymous=True).status_code == 401
    assert client.put(f"{store.account}/free/o", data=b"x").status_code == 201
    assert client.put(f"{container}/new", headers={"X-Copy-From": "free/o"}, content_length=0).status_code == 403
    answer = client.post(f"{store.account}?bulk-delete", data=b"c/o", headers={"Accept": "application/json"})
    assert answer.get_json()["Number Deleted"] == 0
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("new"), io.BytesIO())
    answer = client.put(
        f"{container}?extract-archive=tar", data=packed.getvalue(), headers={"Accept": "application/json"}
    )
    assert answer.status_code == 403 or answer.get_json()["Number Files Created"] == 0
    form = _form(f"{container}/")
    assert (
        client.post(
            f"{container}/", data=form, content_type="multipart/form-data; boundary=b", anonymous=True
        ).status_code
        == 401
    )
    assert client.get(container).data == b"o\n"


def test_signed_listings_are_denied(store: ObjectStoreFixture, path: str) -> None:
    container, expires = f"{store.account}/c", int(time.time()) + 100
    store.client.post(container, headers={"X-Container-Meta-Web-Listings": "true"})
    text = f"GET\n{expires}\nprefix:{container}/o"
    signature = hmac.new(KEY.encode(), text.encode(), "sha256").hexdigest()
    store.client.put(f"{container}/o/p", data=b"x")
    url = f"{container}/o/?temp_url_sig={signature}&temp_url_expires={expires}&temp_url_prefix=o"
    assert b"p</a>" in store.client.get(url, anonymous=True).data
    rule(store, "Deny", "s3:ListBucket", key="")
    assert store.client.get(url, anonymous=True).status_code == 401


def test_a_listing_by_path_is_one_of_its_prefix(store: ObjectStoreFixture, path: str) -> None:
    client, container = store.client, f"{store.account}/c"
    for name in ("open/x", "secret/x"):
        client.put(f"{container}/{name}", data=b"x")
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:ListBucket",
        "Resource": "arn:aws:s3:::c",
        "Condition": {"StringEquals": {"s3:prefix": "open/", "s3:delimiter": "/"}},
    }
    POLICY.store(store.app.tools, BUCKET, PolicyText(json.dumps({"Statement": statement})))
    asked = "prefix=open/&delimiter=/"
    assert client.get(f"{container}?{asked}", anonymous=True).data == b"open/x\n"
    assert client.get(f"{container}?path=open/", anonymous=True).data == b"open/x\n"
    for path_given in ("secret", "secret/", ""):
        assert client.get(f"{container}?{asked}&path={path_given}", anonymous=True).status_code == 401, path_given
        versions = client.get(f"{container}?versions&{asked}&path={path_given}", anonymous=True)
        assert versions.status_code == 401
    statement["Condition"] = {"StringEquals": {"s3:prefix": "open/"}}
    POLICY.store(store.app.tools, BUCKET, PolicyText(json.dumps({"Statement": statement})))
    client.post(container, headers={"X-Container-Meta-Web-Listings": "true"})
    assert b"x</a>" in client.get(f"{container}/open/?{asked}", anonymous=True).data
    assert client.get(f"{container}/open/", anonymous=True).status_code == 200
    assert client.get(f"{container}/secret/?{asked}", anonymous=True).status_code == 401


def test_versioning_has_rights_of_its_own(store: ObjectStoreFixture, path: str) -> None:
    client, container = store.client, f"{store.account}/c"
    assert client.post(container, headers={"X-Versions-Enabled": "true"}).status_code == 204
    rule(store, "Allow", ["s3:PutBucketAcl", "s3:ListBucket"], key="")
    assert client.post(container, headers={"X-Container-Meta-A": "b"}, anonymous=True).status_code == 204
    for method in (client.post, client.put):
        answer = method(container, headers={"X-Versions-Enabled": "false"}, anonymous=True, content_length=0)
        assert answer.status_code == 401
    assert client.head(container).headers["X-Versions-Enabled"] == "True"
    assert client.get(container, anonymous=True).status_code == 200
    assert client.get(f"{container}?versions", anonymous=True).status_code == 401
    rule(store, "Deny", ["s3:PutBucketVersioning", "s3:ListBucketVersions"], key="")
    assert client.post(container, headers={"X-Versions-Enabled": "false"}).status_code == 403
    assert client.get(f"{container}?versions").status_code == 403 and client.get(container).status_code == 200


def test_a_put_of_a_container_changes_its_rights(store: ObjectStoreFixture, path: str) -> None:
    rule(store, "Deny", "s3:PutBucketAcl", key="")
    answer = store.client.put(f"{store.account}/c", headers={"X-Container-Read": ".r:*"}, content_length=0)
    assert answer.status_code == 403
    rule(store, "Allow", "s3:CreateBucket", key="")
    assert store.client.put(f"{store.account}/c", as_=store.tokens.other, content_length=0).status_code == 403


def _form(path: str) -> bytes:
    fields = {"redirect": "", "max_file_size": "10", "max_file_count": "1", "expires": str(int(time.time()) + 100)}
    fields["signature"] = hmac.new(KEY.encode(), "\n".join([path, *fields.values()]).encode(), "sha256").hexdigest()
    parts = [f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    parts.append('--b\r\nContent-Disposition: form-data; name="f"; filename="new"\r\n\r\nx\r\n--b--\r\n')
    return "".join(parts).encode()


def test_listings_and_containers(store: ObjectStoreFixture, path: str) -> None:
    client, container = store.client, f"{store.account}/c"
    rule(store, "Deny", ["s3:ListBucket", "s3:PutBucketAcl"], key="")
    assert client.get(container).status_code == 403 == client.head(container).status_code
    assert client.post(container, headers={"X-Container-Read": ".r:*"}).status_code == 403
    assert client.get(path).status_code == 200
    rule(store, "Deny", "s3:DeleteBucket", key="")
    client.delete(path)
    assert client.delete(container).status_code == 403


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ("*", "other other_reader anonymous"),
        ({"AWS": "p2"}, "other other_reader"),
        ({"AWS": ["arn:aws:iam::p2:root"]}, "other other_reader"),
        ({"CanonicalUser": "p2"}, "other other_reader"),
        ({"AWS": "arn:aws:iam::p2:user/{other}"}, "other"),
        ({"AWS": "arn:aws:iam::p1:user/{other}"}, ""),
        ({"AWS": "p3"}, ""),
        ({"Service": "logging.s3.amazonaws.com"}, ""),
    ],
)
def test_principals(store: ObjectStoreFixture, path: str, principal: Any, allowed: str) -> None:
    if isinstance(principal, dict):
        text = json.dumps(principal).replace("{other}", store.tokens.other.user_id or "")
        principal = json.loads(text)
    rule(store, "Allow", ["s3:GetObject", "s3:PutObject"], principal)
    found = [
        name
        for name, options in (
            ("other", {"as_": store.tokens.other}),
            ("other_reader", {"as_": store.tokens.other_reader}),
            ("anonymous", {"anonymous": True}),
        )
        if store.client.get(path, **options).status_code == 200
    ]
    assert found == allowed.split()


def test_a_project_decides_who_in_it_may(store: ObjectStoreFixture, path: str) -> None:
    rule(store, "Allow", "s3:PutObject", {"AWS": "p2"})
    assert store.client.put(f"{path}2", as_=store.tokens.other, data=b"x").status_code == 201
    assert store.client.put(f"{path}2", as_=store.tokens.other_reader, data=b"x").status_code == 403
    rule(store, "Allow", "s3:PutObject", {"AWS": "p1"})
    assert store.client.put(f"{path}2", as_=store.tokens.reader, data=b"x").status_code == 403, "its roles decide"


def test_administrators_get_at_the_policy(store: ObjectStoreFixture, path: str) -> None:
    rule(store, "Deny", "s3:*", key="")

    def refused(caller: Caller) -> bool:
        access = Access(store.app.tools, caller)
        try:
            access.require(read_setting("s3:GetBucketPolicy"), BUCKET)
            access.require(change_setting("s3:DeleteBucketPolicy"), BUCKET)
        except Forbidden:
            return True
        return False

    assert refused(store.tokens.member) and not refused(store.tokens.admin)
    with pytest.raises(Forbidden):
        Access(store.app.tools, store.tokens.admin).require(change_setting("s3:PutBucketTagging"), BUCKET)


def test_readers_of_the_project_do_not_change_settings(store: ObjectStoreFixture, path: str) -> None:
    access = Access(store.app.tools, store.tokens.reader)
    assert access.require(read_setting("s3:GetBucketPolicy"), BUCKET)
    with pytest.raises(Forbidden):
        access.require(change_setting("s3:PutBucketPolicy"), BUCKET)
