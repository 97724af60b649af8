"""Interoperable import: staged data and URLs; its flow killed at every step."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pileus_image.flows import import_image
from pileus_image.testing import OCTETS, ImageFixture, image_service
from pileus_kit.testing import kill_at_every_step

CONTENT = b"from the web" * 10_000


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/image")
            self.end_headers()
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT) + 1))
            self.end_headers()
            self.wfile.write(CONTENT)
        elif self.path == "/image":
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def reaching(tmp_path: Path) -> Iterator[ImageFixture]:
    with image_service(tmp_path, download_networks=("127.0.0.0/8",)) as fixture:
        yield fixture


def start(service, image, **method):
    return service.client.post(f"/v2/images/{image['id']}/import", json={"method": method})


def show(service, image):
    return service.client.get(f"/v2/images/{image['id']}").json


def stage(service, image, content=b"staged"):
    return service.client.put(f"/v2/images/{image['id']}/stage", data=io.BytesIO(content), headers=OCTETS)


def test_staged_data_is_imported(service):
    image = service.image()
    assert start(service, image, name="glance-direct").status_code == 409
    assert stage(service, image).status_code == 204
    assert show(service, image)["status"] == "uploading"
    assert service.client.get(f"/v2/images/{image['id']}/file").status_code == 204, "staged is not stored"
    accepted = start(service, image, name="glance-direct")
    assert accepted.status_code == 202
    assert show(service, image)["status"] == "importing"
    service.drain()
    view = show(service, image)
    assert (view["status"], view["stores"], view["size"]) == ("active", "file", 6)
    assert (view["os_glance_importing_to_stores"], view["os_glance_failed_import"]) == ("", "")
    assert service.client.get(f"/v2/images/{image['id']}/file").data == b"staged"
    (task,) = service.client.get(f"/v2/images/{image['id']}/tasks").json["tasks"]
    assert (task["status"], task["request_id"]) == ("success", accepted.headers["X-OpenStack-Request-ID"])
    assert task["input"]["import_req"]["method"]["name"] == "glance-direct"
    assert service.client.get(f"/v2/tasks/{task['id']}").json == task
    assert service.client.get(f"/v2/tasks/{task['id']}", as_=service.book.other).status_code == 404
    assert service.client.get("/v2/tasks", as_=service.book.other).json["tasks"] == []


@pytest.mark.parametrize("path", ["/image", "/moved"])
def test_a_url_is_imported(reaching, site, path):
    image = reaching.image()
    assert start(reaching, image, name="web-download", uri=site + path).status_code == 202
    reaching.drain()
    assert show(reaching, image)["status"] == "active"
    assert reaching.client.get(f"/v2/images/{image['id']}/file").data == CONTENT


@pytest.mark.parametrize("path", ["/none", "/short"])
def test_a_failed_import_leaves_a_queued_image_that_says_so(reaching, site, path):
    image = reaching.image()
    start(reaching, image, name="web-download", uri=site + path)
    reaching.drain()
    view = show(reaching, image)
    assert (view["status"], view["os_glance_failed_import"], view["os_glance_importing_to_stores"]) == (
        "queued",
        "file",
        "",
    )
    assert reaching.stored() == []
    (task,) = reaching.client.get(f"/v2/images/{image['id']}/tasks").json["tasks"]
    assert task["status"] == "failure" and task["message"]


def test_the_house_is_not_fetched_from(service, site):
    image = service.image()
    assert start(service, image, name="web-download", uri=site + "/image").status_code == 400, "an odd port"
    start(service, image, name="web-download", uri="http://127.0.0.1/image")
    service.drain()
    assert show(service, image)["os_glance_failed_import"] == "file"


@pytest.mark.parametrize(
    "method",
    [
        {"name": "web-download"},
        {"name": "glance-direct", "uri": "http://a/"},
        {"name": "odd"},
        {},
        {"name": "web-download", "uri": "ftp://a/"},
        {"name": "web-download", "uri": "file:///etc/passwd"},
        {"name": "web-download", "uri": "http://u:p@a/"},
        {"name": "web-download", "uri": "http://a:22/"},
        {"name": "web-download", "uri": "http://a:b/"},
        {"name": "web-download", "uri": "http://a/\r\nX: y"},
    ],
)
def test_bad_requests(service, method):
    image = service.image()
    assert start(service, image, **method).status_code == 400
    assert show(service, image)["status"] == "queued"


def test_a_task_makes_an_image(reaching, site):
    wish = {
        "import_from": f"{site}/image",
        "import_from_format": "raw",
        "image_properties": {"name": "t", "disk_format": "raw", "container_format": "bare", "visibility": "public"},
    }
    assert reaching.client.post("/v2/tasks", json={"type": "import", "input": wish}).status_code == 403
    for bad in (
        {"type": "odd", "input": wish},
        {"type": "import"},
        {"type": "import", "input": wish | {"x": "y"}},
        {"type": "import", "input": wish | {"import_from": "file:///etc/passwd"}},
    ):
        assert reaching.client.post("/v2/tasks", json=bad, as_=reaching.book.admin).status_code == 400
    made = reaching.client.post("/v2/tasks", json={"type": "import", "input": wish}, as_=reaching.book.admin)
    assert (made.status_code, made.json["status"], made.json["input"]) == (201, "processing", wish)
    reaching.drain()
    task = reaching.client.get(f"/v2/tasks/{made.json['id']}", as_=reaching.book.admin).json
    assert (task["status"], task["type"]) == ("success", "import")
    assert show(reaching, {"id": task["result"]["image_id"]})["status"] == "active"


def test_deleting_an_image_ends_its_import(reaching, site):
    image = reaching.image()
    start(reaching, image, name="web-download", uri=site + "/image")
    assert reaching.client.delete(f"/v2/images/{image['id']}").status_code == 204
    reaching.drain()
    assert reaching.stored() == []


class Import:
    """The world of `kill_at_every_step`."""

    def __init__(self, service: ImageFixture, method: dict[str, str]) -> None:
        self.service, self.runner, self.method = service, service.runner, method
        self.image = service.image()
        if method["name"] == "glance-direct":
            stage(service, self.image, CONTENT)

    def start(self) -> str:
        start(self.service, self.image, **self.method)
        (task,) = self.service.client.get(f"/v2/images/{self.image['id']}/tasks").json["tasks"]
        return task["id"]

    def done(self) -> None:
        self.service.drain()
        assert show(self.service, self.image)["status"] == "active"
        assert self.service.client.get(f"/v2/images/{self.image['id']}/file").data == CONTENT
        assert len(self.service.stored()) == 1

    def undone(self) -> None:
        self.service.drain()
        assert show(self.service, self.image)["status"] == "queued"
        assert self.service.stored() == []


@pytest.mark.parametrize("name", ["glance-direct", "web-download"])
def test_an_import_killed_at_every_step_ends_well(tmp_path_factory, site, name):
    @contextmanager
    def world() -> Iterator[Import]:
        directory = tmp_path_factory.mktemp("world")
        with image_service(directory, download_networks=("127.0.0.0/8",)) as service:
            uri = {} if name == "glance-direct" else {"uri": f"{site}/image"}
            yield Import(service, {"name": name, **uri})

    kill_at_every_step(import_image.FLOW, world)
