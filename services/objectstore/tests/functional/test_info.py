"""Calls that need no token."""

from pileus_objectstore.testing import ObjectStoreFixture


def test_info_and_healthcheck_need_no_token(store: ObjectStoreFixture) -> None:
    info = store.client.get("/info", anonymous=True)
    assert info.json["swift"]["container_listing_limit"] == 10_000
    assert store.client.get("/healthcheck", anonymous=True).data == b"OK"
    for path, status in (("/nonsense", 412), ("/v1", 412), ("/v1/", 412), ("/v2/a", 400), ("/v1//c", 404)):
        assert store.client.get(path).status_code == status, path
    assert store.client.request("PATCH", store.account).status_code == 405
