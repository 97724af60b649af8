"""The worker process: it is notified of imports, and deletes orphaned blobs."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pileus_image import app, policy
from pileus_image.config import Config
from pileus_image.core import blobs, uploads
from pileus_image.core.blob_leases import BlobLease
from pileus_image.core.imports import DOORBELL
from pileus_image.core.tools import Tools, make_tools
from pileus_image.daemons import blob_reaper
from pileus_image.db.models import Image
from pileus_image.drivers.fake import FakeStore
from pileus_image.errors import UploadLost
from pileus_image.testing import ImageFixture
from pileus_image.worker import Worker
from pileus_kit import doorbell
from pileus_kit.db import migrate
from pileus_kit.errors import DatabaseBusy
from pileus_kit.policy import Enforcer
from pileus_kit.rpc import Bus
from pileus_kit.testing import Client, TokenBook

PATIENCE_S = 60


def eventually(check: Callable[[], bool], why: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < deadline, why
        time.sleep(0.02)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = Config(state=str(tmp_path), bus="fake://", host="h1")
    (tmp_path / "image").mkdir()
    database = config.database_url("image")
    Path(database.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    migrate(database, "pileus_image")
    return config


def test_a_worker_runs_an_import_as_soon_as_it_is_notified(config: Config) -> None:
    worker, book = Worker(config), TokenBook()
    ring = Bus("fake://").client(doorbell.doorbell(DOORBELL)).ring  # type: ignore[attr-defined]
    tools = make_tools(config, ring)
    api = Client(app.create(tools, book, Enforcer(policy.RULES)), "image", as_=book.member)
    worker.start()
    try:
        body = {"name": "a", "disk_format": "raw", "container_format": "bare"}
        path = f"/v2/images/{api.post('/v2/images', json=body).json['id']}"
        octets = {"Content-Type": "application/octet-stream"}
        assert api.put(f"{path}/stage", data=b"staged", headers=octets).status_code == 204
        assert api.post(f"{path}/import", json={"method": {"name": "glance-direct"}}).status_code == 202
        eventually(lambda: api.get(path).json["status"] == "active", "the import was never run")
    finally:
        worker.stop()
        tools.sessions.dispose()


def test_a_worker_deletes_orphaned_blobs(service: ImageFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first deletion fails, as with a disk that is full: the thread goes on."""
    monkeypatch.setattr(blob_reaper, "INTERVAL_S", 0.01)
    image, failures = service.image(), [OSError("full")]
    with service.sessions.begin() as session:
        blob = blobs.create(session, session.get_one(Image, image["id"]), "upload", "file")
        blob.lease_until = 0.0
    service.store.writer(blob.id).write(b"half")
    delete = service.store.delete

    def fail_once(name: str) -> None:
        if failures:
            raise failures.pop()
        delete(name)

    monkeypatch.setattr(service.store, "delete", fail_once)
    reaper = blob_reaper.BlobReaper(service.tools)
    reaper.start()
    try:
        eventually(lambda: service.stored() == [], "the blob was never deleted")
    finally:
        reaper.stop()
    assert failures == [] and service.show(image)["status"] == "queued"


def test_a_lease_outlives_a_busy_database_and_ends_with_its_image(
    service: ImageFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = service.image()
    with service.sessions.begin() as session:
        blob = blobs.create(session, session.get_one(Image, image["id"]), "upload", "file")
    monkeypatch.setattr(blobs, "LEASE_S", 0.04)
    renewed, failures = threading.Event(), [DatabaseBusy(why="locked")]
    renew = blobs.renew_lease

    def busy_once(session: object, blob_id: str) -> None:
        if failures:
            raise failures.pop()
        renew(session, blob_id)  # type: ignore[arg-type]
        renewed.set()

    monkeypatch.setattr(blobs, "renew_lease", busy_once)
    with BlobLease(service.sessions, blob) as lease:
        assert renewed.wait(PATIENCE_S)
        lease.check()
        assert service.client.delete(f"/v2/images/{image['id']}").status_code == 204

        def is_lost() -> bool:
            try:
                lease.check()
            except UploadLost:
                return True
            return False

        eventually(is_lost, "the lease was never lost")


def test_the_store_of_the_configuration_takes_new_images(config: Config) -> None:
    tools: Tools = make_tools(config, lambda job_id: None)
    assert tools.store is tools.stores["file"]
    tools.sessions.dispose()


def test_data_goes_into_a_store_in_memory_as_well(service: ImageFixture) -> None:
    service.tools.stores["file"] = FakeStore(room=10)
    image = service.image(content=b"data")
    assert service.client.get(f"/v2/images/{image['id']}/file").data == b"data"
    assert service.upload(service.image(), b"12345678901").status_code == 413


def test_an_upload_to_an_image_that_is_gone_is_refused(service: ImageFixture) -> None:
    with pytest.raises(Exception, match="Failed to find image"):
        uploads.upload(service.tools, "none", lambda size: b"")
