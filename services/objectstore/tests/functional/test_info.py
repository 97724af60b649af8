"""Calls that need no token."""

from pileus_objectstore.testing import ObjectStoreFixture


def test_info_and_healthcheck_need_no_token(store: ObjectStoreFixture) -> None:
    info = store.client.get("/info", anonymous=True)
    assert info.json["swift"]["container_listing_limit"] == 10_000
    assert store.client.get("/healthcheck", anonymous=True).data == b"OK"
    assert store.client.get("/nonsense").status_code == 404
    assert store.client.request("PATCH", store.account).status_code == 405
