"""Imports are converted to the format that the operator wants; the flow is killed at every step."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pileus_image.config import Config
from pileus_image.core import image_conversion
from pileus_image.core.tools import make_tools
from pileus_image.drivers.fake import FakeStore
from pileus_image.flows import import_image
from pileus_image.testing import ImageFixture, image_service
from pileus_kit.testing import kill_at_every_step

pytestmark = pytest.mark.skipif(not (shutil.which("qemu-img") and shutil.which("bwrap")), reason="needs qemu-utils")
MIB = 1 << 20
DISK = b"a guest's disk" * 5000 + bytes(8 * MIB - 14 * 5000)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ImageFixture]:
    with image_service(tmp_path, output_format="qcow2") as fixture:
        yield fixture


def imported(service, content=DISK, **attributes):
    image = service.image(**attributes)
    assert service.upload(image, content, "stage").status_code == 204
    body = {"method": {"name": "glance-direct"}}
    assert service.client.post(f"/v2/images/{image['id']}/import", json=body).status_code == 202
    service.drain()
    assert not list(Path(service.tools.config.state, "image", "conversion").rglob("*"))
    return service.show(image)


def content_of(service, image, directory):
    """What a guest sees of the image."""
    answer = service.client.get(f"/v2/images/{image['id']}/file")
    (directory / "result").write_bytes(answer.data)
    command = ["qemu-img", "convert", "-f", image["disk_format"], "-O", "raw", "result", "seen"]
    subprocess.run(command, check=True, cwd=directory)
    return (directory / "seen").read_bytes()


def test_an_import_is_converted(service, tmp_path):
    view = imported(service)
    assert (view["status"], view["disk_format"], view["virtual_size"]) == ("active", "qcow2", len(DISK))
    assert view["size"] < len(DISK)
    assert content_of(service, view, tmp_path) == DISK
    assert len(service.stored()) == 1


def test_what_has_the_format_already_or_is_no_disk_stays_as_it_is(service):
    disk = imported(service)
    data = service.client.get(f"/v2/images/{disk['id']}/file").data
    for attributes in ({"disk_format": "qcow2"}, {"disk_format": "raw", "container_format": "ova"}):
        view = imported(service, data, **attributes)
        assert (view["disk_format"], view["size"]) == (attributes["disk_format"], len(data))
    assert service.image(content=DISK)["disk_format"] == "raw", "an upload isn't an import"


def test_a_converted_import_goes_to_several_stores_and_from_stores_without_files(tmp_path):
    with image_service(tmp_path, output_format="qcow2", enabled_backends=("memory:fake", "cold:file")) as service:
        service.tools.stores["memory"] = FakeStore("memory")
        image = service.image()
        service.upload(image, DISK, "stage")
        body = {"method": {"name": "glance-direct"}, "all_stores": True}
        assert service.client.post(f"/v2/images/{image['id']}/import", json=body).status_code == 202
        service.drain()
        view = service.show(image)
        assert (view["disk_format"], view["stores"]) == ("qcow2", "memory,cold")
        assert content_of(service, view, tmp_path) == DISK


@pytest.mark.parametrize("options", [{"largest_image": 4 * MIB}, {"quota_mib": 4}])
def test_a_raw_disk_that_would_be_too_large_is_refused(tmp_path, options):
    """The qcow2 is small enough, and its disk isn't."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "empty", str(8 * MIB)], check=True, cwd=tmp_path)
    with image_service(tmp_path / "service", output_format="raw", **options) as service:
        view = imported(service, (tmp_path / "empty").read_bytes(), disk_format="qcow2")
        assert (view["status"], view["disk_format"], view["os_glance_failed_import"]) == ("queued", "qcow2", "file")
        assert service.stored() == []


def test_without_room_for_the_result_nothing_is_written(service, monkeypatch):
    monkeypatch.setattr(image_conversion, "room_of", lambda directory: MIB)
    view = imported(service)
    assert (view["status"], view["disk_format"]) == ("queued", "raw")
    assert service.stored() == []


def test_a_disk_that_qemu_cannot_read_is_refused(tmp_path):
    """The inspector has seen it whole before, and the store damages it."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "empty", str(8 * MIB)], check=True, cwd=tmp_path)
    with image_service(tmp_path / "service", output_format="raw") as service:
        image = service.image(disk_format="qcow2")
        service.upload(image, (tmp_path / "empty").read_bytes(), "stage")
        (staged,) = [path for path in service.store.blobs.rglob("*") if path.is_file()]
        staged.write_bytes(b"damaged" * 1000)
        service.client.post(f"/v2/images/{image['id']}/import", json={"method": {"name": "glance-direct"}})
        service.drain()
        (task,) = service.client.get(f"/v2/images/{image['id']}/tasks").json["tasks"]
        assert task["status"] == "failure" and "can't be converted from qcow2 to raw" in task["message"]
        assert str(tmp_path) not in task["message"]
        assert (service.show(image)["status"], service.stored()) == ("queued", [])


def test_an_odd_output_format_is_refused_at_the_start(tmp_path):
    with pytest.raises(ValueError, match="none of raw, qcow2, vmdk"):
        make_tools(Config(state=str(tmp_path), output_format="vdi"), lambda job_id: None)


class Import:
    """The world of `kill_at_every_step`."""

    def __init__(self, service: ImageFixture, directory: Path) -> None:
        self.service, self.runner, self.directory = service, service.runner, directory
        self.image = service.image()
        service.upload(self.image, DISK, "stage")

    def start(self) -> str:
        body = {"method": {"name": "glance-direct"}}
        self.service.client.post(f"/v2/images/{self.image['id']}/import", json=body)
        (task,) = self.service.client.get(f"/v2/images/{self.image['id']}/tasks").json["tasks"]
        return task["id"]

    def done(self) -> None:
        self.service.drain()
        view = self.service.show(self.image)
        assert (view["status"], view["disk_format"]) == ("active", "qcow2")
        assert content_of(self.service, view, self.directory) == DISK
        assert len(self.service.stored()) == 1
        self._nothing_is_left()

    def undone(self) -> None:
        self.service.drain()
        view = self.service.show(self.image)
        assert (view["status"], view["disk_format"]) == ("queued", "raw")
        assert self.service.stored() == []
        self._nothing_is_left()

    def _nothing_is_left(self) -> None:
        assert not list(Path(self.service.tools.config.state, "image", "conversion").rglob("*"))


@pytest.mark.no_cover  # it runs the same lines again and again
def test_a_conversion_killed_at_every_step_ends_well(tmp_path_factory):
    @contextmanager
    def world() -> Iterator[Import]:
        directory = tmp_path_factory.mktemp("world")
        with image_service(directory, output_format="qcow2") as service:
            yield Import(service, directory)

    kill_at_every_step(import_image.FLOW, world)
