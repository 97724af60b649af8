"""Symbolic links: reading, POSTs, listings, links to links."""

import hashlib
from typing import Any

import pytest

from pileus_objectstore.testing import ObjectStoreFixture

EMPTY = {"CONTENT_LENGTH": "0"}


ETAG = hashlib.md5(b"data").hexdigest()


@pytest.fixture
def target(store: ObjectStoreFixture, container: str) -> str:
    store.client.put(f"{store.account}/d")
    store.client.put(f"{store.account}/d/t", data=b"data", headers={"X-Object-Meta-A": "target"})
    return "d/t"


def link(store: ObjectStoreFixture, path: str, to: str, **headers: str) -> Any:
    given = {"X-Symlink-Target": to} | {name.replace("_", "-"): value for name, value in headers.items()}
    return store.client.put(path, headers=given, environ_overrides=EMPTY)


def row(store: ObjectStoreFixture, container: str, name: str) -> dict[str, Any]:
    found = store.client.get(f"{container}?format=json&prefix={name}").json
    return dict(next(entry for entry in found if entry["name"] == name))


ZERO = {"CONTENT_LENGTH": "0"}


def test_a_post_stays_at_the_link(store: ObjectStoreFixture, container: str, target: str) -> None:
    link(store, f"{container}/soft", target)
    link(store, f"{container}/fixed", target, X_Symlink_Target_Etag=ETAG)
    for name in ("soft", "fixed"):
        answer = store.client.post(f"{container}/{name}", headers={"X-Object-Meta-A": "link"})
        assert answer.status_code == 307
        assert answer.headers["Location"].endswith("/v1/AUTH_p1/d/t")
        assert answer.headers.get("X-Symlink-Target-Etag") == (ETAG if name == "fixed" else None)
        assert store.client.get(f"{container}/{name}").headers["X-Object-Meta-A"] == "target"
        shown = store.client.head(f"{container}/{name}?symlink=get").headers
        assert (shown["X-Object-Meta-A"], shown["X-Symlink-Target"]) == ("link", target)
        assert store.client.get(f"{container}/{name}").data == b"data"


def test_a_post_makes_no_link(store: ObjectStoreFixture, container: str, target: str) -> None:
    store.client.put(f"{container}/o", data=b"plain")
    answer = store.client.post(f"{container}/o", headers={"X-Symlink-Target": target})
    assert answer.status_code == 400
    assert store.client.get(f"{container}/o").data == b"plain"


def test_listings_show_links(store: ObjectStoreFixture, container: str, target: str) -> None:
    link(store, f"{container}/soft", target)
    link(store, f"{container}/fixed", target, X_Symlink_Target_Etag=ETAG)
    link(store, f"{container}/away", "theirs/o", X_Symlink_Target_Account="AUTH_p2")
    for _ in range(2):
        assert row(store, container, "soft")["symlink_path"] == "/v1/AUTH_p1/d/t"
        assert "symlink_etag" not in row(store, container, "soft")
        fixed = row(store, container, "fixed")
        assert (fixed["symlink_path"], fixed["symlink_etag"], fixed["symlink_bytes"]) == ("/v1/AUTH_p1/d/t", ETAG, 4)
        assert fixed["bytes"] == 0
        assert fixed["hash"] == hashlib.md5(b"").hexdigest()
        assert row(store, container, "away")["symlink_path"] == "/v1/AUTH_p2/theirs/o"
        store.client.post(f"{container}/fixed", headers={"Content-Type": "text/x"})


def test_static_links_to_links(store: ObjectStoreFixture, container: str, target: str) -> None:
    assert link(store, f"{container}/one", target, X_Symlink_Target_Etag=ETAG).status_code == 201
    assert link(store, f"{container}/two", "c/one", X_Symlink_Target_Etag=ETAG).status_code == 201
    assert store.client.get(f"{container}/two").data == b"data"
    assert link(store, f"{container}/bad", "c/one", X_Symlink_Target_Etag="0" * 32).status_code == 409
    assert link(store, f"{container}/bad", "c/none", X_Symlink_Target_Etag=ETAG).status_code == 409
    link(store, f"{container}/soft", target)
    empty = hashlib.md5(b"").hexdigest()
    assert link(store, f"{container}/to-soft", "c/soft", X_Symlink_Target_Etag=empty).status_code == 201
    store.client.put(f"{store.account}/{target}", data=b"changed")
    assert store.client.get(f"{container}/two").status_code == 409


def test_static_links_to_large_objects(store: ObjectStoreFixture, container: str, target: str) -> None:
    """A static link refers to the manifest, so the manifest's own ETag counts."""
    made = store.client.put(f"{container}/slo?multipart-manifest=put", json=[{"path": f"/{target}"}])
    etag = store.client.head(f"{container}/slo").headers["X-Manifest-Etag"]
    assert link(store, f"{container}/no", "c/slo", X_Symlink_Target_Etag=made.headers["Etag"]).status_code == 409
    assert link(store, f"{container}/fixed", "c/slo", X_Symlink_Target_Etag=etag).status_code == 201
    assert store.client.get(f"{container}/fixed").data == b"data"
    assert row(store, container, "fixed")["symlink_bytes"] == 4
    assert row(store, container, "fixed")["slo_etag"] == made.headers["Etag"]
    store.client.put(f"{container}/slo?multipart-manifest=put", json=[{"path": f"/{target}", "range": "0-1"}])
    assert store.client.get(f"{container}/fixed").status_code == 409


def test_a_static_link_to_a_dynamic_one(store: ObjectStoreFixture, container: str, target: str) -> None:
    """The link in between can't change; its target may."""
    link(store, f"{container}/soft", target)
    empty = hashlib.md5(b"").hexdigest()
    assert link(store, f"{container}/fixed", "c/soft", X_Symlink_Target_Etag=empty).status_code == 201
    assert store.client.get(f"{container}/fixed").data == b"data"
    store.client.put(f"{store.account}/{target}", data=b"changed")
    assert store.client.get(f"{container}/fixed").data == b"changed"


def test_errors_behind_a_link_show_its_target(store: ObjectStoreFixture, container: str, target: str) -> None:
    link(store, f"{container}/lost", "d/none")
    link(store, f"{container}/fixed", target, X_Symlink_Target_Etag=ETAG)
    assert store.client.head(f"{container}/fixed").headers["Content-Location"] == "/v1/AUTH_p1/d/t"
    assert store.client.get(f"{container}/lost").headers["Content-Location"] == "/v1/AUTH_p1/d/none"
    store.client.put(f"{store.account}/{target}", data=b"changed")
    answer = store.client.get(f"{container}/fixed")
    assert (answer.status_code, answer.headers["Content-Location"]) == (409, "/v1/AUTH_p1/d/t")


def test_a_refusal_behind_a_link_shows_its_target(store: ObjectStoreFixture, container: str, target: str) -> None:
    link(store, f"{container}/link", target)
    store.client.post(container, headers={"X-Container-Read": "p2:*"})
    answer = store.client.get(f"{container}/link", as_=store.tokens.other)
    assert (answer.status_code, answer.headers["Content-Location"]) == (403, "/v1/AUTH_p1/d/t")


def test_a_copied_link_leads_to_the_account_that_is_named(
    store: ObjectStoreFixture, container: str, target: str
) -> None:
    link(store, f"{container}/link", target)
    store.client.post(container, headers={"X-Container-Read": "p2:*"})
    store.client.post(f"{store.account}/d", headers={"X-Container-Read": "p2:*"})
    other = "/v1/AUTH_p2/c"
    store.client.put(other, as_=store.tokens.other)
    copied = {"X-Copy-From": "c/link", "X-Copy-From-Account": "AUTH_p1"}

    def follow(**more: str) -> tuple[int, str]:
        headers = copied | {name.replace("_", "-"): value for name, value in more.items()}
        answer = store.client.put(f"{other}/l?symlink=get", headers=headers, as_=store.tokens.other)
        assert answer.status_code == 201
        answer = store.client.get(f"{other}/l", as_=store.tokens.other)
        return answer.status_code, answer.headers["Content-Location"]

    assert follow() == (404, "/v1/AUTH_p2/d/t")
    assert follow(X_Symlink_Target_Account="AUTH_p1") == (200, "/v1/AUTH_p1/d/t")


def test_links_as_segments(store: ObjectStoreFixture, container: str, target: str) -> None:
    link(store, f"{container}/soft", target)
    link(store, f"{container}/loop1", "c/loop2")
    link(store, f"{container}/loop2", "c/loop1")
    lines = [{"path": "/c/soft"}, {"path": f"/{target}"}]
    assert store.client.put(f"{container}/slo?multipart-manifest=put", json=lines).status_code == 201
    assert store.client.get(f"{container}/slo").data == b"datadata"
    lines = [{"path": "/c/loop1"}]
    assert store.client.put(f"{container}/slo2?multipart-manifest=put", json=lines).status_code == 400


def test_links_with_a_body(store: ObjectStoreFixture, container: str, target: str) -> None:
    headers = {"X-Symlink-Target": target}
    assert store.client.put(f"{container}/l", headers=headers, data=b"x").status_code == 400
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    assert store.client.put(f"{container}/l", headers=headers, data=b"x", environ_overrides=chunked).status_code == 400
    assert store.client.get(f"{container}/l").status_code == 404


def test_links(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{store.account}/d")
    etag = store.client.put(f"{store.account}/d/real", data=b"data").headers["Etag"]
    link = {"X-Symlink-Target": "d/real"}
    assert store.client.put(f"{container}/link", headers=link, environ_overrides=ZERO).status_code == 201
    got = store.client.get(f"{container}/link")
    assert (got.data, got.headers["Content-Location"]) == (b"data", "/v1/AUTH_p1/d/real")
    assert store.client.head(f"{container}/link").headers["Etag"] == etag
    assert store.client.get(f"{container}?format=json").json[0]["symlink_path"] == "/v1/AUTH_p1/d/real"
    shown = store.client.get(f"{container}/link?symlink=get")
    assert (shown.data, shown.headers["X-Symlink-Target"]) == (b"", "d/real")
    fixed = link | {"X-Symlink-Target-Etag": etag}
    assert store.client.put(f"{container}/fixed", headers=fixed, environ_overrides=ZERO).status_code == 201
    store.client.put(f"{store.account}/d/real", data=b"changed")
    assert store.client.get(f"{container}/link").data == b"changed"
    assert store.client.get(f"{container}/fixed").status_code == 409
    store.client.post(container, headers={"X-Container-Read": "p2:*"})
    assert store.client.get(f"{container}/link", as_=store.tokens.other).status_code == 403
    store.client.put(f"{container}/self", headers={"X-Symlink-Target": "c/other"}, environ_overrides=ZERO)
    store.client.put(f"{container}/other", headers={"X-Symlink-Target": "c/self"}, environ_overrides=ZERO)
    assert store.client.get(f"{container}/self").status_code == 409
    assert store.client.put(f"{container}/x", headers=link, data=b"x").status_code == 400
