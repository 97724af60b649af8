"""Containers as web sites."""

import hmac
import time

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
    assert (moved.status_code, moved.headers["Location"]) == (301, "http://localhost/v1/AUTH_p1/c/")
    assert visit("/dir/") == (200, b"dir/index.html")
    assert visit("/dir")[0] == 301
    assert visit("/none") == (404, b"404error.html")
    store.client.post(container, headers={"X-Container-Meta-Web-Index": "", "X-Container-Meta-Web-Listings": "true"})
    status, page = visit("/dir/")
    assert status == 200
    assert b'<a href="./a%3Cb">a&lt;b</a>' in page
    assert visit("/")[0] == 200
    assert store.client.get(container).data.startswith(b"404error.html\n")
    store.client.post(container, headers={"X-Remove-Container-Read": "x", "X-Remove-Container-Meta-Web-Error": "x"})
    assert visit("/dir/")[0] == 401


def test_objects_that_mark_directories_are_directories(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/dir", headers={"Content-Type": "application/directory"})
    store.client.put(f"{container}/dir/leaf", data=b"x")
    headers = {"X-Container-Read": ".r:*,.rlistings", "X-Container-Meta-Web-Listings": "1"}
    store.client.post(container, headers=headers | {"X-Container-Meta-Web-Listings-Css": "a b.css"})
    assert store.client.get(f"{container}/dir", anonymous=True).status_code == 301
    page = store.client.get(f"{container}/dir/", anonymous=True).get_data(as_text=True)
    assert '<a href="../">../</a>' in page
    assert 'href="../a%20b.css"' in page


def test_pages_of_a_signed_prefix_list_only_what_it_covers(store: ObjectStoreFixture, container: str) -> None:
    store.client.post(container, headers={"X-Container-Meta-Temp-Url-Key": "k", "X-Container-Meta-Web-Listings": "1"})
    for name in ("dir/sub/leaf", "other"):
        store.client.put(f"{container}/{name}", data=b"x")
    expires = int(time.time()) + 60

    def parameters(prefix: str) -> str:
        text = f"GET\n{expires}\nprefix:{container}/{prefix}"
        signature = hmac.new(b"k", text.encode(), "sha256").hexdigest()
        return f"temp_url_prefix={prefix}&temp_url_expires={expires}&temp_url_sig={signature}"

    def visit(path: str, prefix: str) -> tuple[int, str]:
        got = store.client.get(f"{container}{path}?{parameters(prefix)}", anonymous=True)
        return got.status_code, got.get_data(as_text=True)

    links = parameters("dir/").replace("&", "&amp;")
    status, page = visit("/dir/", "dir/")
    assert status == 200
    assert f'<a href="./sub/?{links}">sub/</a>' in page
    assert "../" not in page
    assert f'<a href="../?{links}">' in visit("/dir/sub/", "dir/")[1]
    assert visit("/", "dir/")[0] == 401
    assert visit("/", "")[0] == 200
    assert visit("", "")[0] == 301
    store.client.post(container, headers={"X-Remove-Container-Meta-Web-Listings": "x"})
    assert visit("/", "")[0] == 401  # a signed URL reads no plain listing


def test_a_signed_url_of_one_object_reads_no_directory(store: ObjectStoreFixture, container: str) -> None:
    store.client.post(container, headers={"X-Container-Meta-Temp-Url-Key": "k", "X-Container-Meta-Web-Listings": "1"})
    store.client.put(f"{container}/dir/leaf", data=b"x")
    expires = int(time.time()) + 60
    signature = hmac.new(b"k", f"GET\n{expires}\n{container}/dir/".encode(), "sha256").hexdigest()
    url = f"{container}/dir/?temp_url_expires={expires}&temp_url_sig={signature}"
    assert store.client.get(url, anonymous=True).status_code == 404
