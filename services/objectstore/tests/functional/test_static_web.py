"""Containers as web sites."""

from pileus_objectstore.testing import ObjectStoreFixture


def test_a_web_site(store: ObjectStoreFixture, container: str) -> None:
    for name in ("index.html", "dir/index.html", "dir/a<b", "404error.html"):
        store.client.put(f"{container}/{name}", data=name.encode(), headers={"Content-Type": "text/html"})
    headers = {"X-Container-Read": ".r:*,.rlistings", "X-Container-Meta-Web-Index": "index.html"}
    store.client.post(container, headers=headers | {"X-Container-Meta-Web-Error": "error.html"})

    def visit(path: str) -> tuple[int, bytes]:
        got = store.client.get(container + path, anonymous=True)
        return got.status_code, got.data

    assert visit("/") == (200, b"index.html")
    moved = store.client.get(container, anonymous=True)
    assert (moved.status_code, moved.headers["Location"]) == (301, "/v1/AUTH_p1/c/")
    assert visit("/dir/") == (200, b"dir/index.html")
    assert visit("/dir")[0] == 301
    assert visit("/none") == (404, b"404error.html")
    store.client.post(container, headers={"X-Container-Meta-Web-Index": "", "X-Container-Meta-Web-Listings": "true"})
    status, page = visit("/dir/")
    assert status == 200
    assert b'<a href="a%3Cb">a&lt;b</a>' in page
    assert visit("/")[0] == 200
    assert store.client.get(container).data.startswith(b"404error.html\n")
    store.client.post(container, headers={"X-Remove-Container-Read": "x", "X-Remove-Container-Meta-Web-Error": "x"})
    assert visit("/dir/")[0] == 401
