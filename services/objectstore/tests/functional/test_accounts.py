"""Accounts."""

import pytest

from pileus_kit.testing.callers import make_caller
from pileus_objectstore.testing import ObjectStoreFixture


def test_an_account_needs_no_creation(store: ObjectStoreFixture) -> None:
    got = store.client.get(store.account)
    assert (got.status_code, got.data, got.headers["X-Account-Container-Count"]) == (204, b"", "0")
    assert store.client.get(f"{store.account}?format=json").json == []
    assert store.client.post(store.account, headers={"X-Account-Meta-Owner": "me"}).status_code == 204
    assert store.client.head(store.account).headers["X-Account-Meta-Owner"] == "me"
    store.client.post(store.account, headers={"X-Remove-Account-Meta-Owner": "x"})
    assert "X-Account-Meta-Owner" not in store.client.head(store.account).headers


def test_account_listing(store: ObjectStoreFixture) -> None:
    for name in ("a", "b", "c-1", "c-2", "d"):
        store.client.put(f"{store.account}/{name}")
    for query, expected in (
        ("limit=2", "a b"),
        ("marker=b", "c-1 c-2 d"),
        ("marker=a&end_marker=d&limit=2", "b c-1"),
        ("prefix=c", "c-1 c-2"),
        ("delimiter=-", "a b c- d"),
        ("reverse=true&limit=1", "d"),
    ):
        assert store.client.get(f"{store.account}?{query}").data.decode().split() == expected.split(), query
    xml = store.client.get(f"{store.account}?format=xml").data
    assert b"<container><name>a</name><count>0</count><bytes>0</bytes><last_modified>" in xml


@pytest.mark.parametrize(
    ("method", "query", "headers", "status"),
    [
        ("GET", "limit=10001", {}, 412),
        ("GET", "marker=%ff", {}, 412),
        ("GET", "", {"Accept": "image/png"}, 406),
        ("HEAD", "", {"Accept": "image/png"}, 406),
        ("POST", "", {"X-Account-Meta-": "x"}, 400),
        ("POST", "", {"X-Account-Meta-" + "a" * 129: "x"}, 400),
        ("POST", "", {"X-Account-Meta-A": "x" * 257}, 400),
        ("POST", "", {f"X-Account-Meta-{n}": "x" for n in range(91)}, 400),
        ("POST", "", {f"X-Account-Meta-{n}": "x" * 250 for n in range(20)}, 400),
        ("POST", "", {"X-Account-Meta-Quota-Bytes": "1"}, 403),
        ("PUT", "", {}, 403),
        ("DELETE", "", {}, 403),
        ("COPY", "", {}, 405),
    ],
)
def test_refusals(store: ObjectStoreFixture, method: str, query: str, headers: dict[str, str], status: int) -> None:
    assert store.client.request(method, f"{store.account}?{query}", headers=headers).status_code == status


def test_a_reseller_creates_and_deletes_accounts(store: ObjectStoreFixture) -> None:
    reseller = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
    account = "/v1/AUTH_new"
    assert store.client.put(account, as_=reseller, headers={"X-Account-Meta-A": "1"}).status_code == 201
    assert store.client.put(account, as_=reseller).status_code == 202
    assert store.client.post(account, as_=reseller, headers={"X-Account-Meta-Quota-Bytes": "x"}).status_code == 400
    assert store.client.post(account, as_=reseller, headers={"X-Account-Quota-Bytes": "100"}).status_code == 204
    shown = store.client.head(account, as_=reseller).headers
    assert (shown["X-Account-Meta-A"], shown["X-Account-Quota-Bytes"]) == ("1", "100")
    store.client.post(account, as_=reseller, headers={"X-Remove-Account-Quota-Bytes": "x"})
    assert "X-Account-Quota-Bytes" not in store.client.head(account, as_=reseller).headers
    assert store.client.put(f"{account}/c", as_=reseller).status_code == 201
    store.drain()
    store.client.delete(f"{account}/c", as_=reseller)
    store.drain()
    assert store.client.delete(account, as_=reseller).status_code == 204
    assert store.client.delete(account, as_=reseller).status_code == 404
