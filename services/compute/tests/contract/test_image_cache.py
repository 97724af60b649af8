"""Images on a host: each is fetched once, and used only after its bytes were inspected."""

import hashlib
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pileus_compute.drivers.qemu.image_cache import ImageCache
from pileus_compute.errors import DiskTooSmall, HypervisorFailed, ImageUnreachable, ImageUnusable
from pileus_kit.testing.hostile_images import Builder

MIB = 1 << 20


@pytest.fixture
def images(tmp_path):
    return ImageCache(tmp_path / "cache")


def made(image_server, tmp_path, name, format, *options, declared=None, size="10M"):
    path = tmp_path / name
    subprocess.run(["qemu-img", "create", "-q", "-f", format, *options, str(path), size], check=True)
    return image_server.put(name, path.read_bytes(), declared or format)


def left(images):
    return sorted(p.name for p in images.directory.iterdir() if p.suffix != ".lock")


@pytest.mark.parametrize("format", ["raw", "qcow2"])
def test_an_image_is_fetched_once_by_many(images, image_server, tmp_path, format):
    image = made(image_server, tmp_path, f"once-{format}", format)
    with ThreadPoolExecutor(4) as pool:
        bases = set(pool.map(images.base, [image] * 8))
    (base,) = bases
    assert (base.format, base.virtual_size) == (format, 10 * MIB)
    assert image_server.fetched.count(f"/once-{format}") == 1


@pytest.mark.parametrize(("format", "declared"), [("vmdk", "vmdk"), ("vdi", "vdi"), ("vhdx", "vhdx"), ("vpc", "vhd")])
def test_other_formats_become_qcow2(images, image_server, tmp_path, format, declared):
    base = images.base(made(image_server, tmp_path, f"other-{format}", format, declared=declared))
    assert base.format == "qcow2" and base.virtual_size >= 10 * MIB


@pytest.mark.parametrize(
    ("format", "declared"),
    [
        ("qcow2", "raw"),
        ("raw", "qcow2"),
        ("vmdk", "raw"),
        ("raw", "vhd"),
        ("qcow2", "aki"),
        ("raw", "iso"),
        ("raw", "nonsense"),
    ],
)
def test_a_wrong_declaration_is_refused(images, image_server, tmp_path, format, declared):
    image = made(image_server, tmp_path, f"wrong-{format}-{declared}", format, declared=declared)
    with pytest.raises(ImageUnusable):
        images.base(image)
    assert left(images) == []


def test_a_backing_file_is_refused(images, image_server, tmp_path):
    with pytest.raises(ImageUnusable, match="backing file"):
        images.base(made(image_server, tmp_path, "backed", "qcow2", "-b", "/etc/passwd", "-F", "raw", "-u"))


def test_a_data_file_is_refused(images, image_server, tmp_path):
    option = f"data_file={tmp_path / 'data'}"
    with pytest.raises(ImageUnusable, match="data file"):
        images.base(made(image_server, tmp_path, "split", "qcow2", "-o", option))


def test_bytes_that_are_not_the_announced_ones(images, image_server):
    image = image_server.put("bytes", b"x" * 1000, "raw")
    for lie, error in (
        (replace(image, sha256=hashlib.sha256(b"y").hexdigest()), ImageUnusable),
        (replace(image, size=999), ImageUnusable),
        (replace(image, size=1001), ImageUnreachable),
        (replace(image, virtual_size=10), ImageUnusable),
    ):
        with pytest.raises(error):
            images.base(lie)
    assert left(images) == []


def test_an_image_service_without_the_image_or_without_an_answer(images, image_server):
    image = image_server.put("there", b"x" * 512, "raw")
    with pytest.raises(ImageUnusable, match="doesn't have it"):
        images.base(replace(image, ticket="forged"))
    with pytest.raises(ImageUnreachable):
        images.base(replace(image, url="http://127.0.0.1:9/there"))
    assert images.base(image).virtual_size == 512


def test_a_full_disk_leaves_no_half_image(images, image_server, monkeypatch):
    def full(fd):
        raise OSError(28, "No space left on device")

    image = image_server.put("full", b"x" * 4096, "raw")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(HypervisorFailed, match="No space left"):
            images.base(image)
    assert left(images) == []
    assert images.base(image).virtual_size == 4096


@pytest.mark.parametrize("id", ["../../etc/passwd", "", "a/b", "x" * 65, "a\0b"])
def test_an_id_is_no_path(images, image_server, id):
    with pytest.raises(ImageUnusable, match="malformed"):
        images.base(replace(image_server.put("id", b"x", "raw"), id=id))


def test_a_sweep_removes_what_is_old_and_unused(images, image_server, monkeypatch):
    used, unused = (images.base(image_server.put(name, b"x" * 512, "raw")) for name in ("used", "unused"))
    assert images.sweep(set) == []
    monkeypatch.setattr("pileus_compute.drivers.qemu.image_cache.UNUSED_S", -1)
    assert images.sweep(lambda: {used.path}) == [unused.path]


def test_an_id_that_comes_back_with_other_bytes_is_fetched_again(images, image_server):
    mine = image_server.put("mine", b"x" * 512, "raw")
    first = images.base(mine)
    other = replace(image_server.put("other", b"y" * 512, "raw"), id=mine.id)
    assert images.base(other).path.read_bytes() == b"y" * 512 and first.path.read_bytes() == b"x" * 512
    assert images.base(replace(other, sha256=None)).path.read_bytes() == b"y" * 512, "without a hash it is fetched"
    kernel = images.file(replace(mine, format="aki"))
    assert images.file(replace(other, format="aki")).read_bytes() == b"y" * 512 and kernel.read_bytes() == b"x" * 512


def test_the_least_used_go_when_there_are_too_many(image_server, tmp_path):
    images = ImageCache(tmp_path / "cache", limit=3 * 64 << 10)
    content = b"x" * (64 << 10)
    bases = [images.base(image_server.put(f"many-{n}", content + bytes([n]) * 4096, "raw")) for n in range(5)]
    for age, base in enumerate(bases):
        os.utime(base.path, (time.time() - 100 + age,) * 2)
    assert images.too_large()
    with images.using(image_server.put("many-1", content + b"\1" * 4096, "raw")):
        assert set(images.sweep(lambda: {bases[0].path})) == {bases[2].path}
    assert not images.too_large() or bases[0].path.exists()


def test_every_hostile_image_is_refused(images, image_server, tmp_path):
    """The host inspects images itself, whatever the image service has accepted."""
    declared = {"vpc": "vhd"}
    for number, hostile in enumerate(Builder(tmp_path, Path("/etc/passwd")).all()):
        image = image_server.put(f"hostile-{number}", hostile.content, declared.get(hostile.declared, hostile.declared))
        with pytest.raises(ImageUnusable):
            images.base(image)
    assert left(images) == []


def test_an_image_that_is_larger_than_the_disk_is_not_even_converted(images, image_server, tmp_path):
    """A few kilobytes can unfold to whatever their header promises."""
    image = made(image_server, tmp_path, "bomb", "vmdk", size="2T")
    with pytest.raises(DiskTooSmall), images.using(image, 1 << 30):
        pass
    assert left(images) == []
