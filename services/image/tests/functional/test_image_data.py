"""Image data: upload, download, stage and import, tickets; nothing is left of what fails."""

import hashlib
import io
import subprocess
import time

import pytest
from sqlalchemy import select, update

from pileus_image.core import blobs, orphaned_blobs
from pileus_image.db.models import Blob, Image
from pileus_image.testing import OCTETS, image_service

MIB = 1 << 20


def put(service, image, content, what="file", headers=OCTETS, as_=None):
    return service.client.put(f"/v2/images/{image['id']}/{what}", data=io.BytesIO(content), headers=headers, as_=as_)


def show(service, image):
    return service.client.get(f"/v2/images/{image['id']}").json


def qemu(path, *options):
    subprocess.run(["qemu-img", "create", "-q", *options, str(path), "10M"], check=True)
    return path.read_bytes()


def assert_nothing_kept(service, image):
    view = show(service, image)
    assert (view["status"], view["size"], view["checksum"]) == ("queued", None, None)
    assert service.stored() == []


def test_data_comes_back_with_its_hashes(service):
    content = bytes(range(256)) * 8192  # 2 MiB: several chunks
    image = service.image(content=content)
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", 2 * MIB, 2 * MIB)
    assert image["checksum"] == hashlib.md5(content).hexdigest()
    assert (image["os_hash_algo"], image["os_hash_value"]) == ("sha512", hashlib.sha512(content).hexdigest())
    assert image["stores"] == "file"
    got = service.client.get(f"/v2/images/{image['id']}/file")
    assert got.data == content
    assert got.headers["Content-Length"] == str(2 * MIB) and got.headers["Content-MD5"] == image["checksum"]


@pytest.mark.parametrize(
    ("wanted", "status", "content"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=0-99", 200, b"0123456789"),
        ("bytes=10-", 416, None),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=x", 200, b"0123456789"),
    ],
)
def test_ranges(service, wanted, status, content):
    image = service.image(content=b"0123456789")
    got = service.client.get(f"/v2/images/{image['id']}/file", headers={"Range": wanted})
    assert got.status_code == status
    if content is not None:
        assert got.data == content and got.headers["Content-Length"] == str(len(content))
    if status == 206:
        assert got.headers["Content-Range"].endswith("/10")


def test_upload_rules(service):
    image = service.image()
    assert service.client.get(f"/v2/images/{image['id']}/file").status_code == 204
    assert put(service, image, b"x", headers={"Content-Type": "text/plain"}).status_code == 415
    assert put(service, image, b"x", headers=OCTETS | {"X-Image-Meta-Store": "none"}).status_code == 400
    assert put(service, image, b"x", headers=OCTETS | {"X-OpenStack-Image-Size": "2"}).status_code == 400
    assert put(service, image, b"x", headers=OCTETS | {"X-OpenStack-Image-Size": "9" * 5000}).status_code == 413
    assert put(service, image, b"x", as_=service.book.reader).status_code == 403
    assert put(service, image, b"x", as_=service.book.other).status_code == 404
    assert_nothing_kept(service, image)
    assert put(service, image, b"x").status_code == 204
    assert put(service, image, b"x").status_code == 409
    bare = service.image(disk_format=None)
    assert put(service, bare, b"x").status_code == 400


def test_a_client_that_goes_away_leaves_nothing(service):
    image = service.image()
    answer = service.client.put(
        f"/v2/images/{image['id']}/file",
        input_stream=io.BytesIO(b"123"),
        headers=OCTETS,
        environ_overrides={"CONTENT_LENGTH": "10"},
    )
    assert answer.status_code == 400
    assert_nothing_kept(service, image)


def test_an_image_may_not_be_too_large(tmp_path):
    with image_service(tmp_path, largest_image=MIB, quota_mib=1, quota_images=2) as service:
        image = service.image()
        assert put(service, image, bytes(MIB + 1)).status_code == 413
        assert_nothing_kept(service, image)
        assert put(service, image, bytes(MIB // 2 + 1)).status_code == 204
        assert put(service, service.image(), bytes(MIB // 2)).status_code == 413
        assert service.client.post("/v2/images", json={}).status_code == 413


@pytest.mark.parametrize("kind", ["raw", "qcow2", "vmdk", "vdi", "vhdx"])
def test_formats_are_recognised(service, tmp_path, kind):
    content = qemu(tmp_path / "disk", "-f", kind)
    image = service.image(content=content, disk_format=kind)
    assert image["virtual_size"] == 10 * MIB
    assert service.client.get(f"/v2/images/{image['id']}/file").data == content


@pytest.mark.parametrize(
    ("declared", "options", "why"),
    [
        ("qcow2", ["-f", "raw"], "raw"),
        ("raw", ["-f", "qcow2"], "qcow2"),
        ("vmdk", ["-f", "qcow2"], "qcow2"),
        ("iso", ["-f", "raw"], "raw"),
        ("vhd", ["-f", "vhdx"], "vhdx"),
        ("qcow2", ["-f", "qcow2", "-b", "base", "-F", "raw"], "backing file"),
        ("qcow2", ["-f", "qcow2", "-o", "data_file=data"], "data file"),
        ("vmdk", ["-f", "vmdk", "-o", "subformat=monolithicFlat"], "other files"),
    ],
)
def test_a_wrong_image_is_refused_and_says_why(service, tmp_path, monkeypatch, declared, options, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").write_bytes(bytes(10 * MIB))
    content = qemu(tmp_path / "disk", *options)
    image = service.image(disk_format=declared)
    answer = put(service, image, content)
    assert answer.status_code == 400 and why in answer.text, answer.text
    assert_nothing_kept(service, image)


def test_a_bomb_is_refused(service, tmp_path):
    path = tmp_path / "bomb"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "17T"], check=True)
    image = service.image(disk_format="qcow2")
    assert "most" in put(service, image, path.read_bytes()).text
    assert_nothing_kept(service, image)


def test_deactivated_data_is_out_of_reach(service):
    image = service.image(content=b"data", visibility="private")
    assert service.client.post(f"/v2/images/{image['id']}/actions/deactivate").status_code == 204
    assert show(service, image)["status"] == "deactivated"
    assert service.client.get(f"/v2/images/{image['id']}/file").status_code == 403
    assert service.client.get(f"/v2/images/{image['id']}/file", as_=service.book.admin).data == b"data"
    assert service.client.post(f"/v2/images/{image['id']}/actions/reactivate").status_code == 204
    assert service.client.get(f"/v2/images/{image['id']}/file").data == b"data"
    assert service.client.post(f"/v2/images/{service.image()['id']}/actions/deactivate").status_code == 403


def test_deleting_an_image_deletes_its_data(service):
    image = service.image(content=b"data")
    assert len(service.stored()) == 1
    assert service.client.delete(f"/v2/images/{image['id']}").status_code == 204
    assert service.stored() == []


def test_a_dead_upload_is_taken_over_or_swept(service):
    image = service.image()
    with service.sessions.begin() as session:
        blob = blobs.create(session, session.get(Image, image["id"]), "upload", "file")
    writer = service.store.writer(blob.id)
    writer.write(b"half")
    assert put(service, image, b"x").status_code == 409, "while the other one lives"
    with service.sessions.begin() as session:
        session.execute(update(Blob).values(lease_until=0.0))
    assert put(service, image, b"whole").status_code == 204
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
    assert_nothing_kept(service, image)


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
    assert_nothing_kept(service, image)


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


# -- tickets


def ticket(service, image, action, **more):
    body = {"image_id": image["id"], "action": action} | more
    return service.client.post("/v2/tickets", json=body, as_=service.book.service)


def test_a_read_ticket_opens_one_image(service):
    image, other = service.image(content=b"data", visibility="private"), service.image(content=b"none")
    given = ticket(service, image, "read").json
    url = given["url"].removeprefix("http://localhost")
    got = service.client.get(url, anonymous=True, headers={"X-Image-Ticket": given["ticket"]})
    assert got.data == b"data"
    assert (got.headers["X-Image-Format"], got.headers["Content-Length"]) == ("raw", "4")
    assert got.headers["X-Image-Sha256"] == hashlib.sha256(b"data").hexdigest() == given["sha256"]
    for path, token in (
        (f"/v2/data/{other['id']}", given["ticket"]),
        (url, given["ticket"][:-1] + "x"),
        (url, ""),
        (url, "x.y"),
        (url, "\u00e9.a"),
    ):
        refused = service.client.get(path, anonymous=True, headers={"X-Image-Ticket": token})
        assert refused.status_code == 401, token
    assert service.client.put(url, anonymous=True, headers={"X-Image-Ticket": given["ticket"]}).status_code == 401


def test_a_write_ticket_fills_a_queued_image(service):
    image = service.image()
    given = ticket(service, image, "write", seconds=60).json
    headers = OCTETS | {"X-Image-Ticket": given["ticket"]}
    url = given["url"].removeprefix("http://localhost")
    assert service.client.put(url, data=b"snapshot", anonymous=True, headers=headers).status_code == 204
    assert show(service, image)["size"] == 8
    assert service.client.put(url, data=b"again", anonymous=True, headers=headers).status_code == 409


def test_a_host_that_tries_again_ends_its_first_try(service):
    image = service.image()
    with service.sessions.begin() as session:
        blobs.create(session, session.get(Image, image["id"]), "upload", "file")
    assert put(service, image, b"x").status_code == 409, "a user's upload waits its turn"
    given = ticket(service, image, "write").json
    headers = OCTETS | {"X-Image-Ticket": given["ticket"]}
    path = f"/v2/data/{image['id']}"
    assert service.client.put(path, data=b"again", anonymous=True, headers=headers).status_code == 204
    assert show(service, image)["size"] == 5
    service.drain()
    assert len(service.stored()) == 1


def test_tickets_are_for_services_and_end(service, monkeypatch):
    image = service.image(content=b"data")
    body = {"image_id": image["id"], "action": "read"}
    assert service.client.post("/v2/tickets", json=body).status_code == 403
    assert ticket(service, image, "write").status_code == 409
    assert ticket(service, service.image(), "read").status_code == 409
    assert ticket(service, image, "odd").status_code == 400
    assert ticket(service, {"id": "0" * 8 + "-0000-0000-0000-" + "0" * 12}, "read").status_code == 404
    given = ticket(service, image, "read", seconds=1).json
    later = time.time() + 2
    monkeypatch.setattr("time.time", lambda: later)
    assert (
        service.client.get(
            f"/v2/data/{image['id']}", anonymous=True, headers={"X-Image-Ticket": given["ticket"]}
        ).status_code
        == 401
    )
