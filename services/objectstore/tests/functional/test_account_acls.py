"""X-Account-Access-Control: what each level may do in another project's account, and who sets it."""

import json
import time
from functools import partial
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from s3_clients import S3, refusal

from pileus_kit.auth import Caller
from pileus_kit.testing.callers import make_caller
from pileus_objectstore.testing import ObjectStoreFixture

HEADER = "X-Account-Access-Control"
GUEST = "p2:u-other"
CALLS = (
    ("GET", "", {}),
    ("GET", "/c", {}),
    ("GET", "/c/o", {}),
    ("PUT", "/c/new", {}),
    ("POST", "/c/o", {"X-Object-Meta-A": "1"}),
    ("POST", "/c", {"X-Container-Meta-A": "1"}),
    ("PUT", "/d", {}),
    ("DELETE", "/c/o", {}),
    ("DELETE", "/empty", {}),
    ("POST", "", {"X-Account-Meta-A": "1"}),
    ("POST", "", {"X-Account-Quota-Bytes": "1"}),
    ("POST", "", {"X-Account-Sysmeta-Read-Only": "1"}),
    ("PUT", "", {}),
    ("DELETE", "", {}),
)
ALLOWED = {"read-only": 3, "read-write": 9, "admin": 10}  # how many of CALLS


def share(store: ObjectStoreFixture, as_: Caller | None = None, **levels: list[str]) -> int:
    """Set the ACL; keyword arguments are its keys with an underscore."""
    text = json.dumps({name.replace("_", "-"): grantees for name, grantees in levels.items()})
    return store.client.post(store.account, headers={HEADER: text}, as_=as_ or store.tokens.member).status_code


@pytest.fixture
def account(store: ObjectStoreFixture) -> str:
    for name in ("c", "empty"):
        store.client.put(f"{store.account}/{name}")
    store.client.put(f"{store.account}/c/o", data=b"x")
    store.drain()
    return store.account


@pytest.mark.parametrize("level", ALLOWED)
def test_levels(store: ObjectStoreFixture, account: str, level: str) -> None:
    def tried(caller: Caller) -> list[bool]:
        answers = [
            store.client.request(
                method, account + path, headers=headers, as_=caller, environ_overrides={"CONTENT_LENGTH": "0"}
            )
            for method, path, headers in CALLS
        ]
        assert {answer.status_code for answer in answers} <= {200, 201, 202, 204, 403}
        return [answer.status_code != 403 for answer in answers]

    assert not any(tried(store.tokens.other))
    assert share(store, **{level: [GUEST]}) == 204
    assert not any(tried(store.tokens.other_reader)), "another user of the same project"
    assert tried(store.tokens.other) == [number < ALLOWED[level] for number in range(len(CALLS))]


@pytest.mark.parametrize("grantee", ["p2:*", "*:u-other", "p2"])
def test_one_star(store: ObjectStoreFixture, account: str, grantee: str) -> None:
    share(store, read_only=[grantee])
    assert store.client.get(f"{account}/c/o", as_=store.tokens.other).data == b"x"
    assert store.client.get(f"{account}/c/o", anonymous=True).status_code == 401
    without_project = store.tokens.add(make_caller("other", "member", project=None, domain="default"))
    assert store.client.get(f"{account}/c/o", as_=without_project).status_code == 403


def test_a_word_alone_is_a_project_and_no_role(store: ObjectStoreFixture, account: str) -> None:
    assert share(store, admin=["member"], read_only=["u-other"]) == 204
    assert store.client.get(f"{account}/c/o", as_=store.tokens.other).status_code == 403


def test_owners_set_and_see_it(store: ObjectStoreFixture, account: str) -> None:
    assert share(store, as_=store.tokens.reader, read_only=[GUEST]) == 403
    assert share(store, as_=store.tokens.other, admin=[GUEST]) == 403
    assert share(store, admin=["p2:u-boss"], read_write=[GUEST], read_only=[]) == 204
    boss = store.tokens.add(make_caller("boss", "reader", project="p2"))
    for owner in (store.tokens.member, boss):
        shown = json.loads(store.client.head(account, as_=owner).headers[HEADER])
        assert shown == {"admin": ["p2:u-boss"], "read-write": [GUEST]}
    for other in (store.tokens.reader, store.tokens.other):
        assert HEADER not in store.client.get(account, as_=other).headers
    assert share(store, as_=store.tokens.other, admin=[GUEST]) == 403
    assert share(store, as_=boss, admin=["p2:u-boss"], read_only=[GUEST]) == 204
    assert store.client.put(f"{account}/c/new", data=b"x", as_=store.tokens.other).status_code == 403
    assert store.client.post(account, headers={HEADER: ""}, as_=boss).status_code == 204
    assert store.client.get(account, as_=boss).status_code == 403
    assert HEADER not in store.client.head(account).headers


def test_who_only_writes_gives_no_rights_to_others(store: ObjectStoreFixture, account: str) -> None:
    secrets = {"X-Container-Read": ".r:*", "X-Container-Meta-Temp-Url-Key": "k", "X-Container-Sync-Key": "s"}
    store.client.post(f"{account}/empty", headers=secrets)
    share(store, read_write=[GUEST])
    shown = store.client.head(f"{account}/empty", as_=store.tokens.other).headers
    assert not secrets.keys() & set(shown.keys())
    store.client.post(f"{account}/c", headers={**secrets, "X-Container-Meta-A": "1"}, as_=store.tokens.other)
    removed = {name.replace("X-", "X-Remove-", 1): "x" for name in secrets}
    store.client.post(f"{account}/empty", headers=removed, as_=store.tokens.other)
    store.client.put(f"{account}/made", headers=secrets, as_=store.tokens.other)
    mine = store.client.head(f"{account}/c").headers
    assert mine["X-Container-Meta-A"] == "1" and not secrets.keys() & set(mine.keys())
    assert secrets.items() <= dict(store.client.head(f"{account}/empty").headers).items()
    assert not secrets.keys() & set(store.client.head(f"{account}/made").headers.keys())


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "1",
        '"admin"',
        '{"owner": []}',
        '{"admin": "p2:u-other"}',
        '{"admin": {"p2:u-other": 1}}',
        '{"admin": [["p2:u-other"]]}',
        '{"admin": [null]}',
        '{"admin": [1]}',
        '{"admin": ["*:*"]}',
        '{"admin": ["*"]}',
        '{"admin": ["p2:"]}',
        '{"admin": [""]}',
        '{"admin": [":"]}',
        '{"admin": ["p2:u,*:*"]}',
        '{"admin": ["p2:u\\u0000"]}',
        '{"admin": [".r:*"]} x',
        '{"admin": ' + "[" * 3000,
        '{"admin": [' + '"a:b",' * 100 + '"a:b"]}',
        '{"a":' * 1000,
        "{'admin': []}",
        '{"admin": NaN}',
    ],
)
def test_hostile_json(store: ObjectStoreFixture, account: str, text: str) -> None:
    share(store, read_only=[GUEST])
    refused = store.client.post(account, headers={HEADER: text})
    assert refused.status_code == 400
    assert refused.data.startswith(b"X-Account-Access-Control invalid: ")
    assert json.loads(store.client.head(account).headers[HEADER]) == {"read-only": [GUEST]}


def test_the_stored_form_is_not_a_header_of_clients(store: ObjectStoreFixture, account: str) -> None:
    store.client.post(account, headers={"X-Account-Sysmeta-Core-Access-Control": json.dumps({"admin": [GUEST]})})
    assert HEADER not in store.client.head(account).headers
    assert store.client.get(account, as_=store.tokens.other).status_code == 403


def test_settings_of_a_bucket_stay_with_owners_and_its_denials_count(s3: S3, bucket: str) -> None:
    boto, guest = s3.client(), s3.client("other")
    boto.put_object(Bucket=bucket, Key="a", Body=b"x")
    assert refusal(guest.get_object, Bucket=bucket, Key="a") == (403, "AccessDenied")
    assert s3.swift("POST", "", **{HEADER: json.dumps({"read-write": [f"{s3.project('other')}:*"]})}) == 204
    assert guest.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    guest.put_object(Bucket=bucket, Key="b", Body=b"y")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for setting in (
        partial(guest.put_bucket_policy, Bucket=bucket, Policy=policy),
        partial(guest.get_bucket_policy, Bucket=bucket),
        partial(guest.put_bucket_acl, Bucket=bucket, ACL="public-read"),
        partial(guest.get_bucket_acl, Bucket=bucket),
    ):
        assert refusal(setting) == (403, "AccessDenied")
    guest.delete_object(Bucket=bucket, Key="a")
    boto.put_bucket_policy(Bucket=bucket, Policy=policy)
    with pytest.raises(ClientError, match="AccessDenied"):
        for _ in range(200):  # the proxy may remember the bucket's head for a second
            guest.delete_object(Bucket=bucket, Key="c")
            time.sleep(0.05)


def test_accounts_of_services_still_ask_for_a_service(tmp_path: Path) -> None:
    store = ObjectStoreFixture(tmp_path, service_prefix="SERVICE_")
    try:
        path, both = "/v1/SERVICE_p1", {"X-Service-Token": store.tokens.service.token}
        assert store.client.put(f"{path}/c", headers=both).status_code == 201
        text = json.dumps({"admin": [GUEST]})
        assert store.client.post(path, headers={HEADER: text, **both}).status_code == 204
        assert store.client.get(f"{path}/c", as_=store.tokens.other).status_code == 403
        assert store.client.get(f"{path}/c", headers=both, as_=store.tokens.other).status_code == 204
    finally:
        store.close()
