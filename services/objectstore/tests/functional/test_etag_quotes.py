"""ETags in quotes, where an owner asks for them."""

from pileus_objectstore.testing import ObjectStoreFixture

MD5 = "9dd4e461268c8034f5c8564e155c67a6"  # of b"x"


def test_the_containers_setting_wins_over_the_accounts(store: ObjectStoreFixture, container: str) -> None:
    assert store.client.put(f"{container}/o", data=b"x").headers["Etag"] == MD5

    def etag() -> str:
        assert store.client.get(f"{container}/o").data == b"x"
        return store.client.head(f"{container}/o").headers["Etag"]

    account, setting = store.account, "X-Container-Rfc-Compliant-Etags"
    assert etag() == MD5
    store.client.post(account, headers={"X-Account-Rfc-Compliant-Etags": "yes"})
    assert etag() == f'"{MD5}"'
    assert store.client.head(account).headers["X-Account-Rfc-Compliant-Etags"] == "True"
    store.client.post(container, headers={setting: "f"})
    assert etag() == MD5
    assert store.client.head(container).headers[setting] == "False"
    store.client.post(container, headers={f"X-Remove-{setting[2:]}": "x"})
    assert etag() == f'"{MD5}"'
    assert store.client.put(f"{container}/o", data=b"x").headers["Etag"] == f'"{MD5}"'
    assert store.client.get(f"{container}/o", headers={"If-None-Match": f'"{MD5}"'}).status_code == 304
    assert setting not in store.client.head(container).headers
