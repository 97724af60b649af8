"""Several stores: where data goes, how it is copied and taken away; the flow of copies is killed at every step."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pileus_image.config import Config
from pileus_image.core import blobs
from pileus_image.db.models import Blob
from pileus_image.drivers.fake import FakeStore
from pileus_image.drivers.file import FileStore
from pileus_image.drivers.store_specs import all_stores, default_store
from pileus_image.flows import copy_image, import_image
from pileus_image.testing import OCTETS, ImageFixture, image_service
from pileus_kit.testing import kill_at_every_step

CONTENT = b"an image's data" * 10_000
STORES = ("fast:file", "file:file", "cold:file")


@pytest.fixture
def several(tmp_path: Path) -> Iterator[ImageFixture]:
    with image_service(tmp_path, enabled_backends=STORES, default_store="file") as fixture:
        yield fixture


def start(service, image, name, as_=None, headers=None, **more):
    body = {"method": {"name": name}, **more}
    as_ = as_ or (service.book.admin if name == "copy-image" else None)
    return service.client.post(f"/v2/images/{image['id']}/import", json=body, as_=as_, headers=headers or {})


def imported(service, content=CONTENT, **more):
    image = service.image()
    assert service.upload(image, content, "stage").status_code == 204
    answer = start(service, image, "glance-direct", **more)
    assert answer.status_code == 202, answer.text
    service.drain()
    return service.show(image)


def copied(service, **more):
    """An active image, after a request to copy it to further stores."""
    image = service.image(content=CONTENT)
    assert start(service, image, "copy-image", **more).status_code == 202
    service.drain()
    return service.show(image)


def delete(service, image, store, as_=None):
    return service.client.delete(f"/v2/stores/{store}/{image['id']}", as_=as_ or service.book.admin)


def fill_up(service, *names):
    for name in names:
        service.tools.stores[name] = FakeStore(name, room=10)


def data_of(service, image):
    return service.client.get(f"/v2/images/{image['id']}/file").data


def progress(view):
    return view["os_glance_importing_to_stores"], view["os_glance_failed_import"]


def test_a_cloud_says_which_stores_it_has(several, tmp_path):
    stores = several.client.get("/v2/info/stores").json["stores"]
    assert [(store["id"], store.get("default")) for store in stores] == [
        ("fast", None),
        ("file", "true"),
        ("cold", None),
    ]
    detail = several.client.get("/v2/info/stores/detail", as_=several.book.admin).json["stores"]
    assert [store["properties"]["data_dir"] for store in detail] == [
        str(tmp_path / "image" / path) for path in ("stores/fast", "store", "stores/cold")
    ]
    assert {store["type"] for store in detail} == {"file"}
    methods = several.client.get("/v2/info/import").json["import-methods"]["value"]
    assert methods == ["glance-direct", "web-download", "copy-image"]
    made = several.client.post("/v2/images", json={"name": "a"})
    assert made.headers["OpenStack-image-store-ids"] == "fast,file,cold"
    assert "stores" not in made.json


def test_an_upload_goes_to_the_store_of_the_header_or_to_the_default_one(several):
    plain = several.image(content=CONTENT)
    image = several.image()
    headers = OCTETS | {"X-Image-Meta-Store": "cold"}
    assert several.upload(image, CONTENT, headers=OCTETS | {"X-Image-Meta-Store": "odd"}).status_code == 400
    assert several.upload(image, CONTENT, headers=headers).status_code == 204
    assert (plain["stores"], several.show(image)["stores"]) == ("file", "cold")
    listed = several.client.get("/v2/images").json["images"]
    assert {view["id"]: view["stores"] for view in listed} == {plain["id"]: "file", image["id"]: "cold"}
    assert data_of(several, image) == CONTENT
    assert several.client.delete(f"/v2/images/{image['id']}").status_code == 204
    several.drain()
    assert len(several.stored()) == 1


@pytest.mark.parametrize(
    ("more", "stores"),
    [
        ({}, "file"),
        ({"stores": ["cold"]}, "cold"),
        ({"headers": {"X-Image-Meta-Store": "fast"}}, "fast"),
        ({"stores": ["cold", "fast"], "headers": {"X-Image-Meta-Store": "file"}}, "cold,fast"),
        ({"all_stores": True}, "file,fast,cold"),
    ],
)
def test_an_import_goes_to_the_stores_that_are_asked_for(several, more, stores):
    view = imported(several, **more)
    assert (view["status"], view["stores"], *progress(view)) == ("active", stores, "", "")
    assert data_of(several, view) == CONTENT
    assert len(several.stored()) == len(stores.split(","))
    (task,) = several.client.get(f"/v2/images/{view['id']}/tasks").json["tasks"]
    assert sorted(task["input"]["backend"]) == sorted(stores.split(","))


def test_an_import_to_an_unknown_store_is_refused(several):
    image = several.image()
    several.upload(image, CONTENT, "stage")
    assert start(several, image, "glance-direct", stores=["file", "odd"]).status_code == 409
    assert start(several, image, "glance-direct", headers={"X-Image-Meta-Store": "odd"}).status_code == 409
    assert start(several, image, "glance-direct", stores=["file"], all_stores=True).status_code == 400
    assert several.show(image)["status"] == "uploading"


def test_a_store_that_fails_ends_the_whole_import(several):
    fill_up(several, "cold")
    view = imported(several, all_stores=True)
    assert (view["status"], *progress(view)) == ("queued", "", "fast,file,cold")
    assert several.stored() == []


def test_a_store_may_fail_if_not_all_have_to_succeed(several):
    fill_up(several, "fast")
    view = imported(several, all_stores=True, all_stores_must_succeed=False)
    assert (view["status"], view["stores"], *progress(view)) == ("active", "file,cold", "", "fast")
    fill_up(several, "cold")
    view = imported(several, stores=["fast", "cold"], all_stores_must_succeed=False)
    assert (view["status"], *progress(view)) == ("queued", "", "fast,cold")


def test_an_active_image_is_copied(several):
    view = copied(several, stores=["cold"])
    assert (view["status"], view["stores"], *progress(view)) == ("active", "file,cold", "", "")
    assert start(several, view, "copy-image", stores=["cold"]).status_code == 400, "it is there"
    assert start(several, view, "copy-image", all_stores=True).status_code == 202
    several.drain()
    assert several.show(view)["stores"] == "file,cold,fast"
    assert start(several, view, "copy-image", all_stores=True).status_code == 202, "nothing is left to do"
    tasks = several.client.get(f"/v2/images/{view['id']}/tasks").json["tasks"]
    assert [task["status"] for task in tasks] == ["success", "success"]
    usage = several.client.get("/v2/info/usage").json["usage"]["image_size_total"]["usage"]
    assert usage == 3 * len(CONTENT) // (1 << 20)


def test_a_copy_that_is_not_allowed_or_makes_no_sense_is_refused(several):
    queued, active = several.image(), several.image(content=CONTENT)
    assert start(several, active, "copy-image", as_=several.book.member, stores=["cold"]).status_code == 403
    assert start(several, active, "copy-image", as_=several.book.other, stores=["cold"]).status_code == 404
    assert start(several, queued, "copy-image", stores=["cold"]).status_code == 409
    assert start(several, active, "copy-image", stores=["odd"]).status_code == 409
    assert start(several, active, "copy-image").status_code == 400, "the default store has it"
    assert start(several, active, "copy-image", stores=["cold"]).status_code == 202
    assert start(several, active, "copy-image", stores=["fast"]).status_code == 409, "a copy is on its way"
    assert delete(several, active, "file").status_code == 409, "a copy is on its way"


def test_a_copy_that_fails_leaves_the_image_as_it_was(several):
    fill_up(several, "fast")
    view = copied(several, all_stores=True)
    assert (view["status"], view["stores"], *progress(view)) == ("active", "file", "", "fast,cold")
    assert len(several.stored()) == 1
    view = copied(several, all_stores=True, all_stores_must_succeed=False)
    assert (view["stores"], *progress(view)) == ("file,cold", "", "fast")


def test_a_quota_counts_each_copy(tmp_path):
    with image_service(tmp_path, enabled_backends=STORES, quota_mib=2) as service:
        image = service.image(content=bytes(900 << 10))
        assert start(service, image, "copy-image", stores=["cold"]).status_code == 202
        service.drain()
        assert start(service, image, "copy-image", stores=["file"]).status_code == 202
        service.drain()
        view = service.show(image)
        assert (view["stores"], *progress(view)) == ("fast,cold", "", "file")


def test_damaged_data_is_not_copied(several):
    image = several.image(content=CONTENT)
    (file,) = [path for path in several.tools.stores["file"].blobs.rglob("*") if path.is_file()]
    file.write_bytes(bytes(len(CONTENT)))
    start(several, image, "copy-image", stores=["cold"])
    several.drain()
    assert several.show(image)["os_glance_failed_import"] == "cold"
    assert len(several.stored()) == 1


def test_deleting_an_image_ends_its_copies(several):
    image = several.image(content=CONTENT)
    start(several, image, "copy-image", all_stores=True)
    assert several.client.delete(f"/v2/images/{image['id']}").status_code == 204
    several.drain()
    assert several.stored() == []


def test_data_is_deleted_from_one_store(several):
    view = copied(several, stores=["cold"])
    assert delete(several, view, "file", several.book.member).status_code == 403
    assert delete(several, view, "file", several.book.other).status_code == 404
    assert delete(several, view, "odd").status_code == 409
    assert delete(several, view, "fast").status_code == 404
    assert delete(several, {"id": "none"}, "file").status_code == 404
    assert delete(several, view, "file").status_code == 204
    assert several.show(view)["stores"] == "cold"
    assert data_of(several, view) == CONTENT
    assert delete(several, view, "cold").status_code == 403, "the last one"
    assert len(several.stored()) == 1
    assert delete(several, several.image(), "cold").status_code == 409


def test_another_store_answers_for_one_that_has_lost_its_data(several):
    view = copied(several, stores=["cold"])
    for path in several.tools.stores["file"].blobs.rglob("*"):
        if path.is_file():
            path.unlink()
    assert data_of(several, view) == CONTENT
    del several.tools.stores["cold"]
    assert several.client.get(f"/v2/images/{view['id']}/file").status_code == 404


def test_a_cloud_with_one_store_knows_nothing_of_several(service):
    image = service.image(content=CONTENT)
    assert delete(service, image, "file").status_code == 404
    assert start(service, image, "copy-image", stores=["file"]).status_code == 400


def test_images_of_one_store_are_there_when_others_come(tmp_path):
    """Blobs of a store that isn't configured any more are left alone, also those to be deleted."""
    config = Config(state=str(tmp_path))
    with image_service(tmp_path) as service:
        service.tools.stores["file"] = FileStore(all_stores(config)[0].path())
        image, gone = service.image(content=CONTENT), service.image(content=CONTENT)
        with service.sessions.begin() as session:
            for blob in session.query(Blob).where(Blob.image_id == gone["id"]):
                blob.store = "retired"
        new = Config(state=str(tmp_path), enabled_backends=("fast:file", "file:file"))
        service.tools.config = new
        service.tools.stores = {spec.name: FileStore(spec.path(), spec.name) for spec in all_stores(new)}
        assert service.show(image)["stores"] == "file" and data_of(service, image) == CONTENT
        assert service.client.get(f"/v2/images/{gone['id']}/file").status_code == 404
        assert service.client.delete(f"/v2/images/{gone['id']}").status_code == 204
        service.drain()
        with service.sessions.read() as session:
            assert blobs.has_orphans(session, 0.0)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"enabled_backends": ("fast",)}, "isn't NAME:DRIVER"),
        ({"enabled_backends": ("a,b:file",)}, "isn't NAME:DRIVER"),
        ({"enabled_backends": ("a:file", "a:file")}, "two stores called a"),
        ({"enabled_backends": ("a:file:here",)}, "must begin with /"),
        ({"enabled_backends": ("a:file",), "default_store": "b"}, "no store b"),
    ],
)
def test_stores_that_cannot_be_are_refused_at_the_start(options, why):
    with pytest.raises(ValueError, match=why):
        default_store(Config(**options))


def test_a_directory_of_a_store_may_be_anywhere(tmp_path):
    config = Config(state=str(tmp_path / "state"), enabled_backends=(f"big:file:{tmp_path / 'big'}",))
    with image_service(tmp_path / "state", enabled_backends=config.enabled_backends) as service:
        service.image(content=CONTENT)
    assert len([path for path in (tmp_path / "big" / "blobs").rglob("*") if path.is_file()]) == 1


class Copy:
    """The world of `kill_at_every_step`."""

    def __init__(self, service: ImageFixture) -> None:
        self.service, self.runner = service, service.runner
        self.image = service.image(content=CONTENT)

    def start(self) -> str:
        start(self.service, self.image, "copy-image", all_stores=True)
        (task,) = self.service.client.get(f"/v2/images/{self.image['id']}/tasks").json["tasks"]
        return task["id"]

    def done(self) -> None:
        self._expect("file,fast,cold")

    def undone(self) -> None:
        self._expect("file")

    def _expect(self, stores: str) -> None:
        self.service.drain()
        view = self.service.show(self.image)
        assert (view["status"], view["stores"]) == ("active", stores)
        assert data_of(self.service, self.image) == CONTENT
        assert len(self.service.stored()) == len(stores.split(","))


class Import(Copy):
    """An import to two stores, neither of which is the one that data is staged in."""

    def __init__(self, service: ImageFixture) -> None:
        self.service, self.runner = service, service.runner
        self.image = service.image()
        service.client.put(f"/v2/images/{self.image['id']}/stage", data=io.BytesIO(CONTENT), headers=OCTETS)

    def start(self) -> str:
        start(self.service, self.image, "glance-direct", stores=["fast", "cold"])
        (task,) = self.service.client.get(f"/v2/images/{self.image['id']}/tasks").json["tasks"]
        return task["id"]

    def done(self) -> None:
        self._expect("fast,cold")

    def undone(self) -> None:
        self.service.drain()
        assert self.service.show(self.image)["status"] == "queued"
        assert self.service.stored() == []


@pytest.mark.no_cover  # it runs the same lines again and again
@pytest.mark.parametrize(("flow", "kind"), [(copy_image.FLOW, Copy), (import_image.FLOW, Import)])
def test_copies_killed_at_every_step_end_well(tmp_path_factory, flow, kind):
    @contextmanager
    def world() -> Iterator[Copy]:
        with image_service(tmp_path_factory.mktemp("world"), enabled_backends=STORES, default_store="file") as service:
            yield kind(service)

    kill_at_every_step(flow, world)
