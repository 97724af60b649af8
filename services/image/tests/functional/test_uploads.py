"""Uploads that die, break or are overtaken: their images wait for data again, and the store keeps nothing."""

import io
import time

from sqlalchemy import select, update

from pileus_image.core import blobs, orphaned_blobs
from pileus_image.db.models import Blob, Image
from pileus_image.testing import OCTETS


def test_a_dead_upload_is_taken_over_or_swept(service):
    image = service.image()
    with service.sessions.begin() as session:
        blob = blobs.create(session, session.get(Image, image["id"]), "upload", "file")
    writer = service.store.writer(blob.id)
    writer.write(b"half")
    assert service.upload(image, b"x").status_code == 409, "while the other one lives"
    with service.sessions.begin() as session:
        session.execute(update(Blob).values(lease_until=0.0))
    assert service.upload(image, b"whole").status_code == 204
    assert service.client.get(f"/v2/images/{image['id']}/file").data == b"whole"
    orphaned_blobs.delete_orphans(service.tools)
    assert len(service.stored()) == 1


def test_a_dead_upload_leaves_a_queued_image(service):
    image = service.image()
    with service.sessions.begin() as session:
        blob = blobs.create(session, session.get(Image, image["id"]), "upload", "file")
        blob.lease_until = time.time() - 1
    service.store.writer(blob.id).write(b"half")
    assert orphaned_blobs.delete_orphans(service.tools) == 1
    service.assert_nothing_kept(image)


def test_a_slow_upload_keeps_its_lease(service, monkeypatch):
    monkeypatch.setattr(blobs, "LEASE_S", 0.2)
    image, leases = service.image(), []

    class Slow(io.BytesIO):
        def read(self, size=-1):
            with service.sessions.read() as session:
                before = session.scalar(select(Blob.lease_until))
            while not leases or leases[-1] == before:  # until the other thread has renewed it
                with service.sessions.read() as session:
                    leases.append(session.scalar(select(Blob.lease_until)))
            return super().read(1)

    answer = service.client.put(
        f"/v2/images/{image['id']}/file",
        input_stream=Slow(b"data"),
        headers=OCTETS,
        environ_overrides={"CONTENT_LENGTH": "4"},
    )
    assert answer.status_code == 204 and len(set(leases)) >= 4
    assert service.client.get(f"/v2/images/{image['id']}/file").data == b"data"


def test_a_connection_that_breaks(service):
    image = service.image()

    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise ConnectionResetError("reset by peer")

    answer = service.client.put(
        f"/v2/images/{image['id']}/file",
        input_stream=Broken(),
        headers=OCTETS,
        environ_overrides={"CONTENT_LENGTH": "4"},
    )
    assert answer.status_code == 400 and "reset by peer" in answer.text
    service.assert_nothing_kept(image)


def test_an_image_deleted_during_its_upload(service):
    image = service.image()

    class Deleting(io.BytesIO):
        def read(self, size=-1):
            service.client.delete(f"/v2/images/{image['id']}")
            return super().read(size)

    answer = service.client.put(
        f"/v2/images/{image['id']}/file",
        input_stream=Deleting(b"data"),
        headers=OCTETS,
        environ_overrides={"CONTENT_LENGTH": "4"},
    )
    assert answer.status_code == 410
    assert service.stored() == []
