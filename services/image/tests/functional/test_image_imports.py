"""Interoperable import of staged data and of URLs; its flow is killed at every step."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pileus_image.flows import import_image
from pileus_image.testing import OCTETS, ImageFixture, image_service
from pileus_kit.testing import kill_at_every_step

CONTENT = b"from the web" * 10_000


def start(service, image, **method):
    return service.client.post(f"/v2/images/{image['id']}/import", json={"method": method})


def stage(service, image, content=b"staged"):
    return service.client.put(f"/v2/images/{image['id']}/stage", data=io.BytesIO(content), headers=OCTETS)


def test_staged_data_is_imported(service):
    image = service.image()
    assert start(service, image, name="glance-direct").status_code == 409
    assert stage(service, image).status_code == 204
    assert service.show(image)["status"] == "uploading"
    assert service.client.get(f"/v2/images/{image['id']}/file").status_code == 204, "staged is not stored"
    accepted = start(service, image, name="glance-direct")
    assert accepted.status_code == 202
    assert service.show(image)["status"] == "importing"
    service.drain()
    view = service.show(image)
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
    assert reaching.show(image)["status"] == "active"
    assert reaching.client.get(f"/v2/images/{image['id']}/file").data == CONTENT


@pytest.mark.parametrize("path", ["/none", "/short"])
def test_a_failed_import_leaves_a_queued_image_that_names_its_store(reaching, site, path):
    image = reaching.image()
    start(reaching, image, name="web-download", uri=site + path)
    reaching.drain()
    view = reaching.show(image)
    assert (view["status"], view["os_glance_failed_import"], view["os_glance_importing_to_stores"]) == (
        "queued",
        "file",
        "",
    )
    assert reaching.stored() == []
    (task,) = reaching.client.get(f"/v2/images/{image['id']}/tasks").json["tasks"]
    assert task["status"] == "failure" and task["message"]


def test_inner_addresses_are_not_downloaded_from(service, site):
    image = service.image()
    assert start(service, image, name="web-download", uri=site + "/image").status_code == 400, "an odd port"
    start(service, image, name="web-download", uri="http://127.0.0.1/image")
    service.drain()
    assert service.show(image)["os_glance_failed_import"] == "file"


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
def test_an_import_that_cannot_be_is_refused(service, method):
    image = service.image()
    assert start(service, image, **method).status_code == 400
    assert service.show(image)["status"] == "queued"


def test_deleting_an_image_ends_its_import(reaching, site):
    image = reaching.image()
    start(reaching, image, name="web-download", uri=site + "/image")
    assert reaching.client.delete(f"/v2/images/{image['id']}").status_code == 204
    reaching.drain()
    assert reaching.stored() == []


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"stores": ["file"]}, 202),
        ({"all_stores": True}, 202),
        ({"all_stores": True, "stores": ["file"]}, 400),
        ({"stores": ["elsewhere"]}, 409),
        ({"stores": []}, 400),
        ({"odd": 1}, 400),
    ],
)
def test_an_import_goes_to_the_only_store(service, more, status):
    image = service.image()
    stage(service, image)
    body = {"method": {"name": "glance-direct"}} | more
    assert service.client.post(f"/v2/images/{image['id']}/import", json=body).status_code == status


def test_an_import_needs_formats_and_an_image_of_the_own_project(service):
    image = service.image(disk_format=None)
    assert start(service, image, name="web-download", uri="http://a/").status_code == 400
    assert stage(service, image).status_code == 400
    body = {"method": {"name": "glance-direct"}}
    path = f"/v2/images/{service.image()['id']}"
    assert service.client.post(f"{path}/import", json=body, as_=service.book.other).status_code == 404
    assert service.client.post(f"{path}/import", json=body, as_=service.book.reader).status_code == 403
    assert service.client.get(f"{path}/tasks", as_=service.book.other).status_code == 404


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
        assert self.service.show(self.image)["status"] == "active"
        assert self.service.client.get(f"/v2/images/{self.image['id']}/file").data == CONTENT
        assert len(self.service.stored()) == 1

    def undone(self) -> None:
        self.service.drain()
        assert self.service.show(self.image)["status"] == "queued"
        assert self.service.stored() == []


@pytest.mark.no_cover  # it runs the same lines again and again
@pytest.mark.parametrize("name", ["glance-direct", "web-download"])
def test_an_import_killed_at_every_step_ends_well(tmp_path_factory, site, name):
    @contextmanager
    def world() -> Iterator[Import]:
        directory = tmp_path_factory.mktemp("world")
        with image_service(directory, download_networks=("127.0.0.0/8",)) as service:
            uri = {} if name == "glance-direct" else {"uri": f"{site}/image"}
            yield Import(service, {"name": name, **uri})

    kill_at_every_step(import_image.FLOW, world)
