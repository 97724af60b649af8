"""Accounts."""

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
