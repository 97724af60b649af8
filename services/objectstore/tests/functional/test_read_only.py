"""Accounts that may only be read, by an operator's mark or by the option for the whole store."""

import hashlib
import hmac
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from s3_clients import s3_store

from pileus_kit.testing.callers import make_caller
from pileus_objectstore.testing import ObjectStoreFixture

MARK = "X-Account-Sysmeta-Read-Only"
REFUSED = (405, b"Writes are disabled for this account.")


def marked(store: ObjectStoreFixture, value: str, account: str = "/v1/AUTH_p1") -> int:
    """An operator marks the account."""
    reseller = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
    return store.client.post(account, headers={MARK: value}, as_=reseller).status_code


@pytest.fixture
def full(store: ObjectStoreFixture) -> str:
    path = f"{store.account}/c"
    store.client.put(path)
    store.client.put(f"{path}/o", data=b"x")
    store.client.post(store.account, headers={"X-Account-Meta-Temp-Url-Key": "k"})
    store.drain()
    return path


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("PUT", "/c/new", {}),
        ("POST", "/c/o", {"X-Object-Meta-A": "1"}),
        ("COPY", "/c/o", {"Destination": "c/copy"}),
        ("PUT", "/c/copy", {"X-Copy-From": "c/o"}),
        ("DELETE", "/c/o", {}),
        ("PUT", "/d", {}),
        ("POST", "/c", {"X-Container-Read": ".r:*"}),
        ("DELETE", "/c", {}),
        ("POST", "", {"X-Account-Meta-A": "1"}),
    ],
)
def test_writes_are_refused(
    store: ObjectStoreFixture, full: str, method: str, path: str, headers: dict[str, str]
) -> None:
    assert marked(store, "true") == 204
    got = store.client.request(method, store.account + path, headers=headers)
    assert (got.status_code, got.data) == REFUSED
    assert store.client.get(f"{full}/o").data == b"x"
    assert store.client.get(full).data == b"o\n"
    assert "X-Account-Meta-A" not in store.client.head(store.account).headers


def test_bulk_operations_say_so_of_each_name(store: ObjectStoreFixture, full: str) -> None:
    marked(store, "true")
    got = store.client.post(f"{store.account}?bulk-delete", data="/c/o\n", headers={"Accept": "application/json"})
    assert got.json["Errors"] == [["/c/o", "405 Method Not Allowed"]]
    assert store.client.get(f"{full}/o").status_code == 200


def test_a_signed_url_writes_no_more_than_its_owner(store: ObjectStoreFixture, full: str) -> None:
    expires = int(time.time()) + 600
    signature = hmac.new(b"k", f"PUT\n{expires}\n{full}/new".encode(), hashlib.sha256).hexdigest()
    url = f"{full}/new?temp_url_sig={signature}&temp_url_expires={expires}"
    assert store.client.put(url, data=b"x", anonymous=True).status_code == 201
    marked(store, "true")
    assert store.client.put(url, data=b"y", anonymous=True).status_code == 405


def test_only_an_operator_sets_and_sees_the_mark(store: ObjectStoreFixture, full: str) -> None:
    assert store.client.post(store.account, headers={MARK: "true"}).status_code == 403
    assert store.client.post(store.account, headers={MARK: "true"}, as_=store.tokens.admin).status_code == 403
    assert marked(store, "yes") == 204
    assert store.client.post(store.account, headers={MARK: "false"}).status_code == 403
    reseller = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
    assert store.client.head(store.account, as_=reseller).headers[MARK] == "yes"
    assert MARK not in store.client.head(store.account).headers
    assert store.client.post(store.account, headers={"X-Account-Meta-A": "1"}, as_=reseller).status_code == 405
    assert marked(store, "") == 204
    assert store.client.put(f"{full}/new", data=b"x").status_code == 201


def test_others_learn_nothing_from_a_mark(store: ObjectStoreFixture, full: str) -> None:
    marked(store, "true")
    assert store.client.put(f"{full}/new", as_=store.tokens.other).status_code == 403
    assert store.client.put(f"{full}/new", anonymous=True).status_code == 401


def test_copies_from_a_read_only_account_go_elsewhere(store: ObjectStoreFixture, full: str) -> None:
    reseller = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
    store.client.put("/v1/AUTH_p9/d", as_=reseller)
    marked(store, "true")
    there = {"Destination": "d/o", "Destination-Account": "AUTH_p9"}
    assert store.client.request("COPY", f"{full}/o", headers=there, as_=reseller).status_code == 201
    back = {"Destination": "c/new", "Destination-Account": "AUTH_p1"}
    assert store.client.request("COPY", "/v1/AUTH_p9/d/o", headers=back, as_=reseller).status_code == 405


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    fixture = ObjectStoreFixture(tmp_path, read_only=True, read_only_allows_deletes=True)
    yield fixture
    fixture.close()


def test_a_read_only_store_has_exceptions(closed: ObjectStoreFixture) -> None:
    path = f"{closed.account}/c"
    assert "read_only" in closed.client.get("/info").json
    assert closed.client.put(path).status_code == 405
    assert marked(closed, "false") == 204
    assert closed.client.put(path).status_code == 201
    assert closed.client.put(f"{path}/o", data=b"x").status_code == 201
    closed.drain()
    assert marked(closed, "") == 204
    assert closed.client.put(f"{path}/p").status_code == 405
    assert closed.client.delete(f"{path}/o").status_code == 204


def test_s3_answers_access_denied(tmp_path: Path) -> None:
    with s3_store(tmp_path, read_only=True) as s3:
        boto = s3.client()
        with pytest.raises(ClientError) as caught:
            boto.create_bucket(Bucket="pictures")
        answer = caught.value.response
        assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (403, "AccessDenied")
        assert answer["Error"]["Message"] == REFUSED[1].decode()
        account = f"/v1/AUTH_{boto.list_buckets()['Owner']['ID']}"
        assert marked(s3.store, "false", account) == 204
        boto.create_bucket(Bucket="pictures")
        boto.put_object(Bucket="pictures", Key="a", Body=b"x")
        assert boto.get_object(Bucket="pictures", Key="a")["Body"].read() == b"x"
