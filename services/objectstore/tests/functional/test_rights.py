"""Who may: policy first, then the container's ACL."""

import pytest

from pileus_kit.testing.callers import person
from pileus_objectstore.testing import ObjectStoreFixture

CALLS = [
    ("GET", "", "read"),
    ("HEAD", "", "read"),
    ("POST", "", "write"),
    ("PUT", "", "reseller"),
    ("DELETE", "", "reseller"),
    ("GET", "/c", "read"),
    ("HEAD", "/c", "read"),
    ("PUT", "/c", "write"),
    ("POST", "/c", "write"),
    ("DELETE", "/c", "write"),
    ("GET", "/c/o", "read"),
    ("HEAD", "/c/o", "read"),
    ("PUT", "/c/o", "write"),
    ("POST", "/c/o", "write"),
    ("DELETE", "/c/o", "write"),
]
MAY = {
    "admin": {"read", "write"},
    "manager": {"read", "write"},
    "member": {"read", "write"},
    "reader": {"read"},
    "other": set(),
    "other_reader": set(),
    "nobody": set(),
    "system_admin": {"read", "write", "reseller"},
}


@pytest.mark.parametrize(("method", "path", "needs"), CALLS)
def test_matrix(store: ObjectStoreFixture, method: str, path: str, needs: str) -> None:
    client, tokens = store.client, store.tokens
    reseller = tokens.add(person("reseller", "ResellerAdmin", project="p9"))
    client.put(f"{store.account}/c")
    client.put(f"{store.account}/c/o", data=b"x")
    url = store.account + path
    for anonymous in (None, "token-expired", "token-revoked", "token-unknown"):
        assert client.request(method, url, as_=anonymous, anonymous=anonymous is None).status_code == 401
    for name, may in MAY.items():
        status = client.request(method, url, as_=getattr(tokens, name), data=b"").status_code
        assert (status == 403) == (needs not in may), (name, status)
        assert status != 401
    assert client.request(method, url, as_=reseller, data=b"").status_code not in (401, 403)


def test_every_call_has_a_rule_that_exists(store: ObjectStoreFixture) -> None:
    from pileus_objectstore.policy import RULES

    names = {rule.name for rule in RULES}
    assert all(call.policy in names for call in store.app.calls.values())


def test_read_acls(store: ObjectStoreFixture, container: str) -> None:
    client, other = store.client, store.tokens.other
    client.put(f"{container}/o", data=b"x")

    def statuses() -> list[int]:
        return [
            client.get(f"{container}/o", as_=other).status_code,
            client.get(container, as_=other).status_code,
            client.get(f"{container}/o", anonymous=True).status_code,
            client.get(container, anonymous=True).status_code,
        ]

    assert statuses() == [403, 403, 401, 401]
    for acl, expected in [
        ("p2:*", [200, 200, 401, 401]),
        ("p2:u-other", [200, 200, 401, 401]),
        ("*:u-other", [200, 200, 401, 401]),
        ("project-p2:other", [200, 200, 401, 401]),
        ("p3:*", [403, 403, 401, 401]),
        (".r:*", [200, 403, 200, 401]),
        (".r:*,.rlistings", [200, 200, 200, 200]),
        (".rlistings", [403, 403, 401, 401]),
    ]:
        assert client.post(container, headers={"X-Container-Read": acl}).status_code == 204
        assert statuses() == expected, acl
    client.post(container, headers={"X-Remove-Container-Read": "x"})
    store.app.tools.infos.forget(store.app.tools.infos.__class__ and _target())
    assert statuses() == [403, 403, 401, 401]


def _target():  # type: ignore[no-untyped-def]
    from pileus_objectstore.core.names import Target

    return Target("AUTH_p1", "c")


def test_referrers(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"x")
    store.client.post(container, headers={"X-Container-Read": ".r:.example.com,.r:-bad.example.com"})

    def ask(referrer: str) -> int:
        return store.client.get(f"{container}/o", anonymous=True, headers={"Referer": referrer}).status_code

    assert ask("http://www.example.com/page") == 200
    assert ask("http://bad.example.com/page") == 401
    assert ask("http://example.org/") == 401
    assert ask("") == 401


def test_write_acls(store: ObjectStoreFixture, container: str) -> None:
    client, other = store.client, store.tokens.other
    assert client.put(f"{container}/o", data=b"x", as_=other).status_code == 403
    client.post(container, headers={"X-Container-Write": "p2:*"})
    assert client.put(f"{container}/o", data=b"x", as_=other).status_code == 201
    assert client.get(f"{container}/o", as_=other).status_code == 403
    assert client.post(container, as_=other).status_code == 403
    assert client.delete(f"{container}/o", as_=other).status_code == 204


@pytest.mark.parametrize("acl", [".r:", ".unknown", ".x:y"])
def test_senseless_acls_are_refused(store: ObjectStoreFixture, container: str, acl: str) -> None:
    assert store.client.post(container, headers={"X-Container-Read": acl}).status_code == 400


def test_only_owners_see_acls(store: ObjectStoreFixture, container: str) -> None:
    store.client.post(container, headers={"X-Container-Read": "p2:*", "X-Container-Meta-Temp-Url-Key": "secret"})
    mine = store.client.head(container).headers
    theirs = store.client.head(container, as_=store.tokens.other).headers
    assert mine["X-Container-Read"] == "p2:*"
    assert mine["X-Container-Meta-Temp-Url-Key"] == "secret"
    assert "X-Container-Read" not in theirs
    assert "X-Container-Meta-Temp-Url-Key" not in theirs


def test_only_a_reseller_sets_account_quotas(store: ObjectStoreFixture, container: str) -> None:
    reseller = store.tokens.add(person("reseller", "ResellerAdmin", project="p9"))
    headers = {"X-Account-Meta-Quota-Bytes": "5"}
    assert store.client.post(store.account, headers=headers).status_code == 403
    assert store.client.post(store.account, headers=headers, as_=reseller).status_code == 204
    assert store.client.put(f"{container}/o", data=b"123456").status_code == 413
    assert store.client.put(f"{container}/o", data=b"12345").status_code == 201


@pytest.mark.parametrize("referrer", ["http://[", "http://a.example.com:x/", "//"])
def test_a_referrer_that_is_no_url_is_unknown(store: ObjectStoreFixture, container: str, referrer: str) -> None:
    store.client.put(f"{container}/o", data=b"x")
    heads = {"Referer": referrer}
    for acl, status in ((".r:.example.org", 401), (".r:*", 200)):
        store.client.post(container, headers={"X-Container-Read": acl})
        assert store.client.get(f"{container}/o", headers=heads, anonymous=True).status_code == status
