"""Images of each format, made by qemu-img: the inspector takes them, and imports convert them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pileus_image.testing import image_service

pytestmark = pytest.mark.skipif(not (shutil.which("qemu-img") and shutil.which("bwrap")), reason="needs qemu-utils")
MIB = 1 << 20
DISK = b"\xeb\xfe a guest's disk" * 4000 + bytes(16 * MIB - 17 * 4000)
FORMATS = {  # OpenStack's name: QEMU's, and its options
    "raw": ("raw", ()),
    "qcow2": ("qcow2", ()),
    "qcow2 compressed": ("qcow2", ("-c",)),
    "qcow2 of old": ("qcow2", ("-o", "compat=0.10")),
    "vhd": ("vpc", ("-o", "subformat=dynamic,force_size=on")),
    "vhd fixed": ("vpc", ("-o", "subformat=fixed,force_size=on")),
    "vhdx": ("vhdx", ()),
    "vmdk": ("vmdk", ()),
    "vmdk streamed": ("vmdk", ("-o", "subformat=streamOptimized")),
    "vdi": ("vdi", ()),
}


def qemu_img(directory: Path, *words: str) -> None:
    subprocess.run(["qemu-img", *words], check=True, cwd=directory)


@pytest.mark.parametrize("output", ["raw", "qcow2", "vmdk"])
@pytest.mark.parametrize("kind", FORMATS)
def test_an_image_of_each_format_is_imported_and_converted(tmp_path: Path, kind: str, output: str) -> None:
    (tmp_path / "disk").write_bytes(DISK)
    name, options = FORMATS[kind]
    qemu_img(tmp_path, "convert", "-f", "raw", "-O", name, *options, "disk", "image")
    disk_format = kind.split()[0]
    with image_service(tmp_path / "service", output_format=output) as service:
        image = service.image(disk_format=disk_format)
        assert service.upload(image, (tmp_path / "image").read_bytes(), "stage").status_code == 204
        body = {"method": {"name": "glance-direct"}}
        assert service.client.post(f"/v2/images/{image['id']}/import", json=body).status_code == 202
        service.drain()
        view = service.show(image)
        tasks = service.client.get(f"/v2/images/{image['id']}/tasks").json["tasks"]
        assert (view["status"], view["disk_format"]) == ("active", output), tasks
        (tmp_path / "result").write_bytes(service.client.get(f"/v2/images/{image['id']}/file").data)
    qemu_img(tmp_path, "convert", "-f", output, "-O", "raw", "result", "seen")
    seen = (tmp_path / "seen").read_bytes()
    assert seen[: len(DISK)] == DISK and not any(seen[len(DISK) :])


def test_an_iso_is_imported_and_stays_one(tmp_path: Path) -> None:
    if shutil.which("genisoimage") is None:
        pytest.skip("needs genisoimage")
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "file").write_bytes(b"on the CD")
    subprocess.run(["genisoimage", "-quiet", "-o", "image.iso", "content"], check=True, cwd=tmp_path)
    with image_service(tmp_path / "service", output_format="qcow2") as service:
        image = service.image(disk_format="iso")
        content = (tmp_path / "image.iso").read_bytes()
        assert service.upload(image, content, "stage").status_code == 204
        service.client.post(f"/v2/images/{image['id']}/import", json={"method": {"name": "glance-direct"}})
        service.drain()
        view = service.show(image)
        assert (view["status"], view["disk_format"], view["size"]) == ("active", "iso", len(content))
