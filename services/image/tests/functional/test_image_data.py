"""Upload and download of image data; nothing is left of what fails."""

import hashlib
import io
import subprocess

import pytest

from pileus_image.testing import OCTETS, image_service

MIB = 1 << 20


def qemu(path, *options):
    subprocess.run(["qemu-img", "create", "-q", *options, str(path), "10M"], check=True)
    return path.read_bytes()


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


def test_an_upload_that_is_refused_leaves_nothing(service):
    image = service.image()
    assert service.client.get(f"/v2/images/{image['id']}/file").status_code == 204
    assert service.upload(image, b"x", headers={"Content-Type": "text/plain"}).status_code == 415
    assert service.upload(image, b"x", headers=OCTETS | {"X-Image-Meta-Store": "none"}).status_code == 400
    assert service.upload(image, b"x", headers=OCTETS | {"X-OpenStack-Image-Size": "2"}).status_code == 400
    assert service.upload(image, b"x", headers=OCTETS | {"X-OpenStack-Image-Size": "9" * 5000}).status_code == 413
    assert service.upload(image, b"x", as_=service.book.reader).status_code == 403
    assert service.upload(image, b"x", as_=service.book.other).status_code == 404
    service.assert_nothing_kept(image)
    assert service.upload(image, b"x").status_code == 204
    assert service.upload(image, b"x").status_code == 409
    bare = service.image(disk_format=None)
    assert service.upload(bare, b"x").status_code == 400


def test_a_client_that_goes_away_leaves_nothing(service):
    image = service.image()
    answer = service.client.put(
        f"/v2/images/{image['id']}/file",
        input_stream=io.BytesIO(b"123"),
        headers=OCTETS,
        environ_overrides={"CONTENT_LENGTH": "10"},
    )
    assert answer.status_code == 400
    service.assert_nothing_kept(image)


def test_an_image_may_not_be_too_large(tmp_path):
    with image_service(tmp_path, largest_image=MIB, quota_mib=1, quota_images=2) as service:
        image = service.image()
        assert service.upload(image, bytes(MIB + 1)).status_code == 413
        service.assert_nothing_kept(image)
        assert service.upload(image, bytes(MIB // 2 + 1)).status_code == 204
        assert service.upload(service.image(), bytes(MIB // 2)).status_code == 413
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
    answer = service.upload(image, content)
    assert answer.status_code == 400 and why in answer.text, answer.text
    service.assert_nothing_kept(image)


def test_a_bomb_is_refused(service, tmp_path):
    path = tmp_path / "bomb"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "17T"], check=True)
    image = service.image(disk_format="qcow2")
    assert "most" in service.upload(image, path.read_bytes()).text
    service.assert_nothing_kept(image)
