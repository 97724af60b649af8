"""Rights of callers: first the policy, then the container's ACL."""

from dataclasses import replace

import pytest

from pileus_kit.auth import Caller
from pileus_kit.testing.callers import make_caller
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
    "without_roles": set(),
    "service": set(),
    "domain_admin": set(),
    "system_reader": set(),
    "system_admin": set(),
}


@pytest.mark.parametrize(("method", "path", "needs"), CALLS)
def test_matrix(store: ObjectStoreFixture, method: str, path: str, needs: str) -> None:
    client, tokens = store.client, store.tokens
    reseller = tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
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
    store.app.tools.listing_cache.forget(store.app.tools.listing_cache.__class__ and _target())
    assert statuses() == [403, 403, 401, 401]


def _target():  # type: ignore[no-untyped-def]
    from pileus_objectstore.core.names import Target

    return Target("AUTH_p1", "c")


def test_an_account_in_an_acl_means_those_who_may_change_it(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"x")
    headers = {"X-Container-Read": "AUTH_p2", "X-Container-Meta-Temp-Url-Key": "secret"}
    assert store.client.post(container, headers=headers).status_code == 204
    shown = store.client.head(container, as_=store.tokens.other)
    assert shown.status_code == 204
    assert not {"X-Container-Read", "X-Container-Meta-Temp-Url-Key"} & set(shown.headers.keys())
    assert store.client.get(f"{container}/o", as_=store.tokens.other).data == b"x"
    assert store.client.put(f"{container}/o", data=b"y", as_=store.tokens.other).status_code == 403
    assert store.client.get(f"{container}/o", as_=store.tokens.other_reader).status_code == 403
    assert store.client.post(container, headers={"X-Container-Read": "p2"}).status_code == 204
    assert store.client.get(f"{container}/o", as_=store.tokens.other_reader).data == b"x"
    third = store.tokens.add(make_caller("third", "member", project="p3"))
    assert store.client.get(f"{container}/o", as_=third).status_code == 403


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
    reseller = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
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


SCOPELESS = ("system_admin", "system_reader", "domain_admin", "without_roles", "service")


@pytest.mark.parametrize("account", ["AUTH_None", "AUTH_", "AUTH_-", "AUTH_%25(project_id)s", "AUTH_null", "None", "-"])
@pytest.mark.parametrize("name", SCOPELESS)
def test_a_token_without_a_project_has_no_account(store: ObjectStoreFixture, name: str, account: str) -> None:
    """It has no rights even to an account whose name looks like that of a missing project."""
    caller = getattr(store.tokens, name)
    for method, path in (("GET", ""), ("POST", ""), ("PUT", "/c"), ("GET", "/c"), ("PUT", "/c/o"), ("GET", "/c/o")):
        status = store.client.request(method, f"/v1/{account}{path}", as_=caller, data=b"x").status_code
        assert status in (403, 404), (method, path)


def test_a_service_token_changes_nothing(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"x")
    for token in (store.tokens.service.token, store.tokens.system_admin.token, "token-unknown", ""):
        headers = {"X-Service-Token": token}
        assert store.client.get(f"{container}/o", headers=headers).status_code == 200
        for who in ("other", "without_roles", "service", "system_admin"):
            answer = store.client.get(f"{container}/o", headers=headers, as_=getattr(store.tokens, who))
            assert answer.status_code == 403, who
        answer = store.client.get(f"{container}/o", headers=headers, anonymous=True)
        assert answer.status_code == 401


def foreign(store: ObjectStoreFixture, name: str, project: str, domain: str, user_domain: str = "default") -> Caller:
    caller = replace(make_caller(name, "member", project=project), project_domain_id=domain, user_domain_id=user_domain)
    return store.tokens.add(caller)


NAMES = ("project-p2:other", "*:other", "project-p2:*", "project-p2:u-other", "p2:other")
IDS = ("p2:u-other", "p2:*", "*:u-other")


@pytest.mark.parametrize("acl", [*NAMES, *IDS])
@pytest.mark.parametrize("header", ["X-Container-Read", "X-Container-Write"])
def test_names_grant_in_the_default_domain_only(store: ObjectStoreFixture, acl: str, header: str) -> None:
    """Names are unique in a domain only, so the owner of an account in another domain may mean another project."""
    far = foreign(store, "far", "p7", "d7", "d7")
    store.client.put("/v1/AUTH_p7/c", headers={header: acl}, as_=far)
    store.client.put("/v1/AUTH_p7/c/o", data=b"x", as_=far)
    store.client.put(f"{store.account}/c", headers={header: acl})
    store.client.put(f"{store.account}/c/o", data=b"x")
    theirs = make_caller("theirs", "member", project="p2")
    near = store.tokens.other
    strangers = [
        store.tokens.add(replace(theirs, token="t1", user_id="x", user_name="other", user_domain_id="d7")),
        store.tokens.add(replace(theirs, token="t2", project_id="x", user_name="other", project_domain_id="d7")),
    ]

    def allowed(account: str, who: Caller) -> bool:
        path = f"/v1/{account}/c/o"
        if header == "X-Container-Read":
            return bool(store.client.get(path, as_=who).status_code == 200)
        return bool(store.client.put(path, data=b"y", as_=who).status_code == 201)

    assert allowed("AUTH_p7", near) == (acl in IDS)
    assert allowed("AUTH_p1", near)
    for stranger in strangers:
        if acl in NAMES:
            assert not allowed("AUTH_p1", stranger)
            assert not allowed("AUTH_p7", stranger)


def test_an_account_learns_its_domain_from_its_own_project(store: ObjectStoreFixture) -> None:
    reseller = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
    assert store.client.put("/v1/AUTH_p7", as_=reseller).status_code in (201, 202)
    acl = {"X-Container-Read": "project-p2:other"}
    store.client.put("/v1/AUTH_p7/c", headers=acl, as_=reseller)
    store.client.put("/v1/AUTH_p7/c/o", data=b"x", as_=reseller)
    assert store.client.get("/v1/AUTH_p7/c/o", as_=store.tokens.other).status_code == 403
    home = foreign(store, "home", "p7", "default")
    assert store.client.post("/v1/AUTH_p7", as_=home).status_code == 204
    assert store.client.get("/v1/AUTH_p7/c/o", as_=store.tokens.other).status_code == 200
    assert store.client.head("/v1/AUTH_p7", as_=home).headers["X-Account-Project-Domain-Id"] == "default"


def test_a_sync_key_alone_is_shown_to_owners_only(store: ObjectStoreFixture, container: str) -> None:
    name = "X-Container-Sync-Key"
    shown = {name: "k", "X-Container-Read": ".r:*,.rlistings"}
    assert store.client.post(container, headers=shown).status_code == 204
    assert store.client.head(container).headers[name] == "k"
    answer = store.client.head(container, anonymous=True)
    assert answer.status_code == 204 and name not in answer.headers
    assert store.client.post(container, headers={"X-Remove-Container-Sync-Key": "x"}).status_code == 204
    assert name not in store.client.head(container).headers
